"""The file of sources: what it says, and every mistake in it named by file and key."""

import json

import pytest
from mixtures import write_mixture

from demiglace.conversation import Video, VideoSampling
from demiglace.data.mixture_file import read_mixture

GOOD = {
    "name": '"a"',
    "kind": '"text"',
    "path": '"text.txt"',
    "weights": "{ full = 1 }",
}


def written(folder, **changes):
    """A file of one source with some of its fields changed; None leaves one out."""
    (folder / "text.txt").write_text("Some text to learn from.\n")
    return written_as_it_is(folder, **changes)


def written_as_it_is(folder, **changes):
    fields = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    path = folder / "mix.toml"
    path.write_text("[[source]]\n" + "\n".join(f"{key} = {value}" for key, value in fields.items()))
    return path


def test_weights_of_the_stages(tmp_path):
    file = read_mixture(write_mixture(tmp_path))
    vision, full = file.mixture("vision"), file.mixture("full")
    assert [source.name for source in vision.sources] == ["pictures"]
    assert vision.late_weights == vision.weights == (1.0,)
    assert [source.name for source in full.sources] == ["pictures", "texts"]
    assert (full.weights, full.late_weights) == ((1.0, 1.0), (0.2, 1.0))


def test_paths_are_relative_to_the_file_and_records_are_read(tmp_path):
    mixture = read_mixture(write_mixture(tmp_path / "elsewhere")).mixture("full")
    pictures, texts = mixture.sources
    assert pictures.blocks == (12,)
    assert "number 3" in pictures.read(0, 3, (0,)).messages[-1].content[0].text
    assert texts.read(0, 0, (0,)).messages[-1].content[0].text.startswith("Paragraph 0")


@pytest.mark.parametrize("path", ['"many"', '"many/*.txt"', '"many/b.txt"'])
def test_a_folder_a_pattern_and_a_file_name_files(tmp_path, path):
    (tmp_path / "many").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "many" / name).write_text("Text.\n")
    (source,) = read_mixture(written(tmp_path, path=path)).mixture("full").sources
    assert source.blocks == ((1,) if "b.txt" in path else (1, 1))


def test_options_of_a_kind_reach_its_source(tmp_path):
    (source,) = read_mixture(written(tmp_path, window="256")).mixture("full").sources
    assert source.window == 256


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "source 1: name is missing"),
        ({"kind": '"csv"'}, "source 'a': kind must be one of jsonl, parquet, webdataset, pdfs, text, rendered"),
        ({"path": None}, "source 'a': path is missing"),
        ({"path": "3"}, "source 'a': path must be text, got 3"),
        ({"weights": None}, "source 'a': weights is missing"),
        ({"weights": "{ third = 1 }"}, "source 'a': weights: 'third' is unknown; there are resampler, vision, "),
        ({"weights": "{ full = -1 }"}, "source 'a': weights.full must be a number in [0, 1e+06], got -1"),
        ({"weights": "{ full = nan }"}, "source 'a': weights.full must be a number in [0, 1e+06], got nan"),
        ({"weights": "{ full = true }"}, "source 'a': weights.full must be a number in [0, 1e+06], got True"),
        ({"window": "3"}, "source 'a': window must be a whole number from 64 to 16777216, got 3"),
        ({"window": str(2**70)}, "source 'a': window must be a whole number from 64 to 16777216, got 118059"),
        (
            {"weights": f"{{ full = {10**400} }}"},
            "source 'a': weights.full must be a number in [0, 1e+06], got a whole",
        ),
        ({"weights": "{ full = 1e308 }"}, "source 'a': weights.full must be a number in [0, 1e+06], got 1e+308"),
        ({"window": '"wide"'}, "source 'a': window must be a whole number from 64 to 16777216, got 'wide'"),
        ({"media": '"m"'}, "source 'a': media is unknown; text takes kind, name, path, weights, window"),
    ],
)
def test_mistakes_are_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=r"mix\.toml") as raised:
        read_mixture(written(tmp_path, **changes))
    assert message in str(raised.value)


def test_a_mark_of_byte_order_in_front_does_no_harm(tmp_path):
    path = write_mixture(tmp_path)
    plain = read_mixture(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_mixture(path).entries == plain.entries


@pytest.mark.parametrize("kind", ["parquet", "webdataset"])
def test_files_of_other_splits_are_left_out_of_folders_and_patterns_of_records(tmp_path, kind):
    ending = {"parquet": ".parquet", "webdataset": ".tar"}[kind]
    for name in ("train-0", "test-0", "val/0", "latest"):
        (tmp_path / "test" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "test" / f"{name}{ending}").write_bytes(b"no records, which is found out later")

    def found(path):
        told = []
        (source,) = (
            read_mixture(written(tmp_path, kind=f'"{kind}"', path=f'"{path}"')).mixture("full", told.append).sources
        )
        return [file.stem for file in source.files], told

    names, told = found("test")
    assert names == ["latest", "train-0"]
    by_name = (
        f"{tmp_path}/test/test-0{ending}, {tmp_path}/test/val/0{ending}; to learn from a file, give it by its own name"
    )
    assert told == [f"left out, as files of validation or test splits: {by_name}"]
    assert found(f"test/*{ending}")[0] == ["latest", "train-0"]
    assert found("test/test-*") == (["test-0"], [])
    assert found(f"test/test-0{ending}") == (["test-0"], [])
    with pytest.raises(ValueError, match=r"'a': .*te\*0.* has only files of validation or test splits: "):
        found(f"test/te*0{ending}")


def test_texts_are_named_after_what_they_are_about(tmp_path):
    for name in ("introduction.md", "evaluation.md"):
        (tmp_path / "texts" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "texts" / name).write_text("words " * 20)
    told = []
    (source,) = read_mixture(written(tmp_path, path='"texts"')).mixture("full", told.append).sources
    assert ([file.name for file in source.files], told) == (["evaluation.md", "introduction.md"], [])


def test_a_folder_gives_its_files_in_natural_order_but_for_hidden_ones(tmp_path):
    for name in ("10.txt", "2.TXT", ".3.txt", "sub/4.md", ".cache/5.txt", "6.rst"):
        (tmp_path / "texts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / name).write_text("words " * 20)
    (source,) = read_mixture(written(tmp_path, path='"texts"')).mixture("full").sources
    assert [file.name for file in source.files] == ["2.TXT", "10.txt", "4.md"]


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("rendered", {"max_characters": 10**30}, "max_characters must be a whole number from 1 to 4000, got 1000"),
        ("rendered", {"max_lines": "'x'"}, "max_lines must be a whole number from 1 to 100, got 'x'"),
        ("rendered", {"document_share": 10**400}, "document_share must be a number in [0, 1], got a whole number"),
        ("rendered", {"documents": 3}, "documents must be text, got 3"),
        ("layouts", {"levels": "{ low = 'x' }"}, "levels.low must be a number in [0, 1e+06], got 'x'"),
        ("layouts", {"levels": "{ hihg = 1 }"}, "levels: 'hihg' is unknown; there are clean, low, moderate, high"),
        ("layouts", {"levels": 10**400}, "levels must be a table, got a whole number of 1329 bits"),
        ("layouts", {"unit": "'page'"}, "unit must be one of word, line, block, got 'page'"),
        ("layouts", {"share": 0}, "share must be a number in (0, 1], got 0"),
        ("questions", {"topics": f"{{ scenes = {10**400} }}"}, "topics.scenes must be a number in [0, 1e+06], got a"),
        ("questions", {"topics": "[1]"}, "topics must be a table, got [1]"),
        ("questions", {"smallest": 10**400}, "smallest must be a whole number from 100 to 2000, got a whole number"),
        ("clips", {"kinds": "[['flash']]"}, "kinds[0] must be one of direction, "),
        ("clips", {"kinds": "'flash'"}, "kinds must be a list of at least 1, got 'flash'"),
        ("clips", {"max_fps": "nan"}, "max_fps must be a number in [1, 60], got nan"),
        ("clips", {"max_packages": 10**400}, "max_packages must be a whole number from 1 to 10000, got a whole number"),
    ],
)
def test_options_of_what_is_drawn_are_checked_by_type_and_range(tmp_path, kind, options, message):
    path = written(tmp_path, kind=f'"{kind}"', path=None, **{key: str(value) for key, value in options.items()})
    with pytest.raises(ValueError, match=r"mix\.toml: source 'a': ") as raised:
        read_mixture(path)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": '"absent.txt"'}, "source 'a': path"),
        ({"path": '"absent/*.txt"'}, "names no file"),
        ({"weights": "{ vision = 1 }"}, "no source has a weight for full"),
        ({"weights": "{ late = 1 }"}, "no source has a weight for full"),
    ],
)
def test_mistakes_that_opening_finds(tmp_path, changes, message):
    file = read_mixture(written(tmp_path, **changes))
    with pytest.raises(ValueError, match=r"mix\.toml") as raised:
        file.mixture("full")
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["a = ", "[source]\nname = 'a'", "", "[[sources]]\nname = 'a'", "source = [1]"])
def test_what_holds_no_sources_is_refused(tmp_path, text):
    path = tmp_path / "mix.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"mix\.toml"):
        read_mixture(path)


def test_a_name_is_given_once(tmp_path):
    path = written(tmp_path)
    path.write_text(path.read_text() + "\n" + path.read_text())
    with pytest.raises(ValueError, match="name 'a' is given to 2 sources"):
        read_mixture(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.toml is not a file"):
        read_mixture(tmp_path / "none.toml")


def test_videos_and_media_of_records_are_read_as_the_source_says(tmp_path):
    turns = [{"role": "user", "content": "<video>What?"}, {"role": "assistant", "content": "A cat."}]
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.mp4").write_bytes(b"film")
    (tmp_path / "text.txt").write_text(json.dumps({"messages": turns, "videos": ["a.mp4"]}))
    for root in ("media", "media_root"):
        options = {root: '"media"', "fps": "10", "max_packages": "7", "package_frames": "2"}
        (source,) = read_mixture(written_as_it_is(tmp_path, kind='"jsonl"', **options)).mixture("full").sources
        sampling = VideoSampling(fps=10.0, max_packages=7, package_frames=2, force_package_frames=True)
        video = source.read(0, 0, (0,)).messages[0].content[0]
        assert video == Video(tmp_path / "media" / "a.mp4", sampling)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "webdataset"])
@pytest.mark.parametrize("option", ["fps = 61", "fps = 0", 'fps = "fast"', "max_packages = 0", "package_frames = 7"])
def test_video_settings_out_of_bounds(tmp_path, kind, option):
    name, value = option.split(" = ")
    with pytest.raises(ValueError, match=rf"source 'a': {name} must be "):
        read_mixture(written(tmp_path, kind=f'"{kind}"', **{name: value}))
