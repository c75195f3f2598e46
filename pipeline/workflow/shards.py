"""A part of a campaign for one of several runs that share a work folder, and no engine at all.

Run ``--shard 1/10`` to ``--shard 10/10`` anywhere: as an array job, as pods, by cron on ten desktops.
Each measures its part, by number, so that no two work on one exposure. A last run without a shard
does what is missing, and gathers.
"""

import fcntl
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.errors import ConfigError
from pipeline.workflow.progress import say

Item = TypeVar("Item")
_FORM = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")
_POLL_S = 0.5


@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``count``, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """The shard that ``I/N`` names.

        Raises
        ------
        ConfigError
            If it is not of that form, or I is greater than N.
        """
        match = _FORM.fullmatch(text)
        if match is None or int(match[1]) > int(match[2]):
            raise ConfigError(f"--shard {text!r}: I/N is expected, with I from 1 to N, as in 3/10")
        return cls(int(match[1]), int(match[2]))

    def part(self, items: Sequence[Item]) -> list[Item]:
        """Every N-th item, so that neighbours in time, and in cost, go to different shards."""
        return list(items[self.number - 1 :: self.count])

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@contextmanager
def one_at_a_time(folder: Path, what: str) -> Iterator[None]:
    """Let runs take turns with what all of them need first.

    On a file system whose locks do not reach other machines they do it at the same time: the
    files are the same, and each appears whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".turn").open("w") as file:
        said = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    say(f"waiting for another shard, which {what}")
                    said = True
                time.sleep(_POLL_S)
            except OSError:  # locks are not supported there
                break
        yield
