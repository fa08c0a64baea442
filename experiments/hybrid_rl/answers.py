"""Answers of several models to the same questions, short and long, the likeliest ones and drawn ones.

    python experiments/hybrid_rl/answers.py --out FILE.jsonl [--models NAME=FOLDER ...] [--each 24] [--samples 1]

The questions are those of `runs/rl.toml`, or of `--mixture`, drawn with a seed that no run has. `untouched` is the
model that ships. A line of FILE is an answer; models that are in it are not asked again. Temperature 0 is the likeliest
answer; at temperature 1 `--samples` answers are drawn, which tell how often the model is right as it learns: p. With
`--sentences` sentences are asked for; they are right where what they say is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from arms import MIXTURE, with_sentence

from demiglace.data.mixture import Mixture
from demiglace.data.mixture_file import RL, read_mixture
from demiglace.data.source import Source
from demiglace.engine.engine import Failure
from demiglace.engine.sampling import SamplingParams
from demiglace.engine.token_sampler import SampledToken, TokenSampler
from demiglace.model import weights
from demiglace.model.hub import folder_of
from demiglace.processing.chat_template import split_answer
from demiglace.processing.processor import Processor
from demiglace.processing.sample import Sample
from demiglace.rl.generator import EngineGenerator
from demiglace.rl.prompts import Prompt, Prompts

HELD_OUT = 0x48656C64  # the seed of no run
LIMITS = {"short": 64, "long": 160}  # tokens
Asked = list[tuple[Prompt, Sample]]


@dataclass(frozen=True)
class Drawn:
    """temperature 0 is the likeliest answer; place: of an answer among those drawn at temperature 1."""

    temperature: float
    place: int

    def sampling(self, limit: int, number: int) -> SamplingParams:
        if self.temperature == 0:
            return SamplingParams.greedy(limit)
        seed = number * 1000 + self.place
        return SamplingParams(limit, temperature=1.0, top_p=1.0, top_k=0, repetition_penalty=1.0, seed=seed)


def asked_of(source: Source, each: int, processor: Processor, in_sentences: bool) -> Asked:
    """The same questions in both modes; each still has its short answer."""
    found = []
    for share in (0.0, 1.0):
        prompts = Prompts(Mixture((source,), (1.0,), (1.0,)), share, HELD_OUT)
        drawn = [prompts.read(number, draw) for number, draw in enumerate(prompts.draws(0, each))]
        asked = [with_sentence(prompt) if in_sentences else prompt for prompt in drawn]
        found += [(prompt, processor.prepare(prompt.conversation())) for prompt in asked]
    return found


def records(generator: EngineGenerator, asked: Asked, ways: list[Drawn]) -> Iterator[dict[str, Any]]:
    """Of every answer: to each prompt in each way."""
    engine, roles, processor = generator.engine, generator.roles, generator.processor
    generator.encode_pictures([sample for _, sample in asked])
    under_way: dict[int, tuple[Prompt, Drawn, list[SampledToken]]] = {}
    for prompt, sample in asked:
        for way in ways:
            params = way.sampling(LIMITS[prompt.mode], prompt.number)
            number = engine.add(processor.batch([sample]), TokenSampler(params, roles, prompt.mode == "long"))
            under_way[number] = prompt, way, []
    while not engine.is_idle:
        for step in engine.step():
            assert not isinstance(step, Failure), step
            under_way[step.row][2].append(step.sampled)
    for prompt, way, tokens in under_way.values():
        is_cut = tokens[-1].stopped_by == "length"
        text = processor.tokenizer.decode(one.token for one in tokens if one.token not in roles.ends)
        said = split_answer(text, prompt.mode == "long")[1]
        yield {
            "domain": prompt.domain,
            "kind": prompt.question.kind,
            "mode": prompt.mode,
            "number": prompt.number,
            "temperature": way.temperature,
            "place": way.place,
            "wanted": prompt.question.answer,
            "said": said,
            "tokens": len(tokens),
            "cut": is_cut,
            "right": not is_cut and prompt.question.is_answered_by(said),
        }


def answer(models: Mapping[str, Path], asked: Asked, processor: Processor, out: Path, samples: int) -> None:
    """Those models that `out` does not have yet."""
    generator = EngineGenerator(weights.load(folder_of(None), torch.float32).requires_grad_(False), processor, True)
    ways = [Drawn(0.0, 0), *(Drawn(1.0, place) for place in range(samples))]
    lines = out.read_text().splitlines() if out.exists() else []
    known = {json.loads(line)["model"] for line in lines}
    for name, folder in models.items():
        if name in known:
            continue
        generator.load(weights.load(folder, torch.float32).named_parameters(), 0)
        found = [{"model": name, **record} for record in records(generator, asked, ways)]
        with out.open("a") as file:
            file.writelines(json.dumps(record) + "\n" for record in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=[], metavar="NAME=FOLDER", help="beside the untouched one")
    parser.add_argument("--mixture", type=Path, default=MIXTURE)
    parser.add_argument("--sentences", action="store_true")
    parser.add_argument("--each", type=int, default=24, help="questions of a domain")
    parser.add_argument("--samples", type=int, default=1, help="answers drawn at temperature 1")
    options = parser.parse_args()
    named = (one.split("=", 1) for one in options.models)
    models = {"untouched": folder_of(None)} | {name: Path(folder) for name, folder in named}
    processor = Processor.load(folder_of(None))
    sources = read_mixture(options.mixture).mixture(RL).sources
    asked = [one for source in sources for one in asked_of(source, options.each, processor, options.sentences)]
    answer(models, asked, processor, options.out, options.samples)


if __name__ == "__main__":
    main()
