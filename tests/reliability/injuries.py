"""What happens to runs: killed, interrupted, without disk, their products and clocks changed.

Every injury takes the run, its work folder and a random generator, and returns whether the run is
expected to go on: then it must end well by itself.
"""

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

BAD_SHARE = 0.05
UNMOUNT_S = 65
DISK_MB = 64  # and what the exposures take
MB_PER_EXPOSURE = 0.5
FULL = "ballast"
FILE_LIMIT = 20_000  # bytes a file, where no disk of its own can be mounted


def spoil(paths, rng):
    """Cut or blank a few cubes; returns how many."""
    chosen = rng.sample(paths, max(1, round(BAD_SHARE * len(paths))))
    for path in chosen:
        size = path.stat().st_size
        if rng.random() < 0.5:
            os.truncate(path, size // 2)
        else:
            content = bytearray(path.read_bytes())
            content[len(content) // 20 :] = b"\x7f\xc0\x00\x00" * ((size - size // 20) // 4)
            path.write_bytes(content)
    return len(chosen)


def kill_the_run(run, _work, _rng):
    run.kill()
    return False


def end_the_run(run, _work, rng):
    run.send_signal(rng.choice((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))
    return False


def kill_a_process_of_it(run, _work, rng):
    try:
        found = psutil.Process(run.pid).children(recursive=True)
        rng.choice(found).kill()
    except (psutil.NoSuchProcess, IndexError):
        pass  # it was faster
    return True


def damage_a_product(run, work, rng):
    run.kill()
    run.wait()
    found = sorted(work.rglob("*.fits")) + sorted(work.rglob("*.stamp.json"))
    if found:
        path = rng.choice(found)
        path.write_bytes(path.read_bytes()[: rng.randrange(1, 5000)])
    return False


def move_the_clock(run, work, rng):
    run.kill()
    run.wait()
    for path in work.rglob("*"):
        if path.is_file():
            moved = time.time() + 86400 * rng.choice((400, -4000))
            os.utime(path, (moved, moved))
    return False


def fill_the_disk(run, work, _rng):
    """Until the run has ended; without a disk of its own, files are limited in size."""
    disk = work.parent
    if not disk.is_mount():
        resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
        for child in psutil.Process(run.pid).children(recursive=True) if run.poll() is None else ():
            resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
        return False
    with (disk / FULL).open("wb") as ballast:
        try:
            while True:
                ballast.write(bytes(1 << 16))
                ballast.flush()
        except OSError:
            pass
        run.wait(600)
    (disk / FULL).unlink()
    return False


@contextmanager
def small_disk(folder: Path, n_exposures: int) -> Iterator[Path]:
    """A file system of its own for a work folder, where this machine lets us mount one."""
    folder.mkdir()
    size_mb = round(DISK_MB + MB_PER_EXPOSURE * n_exposures)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
    mounted = (
        bool(shutil.which("mount"))
        and not subprocess.run(command, capture_output=True, check=False).returncode
    )
    try:
        yield folder
    finally:
        if mounted:
            unmount(folder)


def unmount(folder: Path) -> None:
    """What was just killed may hold a file for a moment: blocks of a cluster have a minute to end."""
    deadline = time.monotonic() + UNMOUNT_S
    while subprocess.run(["umount", str(folder)], check=False).returncode:
        assert time.monotonic() < deadline, f"{folder} is in use"
        time.sleep(1)
