"""A transformers sequence classifier as the reward model: it reads a question and an answer, and gives a score.

It sees only text. If its tokenizer has a chat template, both form a conversation, as reward models for language models
expect; otherwise they form a pair of texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from demiglace.rl.rollout import Group


class SequenceClassifier:
    """A `rewards.RewardModel` from a folder with one output; the extra `transformers` is needed."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        """Raises ValueError if transformers is missing, if the folder has no such model or a damaged one, if weights
        are missing in its file, if it does not have exactly one output, or if its tokenizer has more tokens than the
        model has embeddings."""
        try:
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ModuleNotFoundError as missing:
            raise ValueError("a reward model needs transformers: pip install 'demiglace[transformers]'") from missing
        try:
            options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}  # else it may prompt
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, **options)
            model: Any
            model, loading_info = AutoModelForSequenceClassification.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **options
            )
        except Exception as error:  # a damaged file: of tokenizers, safetensors, or due to a wrong field
            raise ValueError(f"{folder} holds no sequence classifier: {' '.join(str(error).split())}") from error
        if missing_keys := sorted(loading_info["missing_keys"]):
            raise ValueError(f"{folder} lacks {len(missing_keys)} weights of a sequence classifier: {missing_keys[0]}")
        if model.config.num_labels != 1:
            raise ValueError(f"{folder}: a reward model has 1 output, got {model.config.num_labels}")
        known, embedded = len(self.tokenizer), model.get_input_embeddings().num_embeddings
        if known > embedded:
            raise ValueError(f"{folder}: the tokenizer has {known} tokens, but the model knows {embedded}")
        self.folder, self.device, self.model = folder, device, model.to(device).eval()

    @torch.inference_mode()
    def __call__(self, group: Group, texts: Sequence[str]) -> list[float]:
        """A score for each text; ValueError if one is longer than the model's positions.

        Each text is scored without padding: a decoder's score is that of its last token, which transformers takes from
        the padding where the tokenizer pads with another token than the model's config names.
        """
        scores = {text: self._score(group.question.text, text) for text in dict.fromkeys(texts)}
        return [scores[text] for text in texts]

    def _score(self, question: str, text: str) -> float:
        encoded = self._encoded(question, text).to(self.device)
        length, limit = encoded["input_ids"].shape[1], getattr(self.model.config, "max_position_embeddings", None)
        if limit is not None and length > limit:
            raise ValueError(f"question and answer have {length} tokens, reward model {self.folder} {limit} positions")
        return float(self.model(**encoded).logits.float())

    def _encoded(self, question: str, text: str) -> Any:
        if self.tokenizer.chat_template is None:
            return self.tokenizer([question], [text], return_tensors="pt")
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": text}]
        said = self.tokenizer.apply_chat_template(turns, tokenize=False)
        return self.tokenizer([said], return_tensors="pt", add_special_tokens=False)
