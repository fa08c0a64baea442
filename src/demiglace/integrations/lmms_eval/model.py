"""The class that lmms-eval instantiates for `--model demiglace --model_args ...`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from tqdm import tqdm

from demiglace.conversation import VideoSampling
from demiglace.inference.answer import Answer
from demiglace.inference.demiglace import Demiglace
from demiglace.integrations.lmms_eval.requests import conversation_of, sampling_of

HELD = 8  # batches whose pictures are in memory at a time


class DemiglaceForLmmsEval(lmms):
    """Our engine, `batch_size` questions at a time. A file that cannot be read ends the run: no question goes unasked.

    pretrained, device, dtype, adapter, quantize: as in `Demiglace.load`. thinking: long mode; answers are returned
    without the reasoning. max_slices: per picture. fps, num_frames, max_packages, package_frames: of `VideoSampling`.
    """

    is_simple = False

    def __init__(
        self,
        pretrained: str = "nano",
        device: str | None = None,
        batch_size: int | str = 1,
        max_batch_size: int | None = None,
        dtype: str | None = None,
        adapter: str | None = None,
        quantize: str | None = None,
        thinking: bool = False,
        max_slices: int | None = None,
        **video: Any,
    ) -> None:
        super().__init__()
        if not str(batch_size).isdecimal():
            raise ValueError(f"batch_size is how many questions are answered at a time, got {batch_size!r}")
        self.batch_size = int(batch_size)
        self.thinking = bool(thinking)
        self.video = _sampling(**video)
        assistant = Demiglace.load(pretrained, device, dtype, adapter, quantize)
        self.assistant = assistant if max_slices is None else assistant.sliced(max_slices=max_slices)

    def generate_until(self, requests: Sequence[Instance]) -> list[GenerationResult]:
        """Answers in the order of the requests."""
        return list(tqdm(self._results(requests), "demiglace", total=len(requests)))

    def _results(self, requests: Sequence[Instance]) -> Iterator[GenerationResult]:
        for start in range(0, len(requests), HELD * self.batch_size):
            asked = [request.args for request in requests[start : start + HELD * self.batch_size]]
            conversations = [
                conversation_of(messages_of(self.task_dict[task][split][number]), self.thinking, self.video)
                for _, messages_of, _, number, task, split in asked
            ]
            answers = self.assistant.batch(
                conversations, [sampling_of(request[2]) for request in asked], self.batch_size
            )
            yield from map(_result, answers)

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> list[str]:
        raise NotImplementedError("tasks of many rounds are not supported")

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError("tasks that compare likelihoods are not supported")


def _sampling(
    fps: float | None = None,
    num_frames: int | None = None,
    max_packages: int | None = None,
    package_frames: int | None = None,
) -> VideoSampling | None:
    """None if no option is set."""
    given = {"fps": fps, "num_frames": num_frames, "max_packages": max_packages, "package_frames": package_frames}
    wanted: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not wanted:
        return None
    return VideoSampling(**wanted, force_package_frames=package_frames is not None)


def _result(answer: Answer) -> GenerationResult:
    """Only the text: "" if the answer was truncated within its reasoning."""
    counts = TokenCounts(input_tokens=answer.prompt_tokens, output_tokens=answer.new_tokens)
    return GenerationResult(answer.text, counts)
