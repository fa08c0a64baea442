"""Fixtures for all tests, and how many of them may skip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demiglace.typography import fonts, glyph_atlas

INTEROP = "tests/interop/"  # other people's programs in environments of their own: each of these tests may skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--most-skips",
        type=int,
        metavar="N",
        help="fail where more than N tests skip outside of tests/interop, or a whole file does",
    )
    parser.addoption("--device", help="what tests marked gpu run on: cuda, or cpu, which is compared with itself")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where tests run in several processes, the one that hears of all reports counts; the others report to nobody."""
    most = session.config.getoption("most_skips")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if most is None or reporter is None:
        return
    skipped = reporter.stats.get("skipped", [])
    whole_files = [report.nodeid for report in skipped if isinstance(report, pytest.CollectReport)]
    counted = sum(not report.nodeid.startswith(INTEROP) for report in skipped)
    if counted > most or whole_files:
        told = f"{counted} skips, at most {most} are allowed; whole files: {', '.join(whole_files) or 'none'}"
        reporter.write_sep("=", told, red=True)
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random checkpoint in the released layout, sharded; not to be written to."""
    from checkpoints import tiny_checkpoint  # here, because tests without models should not wait for torch

    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture(scope="session")
def training_faces() -> tuple[fonts.Face, ...]:
    from demiglace.typography import fonts

    return fonts.training_faces()


@pytest.fixture(scope="session")
def atlas(training_faces: tuple[fonts.Face, ...]) -> glyph_atlas.GlyphAtlas:
    """A serif, a sans and a mono face."""
    from demiglace.typography import glyph_atlas

    styles = ("serif", "sans", "mono")
    return glyph_atlas.draw_atlas([next(face for face in training_faces if face.style == style) for style in styles])


@pytest.fixture(scope="session")
def unseen_faces() -> tuple[fonts.Face, ...]:
    from demiglace.typography import fonts

    return fonts.unseen_faces()


@pytest.fixture(scope="session")
def installed_words() -> tuple[str, ...]:
    from demiglace.typography import corpus

    return corpus.words()


@pytest.fixture(scope="session")
def installed_prose(installed_words: tuple[str, ...]) -> str:
    from demiglace.typography import corpus

    return corpus.corpus()


@pytest.fixture
def face(training_faces: tuple[fonts.Face, ...]) -> fonts.Face:
    return next(face for face in training_faces if face.style == "serif")


@pytest.fixture
def memory() -> Iterator[str]:
    """The address of a bucket in this process, with the files of `stored_records`."""
    from stored_records import FILES

    system = pytest.importorskip("fsspec").filesystem("memory")
    for name, content in FILES.items():
        system.pipe(f"/bucket/{name}", content)
    yield "memory://bucket"
    system.rm("/bucket", recursive=True)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The same on a server of this process that speaks S3's protocol."""
    from stored_records import FILES

    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        stores = pytest.importorskip("fsspec")
        stores.get_filesystem_class("s3").clear_instance_cache()  # those of another module's server
        system = stores.filesystem("s3")
        system.mkdir("bucket")
        for name, content in FILES.items():
            system.pipe(f"bucket/{name}", content)
        yield "s3://bucket"
        system.rm("bucket", recursive=True)  # the servers of a process share what they hold
    server.stop()


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest) -> str:
    """The address of a bucket with the files of `stored_records`: in this process, and behind S3's protocol."""
    address: str = request.getfixturevalue(request.param)
    return address
