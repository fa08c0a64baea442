"""In vLLM: a checkpoint in the released layout, with the released token ids, and an adapter that was trained here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from checkpoints import make_outspoken, released_tokenizer, tiny_config
from clips import make_clip
from typer.testing import CliRunner
from vllm_questions import ROOT, SIXES, Asked, exported, needs_vllm, ours, theirs

from demiglace import Demiglace
from demiglace.cli.main import app
from demiglace.model import weights
from demiglace.model.adapters import Lora, add_adapters, save_adapter
from demiglace.model.config_file import CheckpointFacts
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.processing.processor import Processor
from demiglace.processing.processor_config import ProcessorConfig

LINE, WHAT = {"picture": str(ROOT / "samples" / "line.png")}, {"text": "What is this?"}
LEARNED = "The sign of seven."

pytestmark = [pytest.mark.slow, needs_vllm]


@pytest.fixture
def clip(tmp_path: Path) -> dict[str, str]:
    return {"clip": str(make_clip(tmp_path / "clip.mp4", range(60)))}


def released_config(vocab_size: int) -> MiniCPMVConfig:
    """Tiny, but with decoder heads that vLLM has kernels for, and resampler heads by the release's rule."""
    tiny = tiny_config(vocab_size)
    llm = replace(tiny.llm, hidden_size=256, intermediate_size=64, head_dim=32)
    return MiniCPMVConfig(tiny.vision, replace(tiny.resampler, hidden_size=256, num_heads=2), llm)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Random weights in the layout, with the token ids and the numbers of the release's processor."""
    folder, processor = tmp_path / "released", Processor(released_tokenizer(), ProcessorConfig())
    processor.save(folder)
    torch.manual_seed(0)
    model = MiniCPMV(released_config(processor.tokenizer.vocab_size))
    make_outspoken(model)
    facts = CheckpointFacts(**processor.checkpoint_facts(), do_sample=False)
    weights.save(model.to(torch.bfloat16), folder, facts, max_shard_bytes=50_000_000)
    return folder


def test_the_released_layout_answers_the_same(released: Path, clip: dict[str, str], tmp_path: Path) -> None:
    fields = json.loads((released / "config.json").read_text())
    assert not {"resampler_num_heads", "position_ids"} & {*fields, *fields["vision_config"]}
    assert len(list(released.glob("*.safetensors"))) > 1
    asked = [Asked([LINE, WHAT]), Asked([clip, WHAT], SIXES), Asked([LINE, clip, clip, WHAT], SIXES)]
    told = Demiglace.load(released, "cpu", "float32")
    expected = [ours(told, one) for one in asked]
    assert len({tuple(one["answer"]) for one in expected}) == len(asked)
    assert theirs(tmp_path, released, asked) == expected


def test_an_adapter_trained_here_answers_the_same(clip: dict[str, str], tmp_path: Path) -> None:
    model = exported(tmp_path / "exported")
    turns = [{"role": "user", "content": "<image>What is this?"}, {"role": "assistant", "content": LEARNED}]
    record = json.dumps({"messages": turns, "images": [LINE["picture"]]})
    (tmp_path / "records.jsonl").write_text(f"{record}\n" * 8)
    command = ["finetune", model, tmp_path / "records.jsonl", "--out", tmp_path / "run", "--media-root", "/"]
    numbers = ["--lora", "--rank", 8, "--epochs", 12, "--held-out", 0, "--lr", 0.01, "--device", "cpu", "--length", 256]
    done = CliRunner().invoke(app, list(map(str, [*command, *numbers])))
    assert done.exit_code == 0, done.output
    adapter = tmp_path / "run" / "adapter"
    asked = [Asked([LINE, WHAT]), Asked([LINE, WHAT], adapted=True), Asked([clip, WHAT], SIXES, adapted=True)]
    plain, adapted = (Demiglace.load(model, "cpu", "float32", adapter=one) for one in (None, adapter))
    expected = [ours(adapted if one.adapted else plain, one) for one in asked]
    assert expected[0]["answer"] != expected[1]["answer"]
    assert theirs(tmp_path, model, asked, adapter) == expected


def test_an_adapter_of_the_encoder_is_refused(tmp_path: Path) -> None:
    """vLLM would answer without that part of it."""
    model = exported(tmp_path / "exported")
    save_adapter(add_adapters(weights.load(model), ("encoder", "decoder"), Lora(8)), tmp_path / "adapter")
    (said,) = theirs(tmp_path, model, [Asked([LINE, WHAT], adapted=True)], tmp_path / "adapter")
    assert "lora_A.weight, but vLLM serves adapters of the decoder alone" in said["error"]
