"""vLLM in two processes that share each layer of the decoder answers as we do. Needs `make vllm`, see docs/vllm.md."""

from pathlib import Path

import pytest
from clips import make_clip
from vllm_questions import ROOT, SIXES, Asked, exported, needs_vllm, ours, theirs

from demiglace import Demiglace

pytestmark = [pytest.mark.slow, needs_vllm]


def test_two_processes_give_the_same_answers(tmp_path: Path) -> None:
    """Each has half of the heads of the decoder; sums over both halves are rounded otherwise."""
    read = {"text": "Read the text."}
    clip = {"clip": str(make_clip(tmp_path / "clip.mp4", range(60)))}
    asked = [
        Asked([{"picture": str(ROOT / "samples" / "heading.png")}, read]),
        Asked([clip, {"text": "What is this?"}], SIXES),
        Asked([read]),
    ]
    checkpoint = exported(tmp_path / "exported")
    told = Demiglace.load(checkpoint, "cpu", "float32")
    assert theirs(tmp_path, checkpoint, asked, processes=2) == [ours(told, one) for one in asked]
