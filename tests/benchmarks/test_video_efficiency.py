"""What the video benchmark counts, against the implementations that it compares."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

pytest.importorskip("transformers", reason="the extra `parity` is not installed")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import video_efficiency
from qwen_models import qwen3_config, qwen25_config, qwen25_inputs, qwen_model, qwen_preparation
from results_file import RANDOM, machine_here, write_result
from video_efficiency import CLIPS, NEW_TOKENS, PAPER, computed, markdown, ratios, report, results, run_apart
from video_models import our_batch, our_model, our_preparation
from video_operations import full_size_bytes, operations
from video_rows import (
    AS_MANY,
    BUDGET,
    DEFAULTS,
    MAXIMUM,
    OURS,
    QWEN3,
    QWEN25,
    RELEASED,
    SIDE,
    Row,
    compared,
    our_row,
    qwen3_rows,
    qwen25_row,
    qwen25_rows,
    rows_of,
)
from video_sizes import FULL_PARAMETERS, Qwen3Shape, Qwen25Shape, Size, full, reduced
from video_worker import Outcome

from demiglace.model.kv_cache import KVCache
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def tiny() -> Size:
    vision = SiglipConfig(hidden_size=32, intermediate_size=48, num_layers=2, num_heads=2, patch_size=14)
    llm = replace(reduced().ours.llm, vocab_size=512, hidden_size=256, intermediate_size=64, num_layers=2, num_heads=2)
    ours = MiniCPMVConfig(vision, ResamplerConfig(64, 256, 32, num_heads=2), llm)
    qwen3 = Qwen3Shape(replace(vision, patch_size=16), (0,), llm)
    return Size(ours, Qwen25Shape(replace(vision, intermediate_size=32), (1,), llm), qwen3)


@pytest.fixture(scope="module")
def peer(tiny: Size) -> torch.nn.Module:
    torch.manual_seed(0)
    return qwen_model(qwen25_config(tiny.qwen25), "cpu")


def test_clips_become_the_tokens_that_the_policies_promise() -> None:
    ours = [our_row(policy, seconds) for policy in (RELEASED, MAXIMUM) for seconds in CLIPS]
    theirs = [row for seconds in CLIPS for row in qwen25_rows(seconds)]
    counts = {(row.policy, row.clip_seconds): row.tokens for row in (*ours, *theirs)}
    assert [counts[RELEASED, seconds] for seconds in CLIPS] == [5_760, 11_520, 11_520]
    assert [counts[MAXIMUM, seconds] for seconds in CLIPS] == [3_200, 6_400, 11_520]
    assert [counts[DEFAULTS, seconds] for seconds in CLIPS] == [7_680, 15_360, 46_080]
    assert [counts[AS_MANY[RELEASED], seconds] for seconds in CLIPS] == [11_520, 23_040, 69_120]
    assert {key: count for key, count in counts.items() if key[0] == BUDGET} == {(BUDGET, 180.0): 21_780}


@pytest.mark.parametrize("seconds", CLIPS)
def test_rows_are_compared_with_the_same_clip_and_the_same_frames(seconds: float) -> None:
    pairs = compared([*rows_of(seconds), *rows_of(7.0)])
    assert {ours.clip_seconds for ours, _ in pairs} == {seconds, 7.0}
    for ours, theirs in pairs:
        assert ours.clip_seconds == theirs.clip_seconds
        assert theirs.policy in (DEFAULTS, BUDGET) or theirs.frames == ours.frames


def test_their_frames_are_resized_as_in_transformers() -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    cell = 28**2
    budget = max(min(768 * cell, 24_576 * cell / 360 * 2), int(1.05 * 128 * cell))
    for row in qwen25_rows(180.0):
        most = budget if row.policy == BUDGET else 768 * cell
        size = smart_resize(SIDE, SIDE, 28, 128 * cell, most)
        assert size == (14 * row.patches_per_side,) * 2
        assert row.tokens == row.groups * size[0] * size[1] // cell


@pytest.mark.parametrize("frames", [4, 7])
def test_their_encoder_gives_as_many_tokens_as_are_counted(peer: torch.nn.Module, frames: int) -> None:
    row = qwen25_row(DEFAULTS, 2.0, frames)
    inputs = qwen25_inputs(row, peer.config, "cpu")
    with torch.inference_mode():
        features = peer.get_video_features(inputs["pixel_values_videos"], inputs["video_grid_thw"]).pooler_output
    assert sum(len(tokens) for tokens in features) == row.tokens
    assert inputs["input_ids"].shape == inputs["mm_token_type_ids"].shape == (1, row.prompt_tokens)


@pytest.mark.parametrize("policy", [RELEASED, MAXIMUM])
def test_our_prompt_is_as_long_as_counted(policy: str) -> None:
    row = our_row(policy, 2.3)
    batch = our_batch(row)
    assert batch.tokens.shape == (1, row.prompt_tokens)
    assert len(batch.visual_places) == row.tokens
    assert len(batch.visual.patches) == row.patches
    assert len(batch.visual.package_sizes) == row.groups


def test_their_answer_is_that_of_their_own_generate(peer: torch.nn.Module) -> None:
    row = qwen25_row(DEFAULTS, 2.0, 4)
    inputs = qwen25_inputs(row, peer.config, "cpu")
    expected = peer.generate(**inputs, max_new_tokens=4, do_sample=False)[0, row.prompt_tokens :]
    assert list(qwen_preparation(peer, "cpu")(row, 4)()) == expected.tolist()


def counted(answer: Iterator[int]) -> int:
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        list(answer)
    return counter.get_total_flops()


@pytest.mark.parametrize("architecture", [OURS, QWEN25])
def test_operations_by_formula_are_those_that_run(tiny: Size, peer: torch.nn.Module, architecture: str) -> None:
    if architecture == OURS:
        row, prepare = our_row(RELEASED, 1.0), our_preparation(our_model(tiny.ours, "cpu"), "cpu")
    else:
        row, prepare = qwen25_row(DEFAULTS, 1.0, 4), qwen_preparation(peer, "cpu")
    length, llm = row.prompt_tokens, tiny.ours.llm
    later_pairs = length * (length - 1) / 2  # masked, but computed by the kernel that can be counted
    layers = llm.num_layers - (architecture == OURS)  # the last of ours has one query of the prompt
    masked = 4 * layers * llm.num_heads * llm.head_dim * later_pairs
    expected = operations(row, tiny, new_tokens=3).total + masked
    assert counted(prepare(row, 3)()) == pytest.approx(expected, rel=0.01)


def num_parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_decoders_and_encoders_of_the_reduced_size_are_equally_large() -> None:
    theirs = qwen_model(qwen25_config(reduced().qwen25), "meta")
    with torch.device("meta"):
        ours = MiniCPMV(reduced().ours)
    assert num_parameters(ours.llm.model) == pytest.approx(num_parameters(theirs.model.language_model), rel=0.005)
    assert num_parameters(ours.vpm.encoder) == pytest.approx(num_parameters(theirs.model.visual.blocks), rel=0.005)


def test_full_sizes_are_the_released_ones() -> None:
    with torch.device("meta"):
        ours = MiniCPMV(full().ours)
    qwen25, qwen3 = qwen25_config(full().qwen25), qwen3_config(full().qwen3)
    models = {OURS: ours, QWEN25: qwen_model(qwen25, "meta"), QWEN3: qwen_model(qwen3, "meta")}
    assert {name: num_parameters(model) for name, model in models.items()} == FULL_PARAMETERS


def test_least_memory_is_weights_patches_and_cache() -> None:
    row, llm = our_row(RELEASED, 60.0), full().ours.llm
    cache = KVCache(
        llm.num_layers, 1, llm.num_kv_heads, row.prompt_tokens, llm.head_dim, dtype=torch.bfloat16, device="meta"
    )
    patches = torch.empty(row.patches, 3 * 14**2, dtype=torch.bfloat16, device="meta")
    held = cache.keys.nbytes + cache.values.nbytes + patches.nbytes
    assert full_size_bytes(row) == held + 2 * FULL_PARAMETERS[OURS]


def outcome(row: Row) -> Outcome:
    """Seconds as visual tokens, bytes as patches."""
    return Outcome(row.prompt_tokens, row.tokens / 2, row.tokens, 1.0, row.patches + 1000)


def test_what_is_not_measured_follows_from_what_is() -> None:
    small, large, larger = (qwen25_row(DEFAULTS, 30.0, frames) for frames in (60, 120, 600))
    cost = {small: 1e9, large: 2e9, larger: 5e9}
    found = computed(larger, cost, {small: outcome(small), large: outcome(large)})
    assert found.seconds == 2.5 * large.tokens
    assert found.seconds_to_first_token == 2.5 * large.tokens / 2
    assert found.peak_bytes == pytest.approx(larger.patches + 1000, abs=1)
    with pytest.raises(ValueError, match=r"1 rows of Qwen2\.5-VL were measured, at least 2"):
        computed(larger, cost, {small: outcome(small), our_row(RELEASED, 30.0): outcome(our_row(RELEASED, 30.0))})


def test_the_report_marks_what_is_computed_and_names_the_paper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(video_efficiency, "run_apart", lambda row, size, device: outcome(row))
    rows = [row for seconds in CLIPS for row in rows_of(seconds)]
    by_cost = sorted(rows, key=lambda row: operations(row, reduced(), NEW_TOKENS).total)
    found = results(rows, "reduced", "cpu", limit=operations(by_cost[-2], reduced(), NEW_TOKENS).total)
    assert [result.row for result in found if not result.measured] == by_cost[-1:]
    told = write_result(tmp_path / "result.json", report(found, "reduced"), RANDOM, machine_here())
    first = told["ratios"][0]
    assert (first["ours"], first["theirs"], first["measured"]) == (RELEASED, DEFAULTS, True)
    assert first["seconds"] == first["visual_tokens"] == 5_760 / 7_680
    assert [ratio["measured"] for ratio in ratios(found)].count(False) == 1
    lines = markdown(told).splitlines()
    assert sum(line.startswith("| 180 s* |") for line in lines) == 2
    assert f"{PAPER['seconds']:.1%}" in lines[-1]
    assert {line.count("|") for line in lines if line.startswith("|")} == {9}


def test_the_peak_counts_from_the_reset() -> None:
    """In a process that nothing else gives memory back in."""
    code = """
import sys
import torch
sys.path.insert(0, sys.argv[1])
from resampler_memory import memory
from video_worker import reset_peak
torch.ones(50_000_000).sum()
reset_peak("cpu")
before = memory("VmHWM")
torch.ones(25_000_000).sum()
print(memory("VmHWM") - before)
"""
    told = subprocess.run([sys.executable, "-c", code, str(BENCHMARKS)], capture_output=True, text=True, check=True)
    assert 80_000_000 < int(told.stdout) < 150_000_000


def test_a_process_that_fails_gives_no_figures() -> None:
    with pytest.raises(RuntimeError, match="Demiglace, 1 s: status 1"):
        run_apart(our_row(RELEASED, 1.0), "unknown", "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("row", [our_row(MAXIMUM, 1.0), qwen25_row(DEFAULTS, 1.0, 4), qwen3_rows(1.0)[0]])
def test_an_architecture_answers_in_its_own_process(row: Row) -> None:
    found = run_apart(row, "reduced", "cpu")
    assert found
    assert found.prompt_tokens == row.prompt_tokens
    assert 0 < found.seconds_to_first_token < found.seconds
    weights = 4 * (9_000_000 + 2 * 2_000_000)
    assert weights < found.peak_bytes < 20 * weights
