"""``python -m pipeline.archive overview`` and ``retrieve``."""

import sys

from pipeline.archive.cli import main

sys.exit(main())
