"""A recipe in a child process: its time limit, its cost and its outcome."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from astropy.io import fits

from pipeline.errors import DiskFull, RecipeCrashed, RecipeFailed, RecipeTimeout
from pipeline.reduction import recipe_log
from pipeline.reduction.quality import QualityCheck, check_quality
from pipeline.reduction.recipes import Recipe

LOG_NAME, OUTPUT_NAME = "recipe.log", "output.txt"
SHELL_SIGNAL_BASE = 128  # a child of a child that died of signal n exits with 128 + n
FREE_BYTES = 16 << 20  # less than this left on the disk explains a failed write
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class RecipeCall:
    """One call of a recipe with its files."""

    recipe: Recipe
    channel: int  # 0: all
    files: tuple[tuple[str, Path], ...]  # tag, path
    parameters: tuple[tuple[str, str], ...]
    folder: Path  # empty folder for products and log
    time_limit_s: float


@dataclass(frozen=True)
class RecipeRun:
    """What a call made and what it took."""

    products: Mapping[str, tuple[Path, ...]]  # by tag
    qc: Mapping[str, object]
    checks: tuple[QualityCheck, ...]  # of its quality; none rejects it
    provenance: Mapping[str, str]
    warnings: tuple[str, ...]
    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    size_mb: float  # of the products on disk


class Running:
    """A recipe at work."""

    def __init__(self, request: RecipeCall, command: list[str], *, reports_signals: bool) -> None:
        self.request = request
        self._reports_signals = reports_signals  # of its own children, as 128 + n
        self._started = time.monotonic()
        self._status: int | None = None
        self._usage: resource.struct_rusage | None = None
        self._timed_out = False
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with (request.folder / OUTPUT_NAME).open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=request.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def ended(self) -> bool:
        """Whether the recipe has ended; kills it when its time is up."""
        if self._status is not None:
            return True
        if time.monotonic() - self._started > self.request.time_limit_s:
            self._timed_out = True
            self.kill()
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if pid == 0:
            return False
        self._finish(status, usage)
        return True

    def kill(self) -> None:
        """End the recipe and whatever it started."""
        if self._status is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def abandon(self) -> None:
        """Kill and wait: for a run that is itself being stopped."""
        if self._status is None:
            self.kill()
            _, status, usage = os.wait4(self._process.pid, 0)
            self._finish(status, usage)

    def _finish(self, status: int, usage: resource.struct_rusage) -> None:
        self._wall_s = time.monotonic() - self._started
        self._status, self._usage = os.waitstatus_to_exitcode(status), usage
        self._process.returncode = self._status

    @property
    def cost(self) -> tuple[float, float, float]:
        """Wall time [s], CPU time [s] and peak memory [MB]."""
        assert self._usage is not None
        cpu_s = self._usage.ru_utime + self._usage.ru_stime
        return round(self._wall_s, 2), round(cpu_s, 2), round(self._usage.ru_maxrss / 1024, 1)

    def log(self) -> str:
        """The recipe's log, as far as it got; of an esorex killed early, what it printed."""
        for name in (LOG_NAME, ".logfile", OUTPUT_NAME):
            path = self.request.folder / name
            if path.exists() and path.stat().st_size:
                return path.read_text(encoding="utf-8", errors="replace")
        return ""

    def result(self) -> RecipeRun:
        """The products of a recipe that has ended.

        Raises
        ------
        RecipeFailed
            Or one of its kind: a crash, a time-out, a missing product, bad quality.
        DiskFull
            If the recipe failed and the disk is full.
        """
        name, log = self.request.recipe.name, self.log()
        if self._timed_out:
            raise RecipeTimeout(
                f"{self._label}: not done after {self.request.time_limit_s:g} s; last: "
                f"{log.strip().splitlines()[-1][-200:] if log.strip() else 'nothing'}"
            )
        products = self._products(log)
        header = fits.getheader(products[self.request.recipe.makes[0]][0])
        qc = recipe_log.quality(products)
        checks = check_quality(name, qc, self.request.channel)
        warnings = recipe_log.log_lines(log, "WARNING")
        n_bytes = sum(path.stat().st_size for paths in products.values() for path in paths)
        size_mb = round(n_bytes / 1e6, 1)
        return RecipeRun(
            products, qc, checks, recipe_log.provenance(header), warnings, *self.cost, size_mb
        )

    @property
    def _label(self) -> str:
        channel = f" (channel {self.request.channel})" if self.request.channel else ""
        return self.request.recipe.name + channel

    def _products(self, log: str) -> dict[str, tuple[Path, ...]]:
        """The complete products, or the reason why there are none."""
        status = self._status or 0
        number = -status if status < 0 else status - SHELL_SIGNAL_BASE
        if status < 0 or (self._reports_signals and number in signal.valid_signals()):
            why = f"killed by {signal.strsignal(number)}"
            if number == signal.SIGKILL:  # the kernel's way to get memory back
                why += f" when it held {self.cost[2] / 1024:.1f} GB: probably for want of memory"
            raise RecipeCrashed(f"{self._label}: {why}")
        if status:
            if shutil.disk_usage(self.request.folder).free < FREE_BYTES:
                raise DiskFull(f"{self._label}: no space left in {self.request.folder.parent}")
            output = (self.request.folder / OUTPUT_NAME).read_text(errors="replace")
            raise RecipeFailed(f"{self._label}: {recipe_log.failure_message(log, output)}")
        try:
            products = recipe_log.products_in(self.request.folder)
        except OSError as error:
            raise RecipeFailed(f"{self._label}: unreadable product ({error})") from error
        missing = [tag for tag in self.request.recipe.makes if tag not in products]
        if missing:
            reason = recipe_log.failure_message(log, "no error in its log")
            raise RecipeFailed(f"{self._label}: no {', '.join(missing)} came out: {reason}")
        return products


def _die_with_parent() -> None:
    """In the child: if the run is killed, so is the recipe."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
