"""What holds for all tests: signals as a terminal has them, and files that take long begin early."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

LONG = (  # by their time, the longest first; all others follow in the order of their names
    "reduction/test_real_counts.py",
    "reliability/test_chaos.py",
    "reliability/test_slurm.py",
    "site/test_browser.py",
    "site/test_hostile_chain.py",
    "reliability/test_fuzz.py",
    "site/test_explore_size.py",
    "versions/test_demo.py",
    "kdmatch/test_sanitizers.py",
    "campaign/test_cubes_folder.py",
    "campaign/test_interruptions.py",
    "reduction/test_execute.py",
)
_RANK = {Path(__file__).parent / name: rank for rank, name in enumerate(LONG)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long first; ``make test`` hands out files in this order."""
    items.sort(key=lambda item: _RANK.get(item.path, len(LONG)))


@pytest.fixture(scope="session", autouse=True)
def signals_of_a_terminal() -> Iterator[None]:
    """Under nohup SIGHUP is ignored, in a shell's background SIGINT: what a test starts inherits that."""
    before = {signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_DFL)}
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
