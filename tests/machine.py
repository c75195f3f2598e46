"""What a test needs of the machine that it runs on."""

import os
from typing import NoReturn

import pytest


def lacks(what: str) -> NoReturn:
    """End a test for want of something: a failure in CI, where nothing may be missing, else a skip.

    A laptop need not have Slurm, Chromium or the MUSE recipes to run the other tests; the skip says what
    is missing.

    Parameters
    ----------
    what : str
        What is missing, and the remedy.
    """
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
