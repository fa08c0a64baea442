"""What the video benchmark counts, against the implementations that it compares."""

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
from resampler_memory import memory
from results_file import RANDOM, machine_here, write_result
from video_efficiency import CLIPS, NEW_TOKENS, PAPER, computed, markdown, ratios, report, results, run_apart
from video_peers import (
    Job,
    Outcome,
    our_batch,
    our_model,
    our_preparation,
    reset_peak,
    their_inputs,
    their_model,
    their_preparation,
)
from video_rows import (
    AS_MANY,
    BUDGET,
    DEFAULTS,
    FULL_PARAMETERS,
    MAXIMUM,
    OURS,
    RELEASED,
    SIDE,
    THEIRS,
    QwenShape,
    Row,
    Size,
    compared,
    full,
    full_size_bytes,
    operations,
    our_row,
    reduced,
    rows_of,
    their_row,
)

from demiglace.model.layers import KVCache
from demiglace.model.minicpmv import MiniCPMV, MiniCPMVConfig
from demiglace.model.resampler import ResamplerConfig
from demiglace.model.siglip import SiglipConfig


@pytest.fixture(scope="module")
def tiny() -> Size:
    vision = SiglipConfig(hidden_size=32, intermediate_size=48, num_layers=2, num_heads=2, patch_size=14)
    llm = replace(reduced().ours.llm, vocab_size=512, hidden_size=256, intermediate_size=64, num_layers=2, num_heads=2)
    ours = MiniCPMVConfig(vision, ResamplerConfig(64, 256, 32, num_heads=2), llm)
    return Size(ours, QwenShape(replace(vision, intermediate_size=32), (1,), llm))


@pytest.fixture(scope="module")
def peer(tiny: Size) -> torch.nn.Module:
    torch.manual_seed(0)
    return their_model(tiny.theirs, "cpu")


def test_clips_become_the_tokens_that_the_policies_promise() -> None:
    counts = {(row.policy, row.clip_seconds): row.tokens for seconds in CLIPS for row in rows_of(seconds)}
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
    for row in rows_of(180.0):
        if row.architecture == THEIRS:
            most = budget if row.policy == BUDGET else 768 * cell
            size = smart_resize(SIDE, SIDE, 28, 128 * cell, most)
            assert size == (14 * row.patches_per_side,) * 2
            assert row.tokens == row.groups * size[0] * size[1] // cell


@pytest.mark.parametrize("frames", [4, 7])
def test_their_encoder_gives_as_many_tokens_as_are_counted(peer: torch.nn.Module, frames: int) -> None:
    row = their_row(DEFAULTS, 2.0, frames)
    inputs = their_inputs(row, peer.config, "cpu")
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
    row = their_row(DEFAULTS, 2.0, 4)
    inputs = their_inputs(row, peer.config, "cpu")
    expected = peer.generate(**inputs, max_new_tokens=4, do_sample=False)[0, row.prompt_tokens :]
    assert list(their_preparation(peer, "cpu")(row, 4)()) == expected.tolist()


def counted(answer: Iterator[int]) -> int:
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        list(answer)
    return counter.get_total_flops()


@pytest.mark.parametrize("architecture", [OURS, THEIRS])
def test_operations_by_formula_are_those_that_run(tiny: Size, peer: torch.nn.Module, architecture: str) -> None:
    if architecture == OURS:
        row, prepare = our_row(RELEASED, 1.0), our_preparation(our_model(tiny.ours, "cpu"), "cpu")
    else:
        row, prepare = their_row(DEFAULTS, 1.0, 4), their_preparation(peer, "cpu")
    length, llm = row.prompt_tokens, tiny.ours.llm
    later_pairs = length * (length - 1) / 2  # masked, but computed by the kernel that can be counted
    layers = llm.num_layers - (architecture == OURS)  # the last of ours has one query of the prompt
    masked = 4 * layers * llm.num_heads * llm.head_dim * later_pairs
    expected = operations(row, tiny, new_tokens=3).total + masked
    assert counted(prepare(row, 3)()) == pytest.approx(expected, rel=0.01)


def num_parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_decoders_and_encoders_of_the_reduced_size_are_equally_large() -> None:
    theirs = their_model(reduced().theirs, "meta")
    with torch.device("meta"):
        ours = MiniCPMV(reduced().ours)
    assert num_parameters(ours.llm.model) == pytest.approx(num_parameters(theirs.model.language_model), rel=0.005)
    assert num_parameters(ours.vpm.encoder) == pytest.approx(num_parameters(theirs.model.visual.blocks), rel=0.005)


@pytest.mark.parametrize("architecture", [OURS, THEIRS])
def test_full_size_is_the_released_one(architecture: str) -> None:
    with torch.device("meta"):
        model = MiniCPMV(full().ours) if architecture == OURS else their_model(full().theirs, "meta")
    assert num_parameters(model) == FULL_PARAMETERS[architecture]


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
    small, large, larger = (their_row(DEFAULTS, 30.0, frames) for frames in (60, 120, 600))
    cost = {small: 1e9, large: 2e9, larger: 5e9}
    found = computed(larger, cost, {small: outcome(small), large: outcome(large)})
    assert found.seconds == 2.5 * large.tokens
    assert found.seconds_to_first_token == 2.5 * large.tokens / 2
    assert found.peak_bytes == pytest.approx(larger.patches + 1000, abs=1)
    with pytest.raises(ValueError, match=r"1 rows of Qwen2\.5-VL were measured, at least 2"):
        computed(larger, cost, {small: outcome(small), our_row(RELEASED, 30.0): outcome(our_row(RELEASED, 30.0))})


def test_the_report_marks_what_is_computed_and_names_the_paper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(video_efficiency, "run_apart", lambda job: outcome(job.row))
    rows = [row for seconds in CLIPS for row in rows_of(seconds)]
    cost = sorted(operations(row, reduced(), NEW_TOKENS).total for row in rows)
    found = results(rows, "reduced", "cpu", limit=cost[-2])
    assert [result.row for result in found if not result.measured] == [rows[-1]]
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
    torch.ones(50_000_000).sum()
    reset_peak("cpu")
    before = memory("VmHWM")
    torch.ones(25_000_000).sum()
    assert 80_000_000 < memory("VmHWM") - before < 150_000_000


def test_a_process_that_fails_gives_no_figures() -> None:
    with pytest.raises(RuntimeError, match="Demiglace, 1 s: status 1"):
        run_apart(Job(our_row(RELEASED, 1.0), "unknown", "cpu", 1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("row", [our_row(MAXIMUM, 1.0), their_row(DEFAULTS, 1.0, 4)])
def test_an_architecture_answers_in_its_own_process(row: Row) -> None:
    found = run_apart(Job(row, "reduced", "cpu", 1, 2))
    assert found
    assert found.prompt_tokens == row.prompt_tokens
    assert 0 < found.seconds_to_first_token < found.seconds
    weights = 4 * (9_000_000 + 2 * 2_000_000)
    assert weights < found.peak_bytes < 20 * weights
