"""What processes share; two of them train as one in `tests/cli/test_pretrain.py`."""

from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

from demiglace.data.object_cache import MOST_SECONDS
from demiglace.training.distributed import ALONE, ProcessGroup, distributed, full_tensor, own_device, shard_like


@pytest.mark.parametrize("count", [1, 2, 4])
def test_streams_are_dealt_out_whole_and_once(count):
    shares = [list(ProcessGroup(rank, count).share(8)) for rank in range(count)]
    assert sorted(stream for share in shares for stream in share) == list(range(8))
    assert len({len(share) for share in shares}) == 1


def test_rows_that_cannot_be_dealt_out_evenly_are_refused():
    with pytest.raises(ValueError, match="8 rows per step cannot be split evenly among 3 processes"):
        ProcessGroup(0, 3).share(8)


def test_alone_nothing_of_torch_distributed_begins():
    with distributed(torch.device("cpu")) as ranks:
        assert ranks is ALONE
        assert not dist.is_initialized()
    assert ranks.sum([1.5, 2.0]) == [1.5, 2.0]
    assert ranks.merge({1: "a"}) == {1: "a"}
    assert own_device(torch.device("cpu")) == torch.device("cpu")


def test_what_is_not_sharded_stays_as_it_is():
    tensor, model = torch.zeros(3), torch.nn.Parameter(torch.ones(3))
    assert full_tensor(tensor) is tensor
    assert shard_like(tensor, model) is tensor


def test_processes_wait_longer_than_a_file_of_a_store_may_take(monkeypatch):
    given = {}
    monkeypatch.setattr(dist, "is_torchelastic_launched", lambda: True)
    monkeypatch.setattr(dist, "init_process_group", lambda backend, **named: given.update(named))
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    monkeypatch.setattr(dist, "get_rank", lambda: 0)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    with distributed(torch.device("cpu")):
        assert given["timeout"] > timedelta(seconds=MOST_SECONDS)
