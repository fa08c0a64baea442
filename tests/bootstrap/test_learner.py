"""How a learner begins."""

import torch

from demiglace.bootstrap.learner import learner_from_seed


def test_the_seed_alone_decides_every_weight(config):
    torch.manual_seed(1)
    one = learner_from_seed(config, seed=0).state_dict()
    torch.manual_seed(2)
    other = learner_from_seed(config, seed=0).state_dict()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_another_seed_draws_everything_anew_but_what_begins_constant(config):
    torch.manual_seed(1)
    one = learner_from_seed(config, seed=0).state_dict()
    torch.manual_seed(1)
    other = learner_from_seed(config, seed=1).state_dict()
    same = {name for name in one if torch.equal(one[name], other[name])}
    constant = {name for name, weight in one.items() if weight.ndim < 2}
    assert same == constant | {"model.vpm.embeddings.position_embedding.weight"}
