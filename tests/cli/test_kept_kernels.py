"""Few compiled kernels are kept unless the user chose."""

import os
import subprocess
import sys

import pytest

from demiglace.cli.kept_kernels import CAPACITY, FEW, OWN_CHOICES, keep_few

TELLS = f"""
import os
from demiglace.cli.main import app
import sys
before = "torch" in sys.modules
try:
    app(["--version"])
except SystemExit:
    print(before, os.environ["{CAPACITY}"])
"""


def test_few_are_kept_by_default():
    environment: dict[str, str] = {}
    keep_few(environment)
    assert environment == {CAPACITY: FEW}


@pytest.mark.parametrize("name", OWN_CHOICES)
def test_what_the_user_chose_stays(name):
    environment = {name: "64"}
    keep_few(environment)
    assert environment == {name: "64"}


def test_the_command_line_chooses_before_torch_is_loaded():
    inherited = {name: value for name, value in os.environ.items() if name not in OWN_CHOICES}
    ran = subprocess.run([sys.executable, "-c", TELLS], env=inherited, capture_output=True, text=True, timeout=300)
    assert ran.stdout.splitlines()[-1] == f"False {FEW}"
