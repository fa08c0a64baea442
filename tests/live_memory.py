"""The most bytes of tensors alive at once in a block: every storage that an operation makes, until it is freed."""

import weakref

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveMemory(TorchDispatchMode):
    """`peak` counts what was made in the block, not what was there before."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.known = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        before = {value.untyped_storage()._cdata for value in tree_leaves((args, kwargs)) if hasattr(value, "_cdata")}
        for value in tree_leaves(made):
            if hasattr(value, "untyped_storage"):
                self._count(value.untyped_storage(), before)
        return made

    def _count(self, storage, before):
        if storage._cdata in before or storage._cdata in self.known:
            return
        self.known.add(storage._cdata)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, storage._cdata, storage.nbytes())

    def _free(self, place, size):
        self.known.discard(place)
        self.now -= size
