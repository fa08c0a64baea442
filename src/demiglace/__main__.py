"""The process of `demiglace` and of `python -m demiglace`."""

import atexit
import os
import sys
from contextlib import suppress

from demiglace.cli.main import app


class BriefEnd:
    """Ends the process after its exit handlers, without taking the interpreter down.

    Threads of gloo outlive `destroy_process_group`. One that wants to free a tensor while the interpreter is taken down
    aborts the process (torch 2.13, pytorch#179291), and torchrun reports a finished run as failed.
    """

    def __init__(self) -> None:
        self.status = 1  # where an error is not caught
        atexit.register(self._end)  # before all others, and handlers run from the last to the first

    def _end(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # nobody reads it any more
                stream.flush()
        os._exit(self.status)


def main() -> None:
    """The command that `sys.argv` names."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        app()
        return
    end = BriefEnd()
    try:
        app()
    except SystemExit as exit_:
        end.status = int(exit_.code or 0)
        raise


if __name__ == "__main__":
    main()
