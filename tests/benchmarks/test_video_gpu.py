"""Qwen3-VL's rows and operations, and the report of what a GPU measured."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import video_gpu
from qwen_models import qwen3_config, qwen3_inputs
from results_file import RANDOM, machine_here, write_result
from video_gpu import SETTINGS, VIDEO_MME, Measured, markdown, over_video_mme, report, rows_of_clips, work
from video_operations import qwen3_operations
from video_rows import ARCHITECTURES, DEFAULTS, MAXIMUM, OURS, QWEN3, Row, qwen3_rows
from video_sizes import reduced
from video_worker import Outcome

transformers = pytest.importorskip("transformers", reason="the extra `parity` is not installed")


def test_rows_are_the_counted_ones_and_at_as_many_frames_as_ours():
    free, released, maximum = qwen3_rows(180.0)
    assert (free.policy, free.frames, free.tokens) == (DEFAULTS, 360, 11_520)
    assert (released.frames, maximum.frames) == (540, 1080)
    assert maximum.tokens == 540 * (448 // 32) ** 2
    assert free.patches == 180 * 16**2


def test_operations_are_those_that_torch_counts():
    """Of the reduced size: the prompt and one token more."""
    shape, row = reduced().qwen3, qwen3_rows(1.0)[0]
    with torch.device("meta"):
        model = transformers.AutoModelForImageTextToText.from_config(qwen3_config(shape), attn_implementation="sdpa")
    expected = qwen3_operations(row, reduced(), 1)
    vision, decoder = model.model.visual, model.model.language_model
    linear = sum(weight.numel() for weight in vision.blocks.parameters() if weight.ndim == 2)
    assert linear == shape.vision.num_layers * (4 * 144**2 + 2 * 144 * 540)
    mergers = [*vision.merger.parameters(), *vision.deepstack_merger_list.parameters()]
    merged = sum(weight.numel() for weight in mergers if weight.ndim == 2)
    assert expected.between == 2 * merged * row.tokens
    layers = sum(weight.numel() for weight in decoder.layers.parameters() if weight.ndim == 2)
    head = model.lm_head.weight.numel()
    pairs = 2 * shape.llm.num_layers * 512 * row.prompt_tokens * (row.prompt_tokens + 1)
    assert expected.decoder == 2 * (layers * row.prompt_tokens + head) + pairs


def test_the_prompt_is_as_long_as_the_row_says():
    row = qwen3_rows(2.0)[1]
    inputs = qwen3_inputs(row, qwen3_config(reduced().qwen3), "cpu")
    assert inputs["input_ids"].shape[1] == row.prompt_tokens
    assert int((inputs["mm_token_type_ids"] == 2).sum()) == row.tokens
    assert inputs["pixel_values_videos"].shape[0] == row.patches


@pytest.fixture
def known() -> tuple[list[Row], Measured]:
    """Rows take seconds as frames and bytes as tokens, but for one that does not fit and one not reached."""
    rows, found = rows_of_clips((30.0, *VIDEO_MME.values())), Measured()
    for row in rows:
        outcome = Outcome(row.prompt_tokens, 1.0, float(row.frames), 1.0, row.tokens)
        found.outcomes[work(row)] = outcome
    first, second = (
        row for row in rows if row.clip_seconds == 30.0 and row.architecture == QWEN3 and row.policy != DEFAULTS
    )
    found.outcomes[work(first)] = None
    del found.outcomes[work(second)]
    return rows, found


def test_the_report_compares_what_was_measured_and_names_what_was_not(known, tmp_path):
    rows, found = known
    figures = report(rows, found.outcomes, {"row": {"frames": 3}, "seconds": {"encoder": 0.5}}, "full")
    told = write_result(tmp_path / "video.json", figures, RANDOM, machine_here())
    outcomes = [row["outcome"] for row in told["rows"] if row["clip_seconds"] == 30.0 and row["architecture"] == QWEN3]
    assert outcomes[1:] == ["does not fit", "not reached"]
    pairs = {(ratio["setting"], ratio["clip_seconds"], ratio["beside"]) for ratio in told["ratios"]}
    assert ("equal frames", 30.0, QWEN3) not in pairs
    assert ("equal frames", 520.0, QWEN3) in pairs
    lines = markdown(told).splitlines()
    assert sum("Video-MME's lengths" in line for line in lines) == 2 * len(SETTINGS)
    assert {line.count("|") for line in lines if line.startswith("|")} == {8}
    assert "encoder 0.500 s" in lines[-1]


def test_clips_of_as_many_frames_are_measured_once():
    rows = [row for row in rows_of_clips((520.0, 2470.0)) if (row.architecture, row.policy) == (OURS, MAXIMUM)]
    assert len(rows) == 2
    assert work(rows[0]) == work(rows[1])


def test_video_mme_needs_all_its_lengths(known):
    rows, found = known
    del found.outcomes[next(work(row) for row in rows if row.clip_seconds == 80.0 and row.architecture == OURS)]
    assert not any(mean["setting"] == "equal frames" for mean in over_video_mme(rows, found.outcomes))


@pytest.mark.slow
def test_the_workers_measure_all_at_reduced_size(tmp_path):
    told = video_gpu.run("reduced", "cpu", 3600.0, (1.0,), tmp_path / "video.json")
    assert all(isinstance(row["outcome"], dict) for row in told["rows"])
    assert {row["architecture"] for row in told["rows"]} == set(ARCHITECTURES)
    assert set(told["breakdown"]["seconds"]) >= {"encoder", "resampler", "resampler, plain"}
    assert (tmp_path / "video.md").read_text() == markdown(told)
