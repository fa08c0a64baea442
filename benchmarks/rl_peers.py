"""The same step of reinforcement learning written plainly on transformers, and by TRL: both on our transformers model.

Prompts are prepared already. Answers are rewarded by `rl.rewards`, and the encoder is frozen.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import BatchFeature, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from demiglace.batch import IGNORE
from demiglace.engine.token_roles import TokenRoles
from demiglace.integrations.transformers import MiniCPMVForConditionalGeneration, MiniCPMVProcessor
from demiglace.integrations.transformers.inputs import visual_inputs
from demiglace.integrations.transformers.rows import RowOptions, rows_of
from demiglace.processing.sample import Sample, joined
from demiglace.rl.advantages import advantages, has_spread
from demiglace.rl.policy_settings import PolicySettings
from demiglace.rl.prompts import Prompt
from demiglace.rl.rewards import accuracy_by_rule, group_rewards
from demiglace.rl.rollout import MODES, Group, Reward, Rollout

LEFT = RowOptions()
Answers = Sequence[Sequence[int]]  # to one prompt, as tokens


@dataclass(frozen=True)
class Work:
    """A step: prompts, what is shown to the model of them, and how they are answered and learned from."""

    prompts: Sequence[Prompt]
    samples: Sequence[Sample]
    settings: PolicySettings
    micro_batch_prompts: int
    learning_rate: float
    max_grad_norm: float


@dataclass(frozen=True)
class Peer:
    """Our model and processor as transformers drives them."""

    model: MiniCPMVForConditionalGeneration
    processor: MiniCPMVProcessor

    @classmethod
    def load(cls, folder: Path) -> Peer:
        model = PicturesByNumber.from_pretrained(folder, dtype=torch.float32)
        model.vpm.requires_grad_(False)
        processor = MiniCPMVProcessor.from_pretrained(folder)
        model.config.image_token_id = processor.processor.tokenizer.special["unk"]  # which TRL never lets be drawn
        return cls(model, processor)

    @property
    def roles(self) -> TokenRoles:
        return TokenRoles.of(self.processor.processor.tokenizer, self.model.config.architecture().llm.vocab_size)

    def group(self, prompt: Prompt, answers: Answers) -> Group:
        ends, decode = self.roles.ends, self.processor.processor.tokenizer.decode
        rollouts = [
            Rollout(
                prompt.number, prompt.mode, tuple(tokens), (0.0,) * len(tokens), 0,
                "end" if tokens[-1] in ends else "length", decode(token for token in tokens if token not in ends),
            )
            for tokens in answers
        ]  # fmt: skip
        return Group(prompt.question, tuple(rollouts), prompt.domain)


def rewards_of(group: Group, settings: PolicySettings) -> list[Reward]:
    """By rule; what would be rewarded by probability is no part of the work."""
    return group_rewards(group, accuracy_by_rule(group), settings.rewards)


def plain_step(peer: Peer, optimizer: torch.optim.Optimizer, work: Work) -> dict[str, float]:
    """Answer, reward and learn; seconds of each, and tokens made."""
    began = time.perf_counter()
    answers = plain_answers(peer, work)
    sampled = time.perf_counter()
    groups = [peer.group(prompt, some) for prompt, some in zip(work.prompts, answers, strict=True)]
    worth = [[reward.value or 0.0 for reward in rewards_of(group, work.settings)] for group in groups]
    scored = time.perf_counter()
    plain_gradient(peer.model, work, answers, worth)
    nn.utils.clip_grad_norm_(peer.model.parameters(), work.max_grad_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    ended = time.perf_counter()
    seconds = {"sampling_s": sampled - began, "scoring_s": scored - sampled, "learning_s": ended - scored}
    return {"seconds": ended - began, **seconds, "made_tokens": sum(len(one) for some in answers for one in some)}


@torch.no_grad()
def plain_answers(peer: Peer, work: Work) -> list[Answers]:
    """All prompts of a mode as rows of one `generate`, each as often as it is answered."""
    found: dict[int, Answers] = {}
    roles, settings = peer.roles, work.settings
    for mode in MODES:
        own = [place for place, prompt in enumerate(work.prompts) if prompt.mode == mode]
        if not own:
            continue
        rows = rows_of([work.samples[place] for place in own], LEFT, min(roles.ends))
        whole = peer.model.generate(
            **rows, do_sample=True, temperature=1.0, top_p=1.0, top_k=0, num_return_sequences=settings.answers,
            max_new_tokens=settings.limit(mode), eos_token_id=sorted(roles.ends), pad_token_id=min(roles.ends),
            suppress_tokens=sorted(roles.forbidden), repetition_penalty=1.0,
        )  # fmt: skip
        made = [_until_end(row, roles) for row in whole[:, rows["input_ids"].shape[1] :].tolist()]
        for at, place in enumerate(own):
            found[place] = made[at * settings.answers : (at + 1) * settings.answers]
    return [found[place] for place in range(len(work.prompts))]


def plain_gradient(
    model: MiniCPMVForConditionalGeneration, work: Work, answers: Sequence[Answers], rewards: Sequence[Sequence[float]]
) -> Tensor:
    """That of the mean over tokens of minus advantage times log-probability, added to the parameters; the loss.

    Each answer is a row of its own behind its prompt, padded. Groups without a spread are left out.
    """
    kept = [place for place, some in enumerate(rewards) if has_spread(some)]
    total = max(1, sum(len(one) for place in kept for one in answers[place]))
    loss = torch.zeros(())
    for at in range(0, len(kept), work.micro_batch_prompts):
        rows, worth = [], []
        for place in kept[at : at + work.micro_batch_prompts]:
            rows += [answered(work.samples[place], answer) for answer in answers[place]]
            worth += [float(one or 0.0) for one in advantages(rewards[place])]
        part = plain_loss(model, rows, torch.tensor(worth)) / total
        part.backward()
        loss += part.detach()
    return loss


def answered(prompt: Sample, answer: Sequence[int]) -> Sample:
    """The prompt with an answer behind it, which is to be learned."""
    said = torch.tensor(answer)
    labels = torch.cat([torch.full_like(prompt.tokens, IGNORE), said])
    return Sample(torch.cat([prompt.tokens, said]), prompt.visual_places, prompt.visual, labels)


def plain_loss(model: MiniCPMVForConditionalGeneration, rows: Sequence[Sample], worth: Tensor) -> Tensor:
    """Sum over the tokens of all answers. rows: with labels; worth: float (rows,)."""
    inputs = rows_of(rows, LEFT, 0)
    wanted = nn.utils.rnn.pad_sequence(
        [row.labels for row in rows if row.labels is not None], True, IGNORE, padding_side="left"
    )
    logits = model(**inputs, use_cache=False).logits[:, :-1].float()
    wanted = wanted[:, 1:]
    chosen = logits.log_softmax(-1).gather(2, wanted.clamp(min=0).unsqueeze(2)).squeeze(2)
    return -(chosen.masked_fill(wanted == IGNORE, 0.0).sum(dim=1) * worth).sum()


class PicturesByNumber(MiniCPMVForConditionalGeneration):
    """Takes the pictures of row after row by the number of its prompt, as `pixel_values` (rows,): TRL carries no other
    name for pictures. shown: samples of the prompts."""

    shown: Sequence[Sample] = ()

    @property
    def base_model(self) -> nn.Module:
        return _Seeing(super().base_model, self._pictures)

    def generate(self, *args: Any, pixel_values: Tensor | None = None, **inputs: Any) -> Any:
        return super().generate(*args, **inputs, **self._pictures(pixel_values))

    def _pictures(self, numbers: Tensor | None) -> dict[str, Tensor]:
        if numbers is None:
            return {}
        seen = [self.shown[number].visual for number in numbers.tolist()]
        return visual_inputs(joined([one for one in seen if one is not None]))


class _Seeing(nn.Module):
    def __init__(self, backbone: nn.Module, pictures: Any) -> None:
        super().__init__()
        self.backbone, self.pictures = backbone, pictures

    def forward(self, *args: Any, pixel_values: Tensor | None = None, **inputs: Any) -> Any:
        return self.backbone(*args, **inputs, **self.pictures(pixel_values))


class PreparedPrompts(MiniCPMVProcessor):
    """Gives prepared prompts for messages whose picture is the number of a prompt."""

    shown: Sequence[Sample] = ()

    def apply_chat_template(self, conversation: Any, tokenize: bool = False, **options: Any) -> Any:
        if not tokenize:
            return ""  # is handed back to `__call__`, which goes by the numbers
        numbers = [part["image"] for messages in conversation for part in messages[0]["content"] if "image" in part]
        rows = [self.shown[number] for number in numbers]
        types = [[int(place in set(row.visual_places.tolist())) for place in range(len(row.tokens))] for row in rows]
        ids = [row.tokens.tolist() for row in rows]
        return {"input_ids": ids, "mm_token_type_ids": types, "pixel_values": torch.tensor(numbers)}

    def __call__(self, images: Any = None, text: Any = None, **options: Any) -> BatchFeature:
        numbers = [number for (number,) in images]
        rows = rows_of([self.shown[number] for number in numbers], LEFT, self.tokenizer.pad_token_id)
        kept = {name: rows[name] for name in ("input_ids", "attention_mask", "mm_token_type_ids")}
        return BatchFeature({**kept, "pixel_values": torch.tensor(numbers)})


@dataclass
class StepClock(TrainerCallback):
    """Seconds from the beginning of a step, before its answers, to the end of its update."""

    began: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def on_step_begin(self, *args: Any, **others: Any) -> None:
        self.began = time.perf_counter()

    def on_step_end(self, *args: Any, **others: Any) -> None:
        self.seconds.append(time.perf_counter() - self.began)


def trl_step(folder: Path, work: Work) -> dict[str, float]:
    """TRL's GRPOTrainer at the same numbers. It has one limit for answers of both modes: that of long ones."""
    peer, made = Peer.load(folder), []
    peer.model.shown = work.samples
    prepared = PreparedPrompts.from_pretrained(folder)
    prepared.shown = work.samples

    def reward(number: Sequence[int], completion_ids: Sequence[Sequence[int]], **others: Any) -> list[float]:
        made.extend(map(len, completion_ids))
        return list(_rewards(peer, work, number, completion_ids))

    clock = StepClock()
    with tempfile.TemporaryDirectory() as aside:
        trainer = GRPOTrainer(
            peer.model, reward, _trl_config(aside, peer.roles, work), _dataset(len(work.prompts)),
            processing_class=prepared, callbacks=[clock],
        )  # fmt: skip
        trainer.train()
    return {"seconds": clock.seconds[0], "made_tokens": sum(made)}


def _trl_config(folder: str, roles: TokenRoles, work: Work) -> GRPOConfig:
    settings = work.settings
    rows = min(work.micro_batch_prompts, len(work.prompts)) * settings.answers
    parts = len(work.prompts) * settings.answers // rows
    return GRPOConfig(
        folder, use_cpu=True, report_to="none", disable_tqdm=True, save_strategy="no", max_steps=1, bf16=False,
        per_device_train_batch_size=rows, gradient_accumulation_steps=parts, steps_per_generation=parts,
        num_generations=settings.answers, max_completion_length=settings.long_limit, temperature=1.0, top_p=1.0,
        top_k=0, repetition_penalty=1.0, generation_kwargs={"suppress_tokens": sorted(roles.forbidden)},
        learning_rate=work.learning_rate, lr_scheduler_type="constant", max_grad_norm=work.max_grad_norm,
        weight_decay=0.0, loss_type="dapo", beta=0.0, scale_rewards="none", epsilon=settings.clip_bounds.low,
        epsilon_high=settings.clip_bounds.high, gradient_checkpointing=False, shuffle_dataset=False,
    )  # fmt: skip


def _dataset(count: int) -> Dataset:
    asked = [{"role": "user", "content": "?"}]
    return Dataset.from_list([{"prompt": asked, "image": number, "number": number} for number in range(count)])


def _rewards(peer: Peer, work: Work, numbers: Sequence[int], completions: Sequence[Sequence[int]]) -> Iterator[float]:
    """Of completions in groups, as TRL hands them over."""
    size = work.settings.answers
    for at in range(0, len(numbers), size):
        group = peer.group(work.prompts[numbers[at]], completions[at : at + size])
        yield from (reward.value or 0.0 for reward in rewards_of(group, work.settings))


def _until_end(tokens: Sequence[int], roles: TokenRoles) -> list[int]:
    ends = [place for place, token in enumerate(tokens) if token in roles.ends]
    return list(tokens[: ends[0] + 1] if ends else tokens)
