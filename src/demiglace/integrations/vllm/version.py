"""The versions of vLLM that the plugin is tested in: it overrides what may change with any of them."""

TESTED = ("0.32.0",)  # by tests/interop


def check_version(found: str) -> None:
    """ValueError where vLLM is of another version than those tested; a build for one platform has its mark behind +."""
    if found.partition("+")[0] not in TESTED:
        raise ValueError(f"demiglace is tested in vLLM {' and '.join(TESTED)}, but this is vLLM {found}")
