"""What fine-tuning is predicted to take, by what a run is told."""

from dataclasses import replace

from demiglace.jobs.finetuning import survey
from demiglace.jobs.finetuning_estimate import predict
from demiglace.training.distributed import ProcessGroup


def test_less_is_predicted_where_layers_are_computed_again(recipe, machine):
    seen = survey(recipe)
    plain, spared = (
        predict(replace(recipe, activation_checkpointing=activation_checkpointing), seen, machine, 1e9)
        for activation_checkpointing in (False, True)
    )
    assert plain.weight_bytes <= spared.memory_bytes < plain.memory_bytes
    assert plain.num_steps == recipe.num_steps(seen.lengths)
    assert plain.seconds == 2 * predict(recipe, seen, machine, 2e9).seconds > 0
    two = predict(recipe, seen, replace(machine, ranks=ProcessGroup(0, 2)), 1e9)
    assert two.weight_bytes != plain.weight_bytes


def test_what_is_kept_of_pictures_is_what_learns_from_them(recipe, machine):
    seen = survey(recipe)
    parts = ("decoder",), ("resampler", "decoder"), ("encoder", "resampler", "decoder")
    costs = [predict(replace(recipe, parts=trainable), seen, machine, 1e9) for trainable in parts]
    kept = [cost.memory_bytes - cost.weight_bytes for cost in costs]
    assert kept == sorted(set(kept))
    assert seen.patches == 9 * 8
