"""What skips is counted."""

from pathlib import Path

import pytest

pytest_plugins = "pytester"

CONFTEST = Path(__file__).parent / "conftest.py"
TWO_SKIPS = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_even(number):
    if number % 2:
        pytest.skip("odd")
"""
WHOLE_FILE = "import pytest; pytest.importorskip('a_package_that_is_not_here')"
FAILING = "def test_that_fails(): assert False"


@pytest.fixture
def run(pytester):
    """Runs files of tests under our conftest."""
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makeini(f"[pytest]\npythonpath = {CONFTEST.parent}")

    def run(*options, **files):
        if files:
            pytester.makepyfile(**files)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)

    return run


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["alone", "two processes"])
def test_more_skips_than_allowed_fail(run, processes):
    assert run(*processes, test_some=TWO_SKIPS).ret == 0
    assert run(*processes, "--most-skips", "2").ret == 0
    refused = run(*processes, "--most-skips", "1")
    assert refused.ret == 1
    refused.stdout.fnmatch_lines(["*2 skips, at most 1 are allowed; whole files: none*"])
    refused.assert_outcomes(passed=2, skipped=2)


@pytest.mark.parametrize("file", ["tests/interop/test_some", "tests/interoperable/test_some"])
def test_skips_of_other_programs_are_not_counted(pytester, run, file):
    path = pytester.path / f"{file}.py"
    path.parent.mkdir(parents=True)
    path.write_text(TWO_SKIPS)
    assert run("--most-skips", "1").ret == (0 if "interop/" in file else 1)


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["alone", "two processes"])
def test_a_whole_file_that_skips_fails(run, processes):
    """Nobody sees how many tests it has."""
    refused = run(*processes, "--most-skips", "9", test_some=TWO_SKIPS, test_whole=WHOLE_FILE)
    assert refused.ret == 1
    refused.stdout.fnmatch_lines(["*3 skips, at most 9 are allowed; whole files: test_whole.py*"])


def test_a_failure_stays_one(run):
    assert run("--most-skips", "0", test_some=FAILING).ret == 1
