"""The versions of vLLM that the plugin is tested with: it overrides code that may change with any version."""

TESTED = ("0.32.0",)  # by tests/interop


def check_version(found: str) -> None:
    """ValueError if vLLM is not of a tested version; a platform's build has a suffix after +, which is ignored."""
    if found.partition("+")[0] not in TESTED:
        raise ValueError(f"demiglace is tested in vLLM {' and '.join(TESTED)}, but this is vLLM {found}")
