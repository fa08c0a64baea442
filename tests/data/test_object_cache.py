"""Files of an object store on the disk: within a bound, once, and no other content under a name."""

import io
import os
import re
import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from demiglace.data import object_cache
from demiglace.data.object_cache import ObjectCache, StoreError, inside, name_of, stored_file, stored_files

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store():
    """Files of ten bytes in memory."""
    system = fsspec.filesystem("memory")
    for name in "abcd":
        system.pipe(f"/store/{name}.txt", name.encode() * 10)
    yield system
    system.rm("/store", recursive=True)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(object_cache.time, "sleep", lambda seconds: None)


def address(name):
    return f"memory://store/{name}.txt"


def kept(cache):
    return sorted(path.name for path in cache.folder.iterdir() if len(path.name) == 32)


def test_files_are_found_by_name_pattern_and_folder(store):
    assert [file.address for file in stored_files("memory://store/*.txt", (".txt",))] == [
        f"memory:///store/{name}.txt" for name in "abcd"
    ]
    assert len(stored_files("memory://store/", (".txt",))) == 4
    assert stored_files(address("a"), (".tar",))[0].size == 10
    with pytest.raises(ValueError, match=r"memory://store/\*\.tar matches no file that ends with \.tar"):
        stored_files("memory://store/*.tar", (".tar",))
    with pytest.raises(ValueError, match=r"memory://store/none\.txt does not exist"):
        stored_file(address("none"))
    with pytest.raises(ValueError, match="is not a file of known size"):
        stored_file("memory://store")


def test_the_file_not_read_for_longest_goes_first(store, tmp_path):
    cache = ObjectCache(tmp_path / "cache", 25)
    files = {name: stored_file(address(name)) for name in "abc"}
    for name in "abac":  # `a` is read again, so that `b` is the oldest
        with cache.held(files[name]) as path:
            assert path.read_bytes() == name.encode() * 10
    assert kept(cache) == sorted(name_of(files[name]) for name in "ac")


def test_what_is_being_read_stays(store, tmp_path, monkeypatch):
    monkeypatch.setattr(object_cache, "MOST_WAIT", 0)
    cache = ObjectCache(tmp_path, 15)
    with cache.held(stored_file(address("a"))) as path:
        with pytest.raises(
            StoreError, match=r"no space for the 10 bytes of .*b\.txt: all files in the cache of 15 bytes are being"
        ):
            cache.held(stored_file(address("b"))).__enter__()
        assert path.read_bytes() == b"a" * 10
    with cache.held(stored_file(address("b"))) as path:
        assert path.read_bytes() == b"b" * 10
    assert len(kept(cache)) == 1


def test_a_file_under_way_has_its_whole_room(store, tmp_path, monkeypatch):
    monkeypatch.setattr(object_cache, "MOST_WAIT", 0)
    cache, files = ObjectCache(tmp_path, 15), {name: stored_file(address(name)) for name in "ab"}
    real = type(store).open

    class UnderWay(io.BytesIO):
        def read(self, size=-1):
            with pytest.raises(StoreError, match=r"no space for the 10 bytes of .*b\.txt"):
                cache.held(files["b"]).__enter__()
            return super().read(size)

    def opened(self, path, *given, **named):
        with real(self, path, *given, **named) as file:
            return UnderWay(file.read()) if path.endswith("a.txt") else io.BytesIO(file.read())

    monkeypatch.setattr(type(store), "open", opened)
    with cache.held(files["a"]) as path:
        assert path.read_bytes() == b"a" * 10


def test_what_a_killed_process_has_left_takes_no_room(store, tmp_path, monkeypatch):
    monkeypatch.setattr(object_cache, "MOST_WAIT", 0)
    cache, file = ObjectCache(tmp_path, 15), stored_file(address("a"))
    (tmp_path / f"{name_of(file)}.part").write_bytes(bytes(9))
    with cache.held(file) as path:
        assert path.read_bytes() == b"a" * 10
    assert not list(tmp_path.glob("*.part"))


def test_a_file_larger_than_the_cache_is_refused(store, tmp_path):
    with (
        pytest.raises(ValueError, match=r"a\.txt has 10 bytes, more than the 9 of the cache"),
        ObjectCache(tmp_path, 9).held(stored_file(address("a"))),
    ):
        pass


def test_a_file_is_fetched_once_for_all(store, tmp_path, monkeypatch):
    fetched, copy = [], object_cache._copy
    monkeypatch.setattr(object_cache, "_copy", lambda file, aside: (fetched.append(file), copy(file, aside)))
    cache, file = ObjectCache(tmp_path, 100), stored_file(address("a"))

    def read():
        with cache.held(file) as path:
            path.read_bytes()

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(fetched) == 1


def test_another_content_under_the_name_is_no_silent_change(store, tmp_path):
    file = stored_file(address("a"))
    store.pipe("/store/a.txt", b"other text")
    with (
        pytest.raises(ValueError, match=r"a\.txt has changed since the run began"),
        ObjectCache(tmp_path, 99).held(file),
    ):
        pass
    assert kept(ObjectCache(tmp_path, 99)) == []


@pytest.mark.parametrize("failures", [4, 5])
def test_a_store_that_fails_is_asked_five_times_and_each_failure_is_told(
    store, tmp_path, monkeypatch, recwarn, failures
):
    file, real, calls = stored_file(address("a")), type(store).open, []

    def flaky(self, *given, **named):
        calls.append(given)
        if len(calls) <= failures:
            raise ConnectionResetError("the line went dead")
        return real(self, *given, **named)

    monkeypatch.setattr(type(store), "open", flaky)
    if failures == 4:
        with ObjectCache(tmp_path, 99).held(file) as path:
            assert path.read_bytes() == b"a" * 10
    else:
        message = r"a\.txt after 5 attempts: ConnectionResetError: the line went dead"
        with pytest.raises(StoreError, match=message), ObjectCache(tmp_path, 99).held(file):
            pass
    assert not list(tmp_path.glob("*.part"))
    assert [re.sub(r"after \d+ s", "after 0 s", str(warning.message)) for warning in recwarn] == [
        f"{file.address}: attempt {number} of 5 failed after 0 s: ConnectionResetError: the line went dead"
        for number in range(1, 5)
    ]


def test_a_store_that_refuses_is_asked_once(store, monkeypatch):
    calls = []

    def refuse(self, *given, **named):
        calls.append(given)
        raise PermissionError("Forbidden")

    monkeypatch.setattr(type(store), "info", refuse)
    with pytest.raises(StoreError, match=r"a\.txt: the store refuses \(Forbidden\)"):
        stored_file(address("a"))
    assert len(calls) == 1


def test_counts_outlive_their_file(store, tmp_path):
    cache, file = ObjectCache(tmp_path, 99), stored_file(address("a"))
    assert cache.counts(file, "lines", lambda: [3, 4]) == (3, 4)
    assert cache.counts(file, "lines", lambda: pytest.fail("counted again")) == (3, 4)
    assert cache.counts(file, "stretches", lambda: [9]) == (9,)


def test_a_reference_stays_in_its_folder():
    assert inside("s3://bucket/data", "pictures/a.png") == "s3://bucket/data/pictures/a.png"
    for reference in ("../a.png", "pictures/../../a.png", "/etc/passwd"):
        with pytest.raises(ValueError, match="leads out of s3://bucket/data"):
            inside("s3://bucket/data", reference)


def test_an_unknown_store_is_named():
    with pytest.raises(ValueError, match=r"nostore://a/b: .*nostore"):
        stored_file("nostore://a/b")


@pytest.fixture
def served(tmp_path):
    """A folder, and the address under which a server of this machine gives its files."""
    pytest.importorskip("aiohttp")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_files_of_a_web_server(served, tmp_path):
    folder, address = served
    (folder / "a.bin").write_bytes(bytes(range(256)) * 40_000)
    cache, file = ObjectCache(tmp_path / "cache", 2 * 10**7), stored_file(f"{address}/a.bin")
    with cache.held(file) as path:
        assert path.read_bytes() == (folder / "a.bin").read_bytes()
    with pytest.raises(ValueError, match=r"none\.bin does not exist"):
        stored_file(f"{address}/none.bin")
    (folder / "a.bin").write_bytes(b"a" * 256 * 40_000)
    os.utime(folder / "a.bin", (0, 0))  # a server tells whole seconds
    other = ObjectCache(tmp_path / "other", 2**30)
    with pytest.raises(ValueError, match="has changed since the run began"), other.held(file):
        pass


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        (404, ValueError, r"a\.bin does not exist"),
        (410, ValueError, r"a\.bin does not exist"),
        (403, StoreError, r"a\.bin: the store refuses \(status 403\)"),
        (503, StoreError, r"a\.bin after 5 attempts: ClientResponseError: 503"),
    ],
)
def test_a_web_server_that_fails_has_no_missing_files(served, monkeypatch, status, error, told):
    """Or the records that name them would be bad ones, which `--skip-bad` leaves out."""
    _, address = served
    for name in ("do_HEAD", "do_GET"):
        monkeypatch.setattr(SimpleHTTPRequestHandler, name, lambda handler: handler.send_error(status))
    with pytest.raises(error, match=told):
        stored_file(f"{address}/a.bin")


def test_a_web_server_that_is_gone_has_no_missing_files():
    pytest.importorskip("aiohttp")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/a.bin"
    with pytest.raises(StoreError, match=r"a\.bin after 5 attempts: ClientConnectorError"):
        stored_file(address)
