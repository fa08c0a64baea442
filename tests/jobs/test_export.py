"""A finished model is written whole, in the released layout, or not at all."""

import pytest
import torch
from mixtures import small_model, small_processor, write_start

from demiglace.engine.sampling import SamplingParams
from demiglace.jobs.export import export
from demiglace.model import weights


def test_what_is_written_loads_again(tmp_path):
    model = small_model()
    export(model, small_processor(), tmp_path / "model", start=None)
    again = weights.load(tmp_path / "model", torch.bfloat16, "cpu")
    assert all(torch.equal(held, model.get_parameter(name)) for name, held in again.named_parameters())


def test_the_model_it_was_made_of_says_how_it_samples(tmp_path):
    start = write_start(tmp_path / "start")
    (start / "generation_config.json").write_text('{"do_sample": true, "temperature": 0.6, "repetition_penalty": 1.05}')
    for folder, made_of in (("kept", start), ("new", None), ("plain", write_start(tmp_path / "plain start"))):
        export(small_model(), small_processor(), tmp_path / folder, made_of)
    assert SamplingParams.read(tmp_path / "kept") == SamplingParams.read(start) != SamplingParams.read(tmp_path / "new")
    assert SamplingParams.read(tmp_path / "plain") == SamplingParams.read(tmp_path / "new")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    model = small_model()
    with torch.no_grad():
        model.llm.lm_head.weight[1, 2] = value
    with pytest.raises(FloatingPointError, match=r"1 tensors have weights not finite, as llm\.lm_head\.weight"):
        export(model, small_processor(), tmp_path / "model", start=None)
    assert not (tmp_path / "model").exists()
