"""Waiting for torch is for those who compute: the package and the command's help come at once."""

import subprocess
import sys
from importlib import metadata

import pytest

import demiglace

HEAVY = ("torch", "av", "pypdfium2", "transformers", "torchvision", "huggingface_hub", "tokenizers")


@pytest.mark.parametrize(
    "code",
    [
        "import demiglace",
        "from demiglace import Conversation, Image, Video",
        "import demiglace.cli.main",
        "import sys; sys.argv = ['demiglace', '--help']; from demiglace.cli.main import app\n"
        "try: app()\nexcept SystemExit as end: assert not end.code",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    seen = f"{code}\nimport sys; print('heavy:', *sorted(set({HEAVY}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "heavy:"


@pytest.mark.parametrize(
    ("transformers", "error"), [("None", ModuleNotFoundError), ("types.ModuleType('transformers')", ImportError)]
)
def test_the_extra_of_transformers_is_named(transformers: str, error: type[Exception]) -> None:
    code = (
        f"import sys, types; sys.modules['transformers'] = {transformers}; import demiglace.integrations.transformers"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    told = "demiglace.integrations.transformers takes the extra: pip install 'demiglace[transformers]'"
    assert done.stderr.splitlines()[-1] == f"{error.__name__}: {told}"


def test_every_public_name_is_there() -> None:
    for name in demiglace.__all__:
        assert getattr(demiglace, name) is not None
    assert dir(demiglace) == sorted(demiglace.__all__)  # before first use too: completion shows them


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        demiglace.nonsense  # noqa: B018


def test_the_version_is_the_installed_one() -> None:
    assert metadata.version("demiglace") == demiglace.__version__
