"""Few compiled kernels are kept unless the user chose."""

import os
import subprocess
import sys

import pytest

from demiglace.cli.kernel_cache import CAPACITY_VARIABLE, NUM_KERNELS, USER_SETTINGS, limit_kernel_cache

TELLS = f"""
import os
from demiglace.cli.main import app
import sys
before = "torch" in sys.modules
try:
    app(["--version"])
except SystemExit:
    print(before, os.environ["{CAPACITY_VARIABLE}"])
"""


def test_few_are_kept_by_default():
    environment: dict[str, str] = {}
    limit_kernel_cache(environment)
    assert environment == {CAPACITY_VARIABLE: NUM_KERNELS}


@pytest.mark.parametrize("name", USER_SETTINGS)
def test_what_the_user_chose_stays(name):
    environment = {name: "64"}
    limit_kernel_cache(environment)
    assert environment == {name: "64"}


def test_the_command_line_chooses_before_torch_is_loaded():
    inherited = {name: value for name, value in os.environ.items() if name not in USER_SETTINGS}
    ran = subprocess.run([sys.executable, "-c", TELLS], env=inherited, capture_output=True, text=True, timeout=300)
    assert ran.stdout.splitlines()[-1] == f"False {NUM_KERNELS}"
