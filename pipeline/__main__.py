"""``python -m pipeline``."""

import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback if imports are interrupted

from pipeline.cli.main import main

sys.exit(main())
