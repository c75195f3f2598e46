#!/usr/bin/env python3
"""Build the report; the same as ``python -m pipeline build``, with the same options."""

import signal
import sys
from collections.abc import Sequence

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback if imports are interrupted

from pipeline.cli.main import main as run


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 the site is complete, 2 the request cannot be carried out."""
    return run(["build", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    sys.exit(main())
