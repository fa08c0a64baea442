import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from demiglace import Demiglace, SamplingParams, Video, VideoSampling
from demiglace.cli.inference_options import ABOUT_NANO
from demiglace.cli.terminal import printable

Run = Callable[..., Result]

SHORT = ("--max-new-tokens", 6, "--dtype", "float32")


def test_the_answer_is_on_stdout(run: Run, model: Path, page: Path) -> None:
    result = run("ask", page, "Who?", "--model", model, *SHORT)
    expected = Demiglace.load(model, dtype="float32").ask("Who?", page, sampling=SamplingParams.greedy(6))
    assert result.exit_code == 0
    assert result.stdout == printable(expected.text) + "\n"
    assert result.stderr == "[cut after 6 tokens; --max-new-tokens sets where]\n"


def test_what_to_expect_of_the_default_model_is_told_where_nobody_chose_it(run: Run, image: Path) -> None:
    asked = ("ask", image, "Read the text.", *SHORT)
    assert ABOUT_NANO in run(*asked).stderr.splitlines()
    assert ABOUT_NANO not in run(*asked).stdout
    assert ABOUT_NANO not in run(*asked, "--model", "nano").stderr


def test_a_stream_shows_the_same(run: Run, model: Path, page: Path) -> None:
    arguments = ("ask", page, "Who?", "--model", model, *SHORT)
    assert run(*arguments, "--stream").stdout.strip() == run(*arguments).stdout.strip() != ""


def test_json_tells_what_it_took(run: Run, model: Path, page: Path, clip: Path) -> None:
    result = run("ask", page, clip, page, "What?", "--model", model, "--json", *SHORT, "--package-frames", 6)
    answer = json.loads(result.stdout)
    assert answer["visual_tokens"] == (3 + 1 + 3) * 64
    assert answer["new_tokens"] == 6
    assert answer["stopped_by"] == "length"
    assert answer.keys() == {
        *("thinking", "text", "prompt_tokens", "visual_tokens", "new_tokens"),
        *("seconds_to_first_token", "seconds", "stopped_by", "confidence"),
    }


def test_a_clip_that_does_not_fit_is_answered_and_one_line_says_how(run: Run, short_model: Path, clip: Path) -> None:
    arguments = ("ask", clip, "What?", "--model", short_model, "--max-new-tokens", 1)
    result = run(*arguments, "--json")
    assert json.loads(result.stdout)["visual_tokens"] == 3 * 64
    (line,) = result.stderr.splitlines()
    assert line == (
        f"demiglace: {clip}: all 6 frames in 3 packages of 2 instead of 6 packages of 1, to fit into 299 tokens"
    )
    assert json.loads(result.stdout)["notes"] == [line.removeprefix("demiglace: ")]


def test_numbers_that_were_given_are_kept_or_refused(run: Run, short_model: Path, clip: Path) -> None:
    for option in (("--fps", 3), ("--max-packages", 180), ("--package-frames", 1)):
        result = run("ask", clip, "What?", "--model", short_model, *option)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "at least 320 tokens" in result.stderr
        assert "room for 299" in result.stderr


@pytest.mark.parametrize(
    ("options", "packages"),
    [
        ((), 6),
        (("--fps", 1), 2),
        (("--fps", 5), 10),
        (("--fps", 5, "--package-frames", 4), 3),
        (("--max-packages", 2, "--package-frames", 1), 2),
    ],
)
def test_videos_are_read_as_told(run: Run, model: Path, clip: Path, options: tuple[object, ...], packages: int) -> None:
    result = run("ask", clip, "What?", "--model", model, "--json", "--max-new-tokens", 1, *options)
    assert json.loads(result.stdout)["visual_tokens"] == packages * 64


@pytest.mark.parametrize(
    ("options", "packages"),
    [((), 1), (("--as-video",), 6), (("--as-video", "--fps", 1), 2), (("--fps", 1), 2), (("--max-packages", 3), 3)],
)
def test_an_animation_is_watched_when_asked_or_given_a_number_of_videos(
    run: Run, model: Path, animation: Path, options: tuple[object, ...], packages: int
) -> None:
    result = run("ask", animation, "What?", "--model", model, "--json", "--max-new-tokens", 1, *options)
    assert json.loads(result.stdout)["visual_tokens"] == packages * 64


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--fps", 5), "--fps"),
        (("--as-video", "--package-frames", 6), "--as-video, --package-frames"),
        (("--static-patches", 0), "--static-patches"),
    ],
)
def test_numbers_for_videos_without_one_are_refused(
    run: Run, model: Path, page: Path, options: tuple[object, ...], names: str
) -> None:
    result = run("ask", page, "What?", "--model", model, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{names}: only for videos and animations, and no file given is one" in result.stderr


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--max-slices", 9), "--max-slices 9"),
        (("--no-upscale",), "--no-upscale"),
        (("--max-slices", 9, "--no-upscale"), "--max-slices 9 and --no-upscale"),
    ],
)
def test_slices_without_a_picture_are_refused(
    run: Run, model: Path, clip: Path, page: Path, options: tuple[object, ...], names: str
) -> None:
    told = f"demiglace: {names}: only for pictures and pages, and no file given is or has one\n"
    for words in (("ask", clip, "What?"), ("ask", "What?"), ("tokens", clip)):
        result = run(*words, "--model", model, *options)
        assert (result.exit_code, result.stdout, result.stderr) == (2, "", told)
    assert run("tokens", clip, page, "--model", model, *options).exit_code == 0


def test_static_patches_are_left_out_when_asked(run: Run, model: Path, clip: Path) -> None:
    def told(*options: object) -> dict[str, object]:
        given = ("--package-frames", 6, "--json", "--max-new-tokens", 4, *options)
        result = run("ask", clip, "What?", "--model", model, *given)
        return {key: value for key, value in json.loads(result.stdout).items() if "seconds" not in key}

    assert told("--static-patches", -1) == told()
    assert told("--static-patches", 255)["visual_tokens"] == told()["visual_tokens"]
    result = run("ask", clip, "What?", "--model", model, "--static-patches", 256)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "static_patches must be a number in [-255, 255], got 256" in result.stderr


@pytest.mark.parametrize(("options", "slices"), [((), 3), (("--max-slices", 1), 1)])
def test_images_are_cut_as_told(run: Run, model: Path, page: Path, options: tuple[object, ...], slices: int) -> None:
    result = run("ask", page, "What?", "--model", model, "--json", "--max-new-tokens", 1, *options)
    assert json.loads(result.stdout)["visual_tokens"] == slices * 64


def test_pages_are_chosen(run: Run, model: Path, page: Path, tmp_path: Path) -> None:
    import PIL.Image

    pages = [PIL.Image.new("RGB", (100, 100), "white") for _ in range(3)]
    pages[0].save(tmp_path / "three.pdf", save_all=True, append_images=pages[1:], resolution=144)
    arguments = ("ask", tmp_path / "three.pdf", "What?", "--model", model, "--json", "--max-new-tokens", 1)
    assert json.loads(run(*arguments).stdout)["visual_tokens"] == 3 * 64
    assert json.loads(run(*arguments, "--pages", "1,3").stdout)["visual_tokens"] == 2 * 64
    assert "page 4 is outside" in run(*arguments, "--pages", "4").stderr


def test_pages_of_a_tiff_are_all_seen_or_chosen(run: Run, model: Path, tmp_path: Path) -> None:
    import PIL.Image

    pages = [PIL.Image.new("1", (100, 100), "white") for _ in range(3)]
    pages[0].save(tmp_path / "three.tif", save_all=True, append_images=pages[1:], compression="group4")
    pages[0].save(tmp_path / "one.tif", compression="group4")
    arguments = ("ask", tmp_path / "three.tif", "What?", "--model", model, "--json", "--max-new-tokens", 1)
    assert json.loads(run(*arguments).stdout)["visual_tokens"] == 3 * 64
    assert json.loads(run(*arguments, "--pages", "2").stdout)["visual_tokens"] == 64
    assert "page 4 is outside" in run(*arguments, "--pages", "4").stderr
    assert run("ask", tmp_path / "one.tif", *arguments[2:], "--pages", "1").exit_code == 0
    assert "which has 1 page" in run("ask", tmp_path / "one.tif", *arguments[2:], "--pages", "2").stderr


def test_pages_are_refused_where_no_file_has_any(run: Run, model: Path, page: Path, clip: Path) -> None:
    for file in (page, clip):
        result = run("ask", file, "What?", "--model", model, "--pages", "2")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == "demiglace: --pages 2 chooses pages of PDFs and TIFFs, and no file given is one\n"


def test_a_seed_repeats_the_answer(run: Run, model: Path) -> None:
    arguments = ("ask", "What?", "--model", model, *SHORT, "--temperature", 3)
    first, again, other = (run(*arguments, "--seed", seed).stdout for seed in (1, 1, 2))
    assert first == again != other


def test_thoughts_stay_off_stdout(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from demiglace.model.minicpmv import MiniCPMV
    from demiglace.processing.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(model)
    said = [*tokenizer.encode("Hm.\n"), tokenizer.special["think_end"], *tokenizer.encode("\n\nSo.\x1b")]
    said.append(tokenizer.special["im_end"])
    for stream in ((), ("--stream",), ("--stream", "--stop", ">>>")):  # a stop string holds the end of </think> back
        left = iter(said)
        monkeypatch.setattr(MiniCPMV, "logits", lambda self, hidden, left=left: torch.eye(384)[next(left)].unsqueeze(0))
        result = run("ask", "Why?", "--think", "--model", model, *stream)
        assert (result.stdout, result.stderr.strip()) == ("So.\n", "Hm.")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--top-p", 0.5), "--top-p has no effect at temperature 0"),
        (("--temperature", -1), "temperature must be a number in [0, 100], got -1.0"),
        (("--stream", "--json"), "--stream and --json cannot be combined"),
        (("--fps", 0), "fps must be a number in (0, 60], got 0.0"),
        (("--device", "toaster"), "device 'toaster' cannot be used here"),
        (("--max-slices", 0), "max_slices must be a whole number from 1 to 256, got 0"),
    ],
)
def test_options_that_make_no_sense(run: Run, model: Path, clip: Path, options: tuple[object, ...], line: str) -> None:
    result = run("ask", clip, "What?", "--model", model, *options)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"demiglace: {line}")


def test_a_forgotten_question_is_noticed(run: Run, page: Path) -> None:
    assert "the question is missing" in run("ask", page, page).stderr


def test_options_reach_the_parts(clip: Path) -> None:
    from demiglace.cli.inference_options import Reading

    assert Reading(fps=2, package_frames=5).part(str(clip)) == Video(
        str(clip), VideoSampling(fps=2, package_frames=5, force_package_frames=True)
    )


def test_stop_strings_end_the_answer(run: Run, model: Path, page: Path) -> None:
    arguments = ("ask", page, "Who?", "--model", model, *SHORT)
    free = json.loads(run(*arguments, "--json").stdout)["text"]
    found = json.loads(run(*arguments, "--json", "--stop", "zz", "--stop", free[1:3]).stdout)
    assert (found["text"], found["stopped_by"]) == (free.partition(free[1:3])[0], "stop")
    assert run(*arguments, "--stop", free[1:3]).stderr == ""


def test_log_probabilities_are_told(run: Run, model: Path) -> None:
    result = run("ask", "Who?", "--model", model, *SHORT, "--json", "--logprobs", 2)
    told = json.loads(result.stdout)["log_probabilities"]
    assert len(told) == 6
    for place in told:
        likeliest, second = place["alternatives"]
        assert likeliest["log_probability"] >= max(second["log_probability"], place["log_probability"])
        assert place["text"] == bytes(place["bytes"]).decode(errors="replace")


def test_the_answer_has_the_form_that_is_asked_for(run: Run, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("llguidance", reason="the extra `guided` is not installed")
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "properties": {"n": {"enum": [7, 8]}}, "required": ["n"]}')
    arguments = ("ask", "Who?", "--model", model, "--json", "--max-new-tokens", 40)
    one = json.loads(run(*arguments, "--choice", "yes", "--choice", "no").stdout)
    assert one["text"] in ("yes", "no")
    assert (one["follows_guide"], one["stopped_by"]) == (True, "end")
    assert json.loads(run(*arguments, "--regex", "[0-9]{3}").stdout)["text"].isdecimal()
    cut = json.loads(run(*arguments[:-1], 3, "--json-schema", schema).stdout)
    assert (cut["follows_guide"], cut["stopped_by"]) == (False, "length")
    schema.write_text('{"uniqueItems": true}')
    result = run("ask", "Who?", "--model", model, "--json-schema", schema)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == ('demiglace: the answer format is not supported: Unimplemented keys: ["uniqueItems"]\n')


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--stop", ""), "stop[0] must be text, got ''"),
        (("--logprobs", 2), "--logprobs requires --json"),
        (("--json", "--logprobs", 21), "logprobs must be a whole number from 0 to 20, got 21"),
        (("--thinking-budget", 5), "--thinking-budget requires --think"),
        (("--min-p", 0.1), "--min-p has no effect at temperature 0: give --temperature too"),
        (("--presence-penalty", 3), "presence_penalty must be a number in [-2, 2], got 3.0"),
        (("--regex", "a", "--choice", "b"), "--regex and --choice cannot be combined"),
        (("--json-schema", "none.json"), "no none.json in ."),
        (
            ("--num-beams", 2, "--frequency-penalty", 1),
            "frequency_penalty cannot be used with beam search, got 2 beams",
        ),
    ],
)
def test_options_that_make_no_sense_are_one_line(
    run: Run, model: Path, options: tuple[object, ...], error: str
) -> None:
    result = run("ask", "Who?", "--model", model, *options)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"demiglace: {error}\n")
