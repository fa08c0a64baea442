"""Prompts prepared ahead by another process are those that this one would prepare."""

import json
from contextlib import closing

import pytest
import torch
from clips import plain_clip
from mixtures import small_processor

from demiglace.data.mixture import Mixture
from demiglace.data.sources.generated_clips import GeneratedClips
from demiglace.data.sources.generated_questions import GeneratedQuestions
from demiglace.data.sources.jsonl import JsonFile
from demiglace.rl.prompt_batches import PromptBatches, PromptReader
from demiglace.rl.prompts import Prompts

SOURCES = (GeneratedClips("clips", max_packages=2), GeneratedQuestions("words", text_share=1.0))


def batches(num_workers=0, places=range(4), max_tokens=1000, on_bad=None):
    prompts = Prompts(Mixture(SOURCES, (1.0, 1.0), (1.0, 1.0)), 0.5, seed=3)
    reader = PromptReader(prompts, small_processor(), max_tokens)
    return PromptBatches(reader, 4, places, on_bad or [].append, num_workers)


def assert_same(mine, wanted):
    (prompts, samples), (wanted_prompts, wanted_samples) = mine, wanted
    assert [one.name for one in prompts] == [one.name for one in wanted_prompts]
    assert [one.question for one in prompts] == [one.question for one in wanted_prompts]
    for one, other in zip(samples, wanted_samples, strict=True):
        assert torch.equal(one.tokens, other.tokens)
        assert torch.equal(one.visual_places, other.visual_places)
        assert (one.visual is None) == (other.visual is None)
        assert one.visual is None or torch.equal(one.visual.patches, other.visual.patches)
        assert one.visual is None or torch.equal(one.visual.ticks, other.visual.ticks)


def test_prompts_made_ahead_are_the_same_and_any_batch_may_be_the_first():
    plain = batches()
    with closing(batches(num_workers=1)) as ahead:
        for number in (0, 1, 5):  # a run that goes on begins anywhere
            assert_same(ahead.batch(number), plain.batch(number))
        assert ahead._started.keys() == {6}
    assert plain._started == {}


def test_processes_share_a_batch():
    whole = batches().batch(1)
    halves = [batches(places=places).batch(1) for places in (range(2), range(2, 4))]
    assert_same(([*halves[0][0], *halves[1][0]], [*halves[0][1], *halves[1][1]]), whole)


def test_a_prompt_that_is_too_long_is_told_by_its_name():
    messages = []
    assert batches(max_tokens=5, on_bad=messages.append).batch(0) == ([], [])
    assert len(messages) == 4
    assert "prompt 0 of " in str(messages[0])


def test_a_long_video_is_fitted_and_the_prompt_says_how(tmp_path):
    (tmp_path / "clip.gif").write_bytes(plain_clip(20))
    turns = [{"role": "user", "content": "What happens?"}, {"role": "assistant", "content": "It turns red."}]
    (tmp_path / "own.jsonl").write_text(json.dumps({"messages": turns, "video": "clip.gif"}) + "\n")
    prompts = Prompts(Mixture((JsonFile("own", tmp_path / "own.jsonl"),), (1.0,), (1.0,)), 0.0, seed=0)
    (prompt,), (sample,) = PromptBatches(PromptReader(prompts, small_processor(), 300), 1, [0], pytest.fail).batch(0)
    assert 150 < len(sample.tokens) <= 300
    assert small_processor().prepare(prompt.conversation()).tokens.tolist() == sample.tokens.tolist()
