import pytest

from demiglace.integrations.vllm.version import check_version


@pytest.mark.parametrize("version", ["0.32.0", "0.32.0+cpu"])
def test_what_was_tested_is_served(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("version", ["0.31.0", "0.33.0", "0.32.0rc1", "0.320.0", ""])
def test_other_versions_are_refused_by_a_line_with_both(version: str) -> None:
    with pytest.raises(ValueError, match=rf"^demiglace is tested in vLLM 0\.32\.0, but this is vLLM {version}$"):
        check_version(version)
