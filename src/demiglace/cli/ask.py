"""`demiglace ask`: one question about files."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from demiglace.cli import inference_options
from demiglace.cli.inference_options import Reading, sampling_of, slicing_changes
from demiglace.cli.question import check_question
from demiglace.cli.terminal import check_open, show, show_stream


def ask(
    words: Annotated[list[str], typer.Argument(metavar='[FILE]... "QUESTION"', help="Files, then the question.")],
    model: inference_options.Model = None,
    think: inference_options.Think = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer as it is written.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer and what it took as JSON.")] = False,
    system: inference_options.System = None,
    max_new_tokens: inference_options.MaxNewTokens = None,
    temperature: inference_options.Temperature = None,
    top_p: inference_options.TopP = None,
    top_k: inference_options.TopK = None,
    repetition_penalty: inference_options.RepetitionPenalty = None,
    seed: inference_options.Seed = None,
    pages: inference_options.Pages = None,
    as_video: inference_options.AsVideo = False,
    fps: inference_options.Fps = None,
    max_packages: inference_options.MaxPackages = None,
    package_frames: inference_options.PackageFrames = None,
    max_slices: inference_options.MaxSlices = None,
    no_upscale: inference_options.NoUpscale = False,
    adapter: inference_options.Adapter = None,
    device: inference_options.Device = None,
    dtype: inference_options.Dtype = None,
) -> None:
    """Ask one question about images, PDFs and videos.

    demiglace ask page.png "What does it say?"
    """
    *files, question = words
    check_question(question)
    check_open("stdout")
    if stream and as_json:
        raise ValueError("--stream and --json exclude each other")
    parts = Reading(pages, as_video, fps, max_packages, package_frames).parts(files)

    from demiglace.inference.demiglace import Demiglace

    assistant = Demiglace.load(model, device, dtype, adapter).sliced(**slicing_changes(max_slices, no_upscale))
    sampling = sampling_of(
        assistant.sampling,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        repetition_penalty=repetition_penalty,
        seed=seed,
    )
    answer = assistant.stream(question, *parts, thinking=think, sampling=sampling, system=system)
    if stream:
        show_stream(answer, think)
        return
    for _ in answer:
        pass
    if as_json:
        told = {name: value for name, value in asdict(answer.answer).items() if name != "notes" or value}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        show(answer.answer)
