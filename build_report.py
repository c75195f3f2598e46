#!/usr/bin/env python3
"""Build the report; the same as ``python -m pipeline build``, with the same options."""

import sys
from collections.abc import Sequence

from pipeline.cli.main import main as run


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 the site is complete, 2 the request cannot be carried out."""
    return run(["build", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    sys.exit(main())
