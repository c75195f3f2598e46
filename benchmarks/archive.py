"""The archive's promises at full size: faults, kills, hostile trees, a thousand nights.

    python benchmarks/archive.py            all (about ten minutes on one core)
    python benchmarks/archive.py nights     one of: nights, faults, mixed, kills, trees, verify

Prints a line per case; ends with status 1 if a promise was broken. Figures: ``archive.md``.
"""

import contextlib
import io
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipeline.archive import retrieval
from pipeline.archive.availability import availability
from pipeline.archive.service import EsoArchive, archive_client
from pipeline.archive.verify import verify_fits
from pipeline.cli.main import main as archive_command
from pipeline.config.settings import ArchiveSettings, Settings
from tests.archive.server import DATA, LIE_FAULTS, WIRE_FAULTS, Faults, TestArchive, spoil_tree
from tests.archive.world import World, frame

N_FILES = 300
KILLS = 10
MAX_RUNS = 20
HANG_S = 2.0  # longer than the client's patience


class Broken(Exception):
    """A promise does not hold."""


def world_of_300():
    """Fourteen nights: 306 files of 60 kB."""
    world = World(image_px=150)
    for day in range(14):
        world.night(f"2019-03-{day + 1:02d}", "WFM-AO-N")
    return world


def needed_by(world):
    return set().union(*(world.needed(name) for name in world.standards()))


class Workspace:
    """A folder with a report.toml that points at an archive."""

    def __init__(self, archive, folder):
        self.folder = Path(folder)
        self.work = self.folder / "work"
        self.raw = self.work / "archive" / "raw"
        self.config = self.folder / "report.toml"
        lines = [f"{key} = {json.dumps(value)}" for key, value in archive.settings().items()]
        self.config.write_text("\n".join(["[archive]", *lines, ""]), encoding="utf-8")
        self.arguments = ["retrieve", "--config", str(self.config), "--work", str(self.work)]

    def retrieve(self):
        """Exit status and everything that was said."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = archive_command(self.arguments)
        return status, said.getvalue()

    def check(self, world):
        """Names of the files that are there; every one must be the server's, byte by byte."""
        names = set()
        for path in self.raw.glob("*.fits*") if self.raw.is_dir() else ():
            if path.suffix not in (".fits", ".fz"):
                continue
            name = path.name.removesuffix(".fz").removesuffix(".fits")
            if path.read_bytes() != world.file(name):
                raise Broken(f"{name} is not what the server has")
            names.add(name)
        return names


def until_complete(label, faults):
    """Run until all is there; every run that ends before that must name what is missing."""
    world = world_of_300()
    needed = needed_by(world)
    with TestArchive(world, faults) as archive, tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(archive, folder)
        started = time.monotonic()
        runs = 0
        while runs < MAX_RUNS:
            runs += 1
            status, _ = workspace.retrieve()
            missing = needed - workspace.check(world)
            if (status == 0) != (not missing):
                raise Broken(f"{label}: status {status} with {len(missing)} files missing")
            if not missing:
                break
            listed = (workspace.work / "archive/ltt3218-2019/missing.txt").read_text()
            if not all(name in listed for name in missing):
                raise Broken(f"{label}: a missing file was not named")
        else:
            raise Broken(f"{label}: not complete after {MAX_RUNS} runs")
        seconds = time.monotonic() - started
        print(
            f"{label:<24} {len(needed)} files, {runs} run(s), {archive.count(DATA)} requests, "
            f"{seconds:.1f} s, at most {archive.most_at_once} at a time",
            flush=True,
        )


def faults():
    """Each fault alone, a fifth of all answers."""
    for kind in WIRE_FAULTS + LIE_FAULTS:
        until_complete(kind, Faults(share=0.2, kinds=(kind,), hang_s=HANG_S, seed=1))


def mixed():
    """All faults mixed, a fifth of all answers, five seeds."""
    for seed in range(5):
        until_complete(f"mixed, seed {seed}", Faults(share=0.2, hang_s=HANG_S, seed=seed))


def kills():
    """Killed with -9 ten times at random, with faults; then once to the end."""
    world = world_of_300()
    rng = random.Random(9)
    trouble = Faults(share=0.2, kinds=("slow", "truncate", "503", "reset"), seed=9)
    with TestArchive(world, trouble) as archive, tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(archive, folder)
        command = [sys.executable, "-m", "pipeline", *workspace.arguments]
        for number in range(KILLS):
            kill_at = archive.count(DATA) + rng.randint(1, 25)
            with subprocess.Popen(
                command,
                cwd=Path(__file__).parents[1],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as run:
                while archive.count(DATA) < kill_at and run.poll() is None:
                    time.sleep(0.003)
                time.sleep(rng.random() * 0.03)
                run.send_signal(signal.SIGKILL)
            if run.returncode != -signal.SIGKILL:
                raise Broken("the run ended before it could be killed")
            here = len(workspace.check(world))
            partial = len(list(workspace.raw.glob("*.partial")))
            print(f"kill {number + 1:<19} {here} files intact, {partial} partial", flush=True)
        trouble.share = 0.0
        before = archive.count(DATA)
        status, _ = workspace.retrieve()
        here = workspace.check(world)
        resumed = sum("Range" in headers for *_, headers in archive.requests)
        if status or here != needed_by(world) or list(workspace.work.rglob("*.part*")):
            raise Broken("not complete after the last run")
        print(
            f"{'after ten kills':<24} {len(here)} files, {archive.count(DATA) - before} requests in "
            f"the last run, {resumed} resumed in all"
        )


def trees():
    """Time and memory in which hostile trees are refused, each in a process of its own."""
    world = World().night("2019-03-09", "WFM-AO-N")
    script = (
        "import resource, sys, time\nfrom pipeline.muse.association import parse_tree\n"
        "text = sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nstart = time.process_time()\n"
        "try: parse_tree(text); verdict = 'ACCEPTED'\n"
        "except Exception as error: verdict = f'{type(error).__name__}: {error}'\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(f'{1e3 * (time.process_time() - start):.2f} ms, {grown / 1024:.1f} MB, {verdict}')"
    )
    for fault in ("entities", "path", "deep", "huge"):
        tree = spoil_tree(world.tree(world.last_science), fault)
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=tree,
            capture_output=True,
            cwd=Path(__file__).parents[1],
            check=True,
        )
        print(f"{fault:<24} {len(tree) / 1e6:.2f} MB: {done.stdout.decode().strip()}", flush=True)
        if b"ACCEPTED" in done.stdout:
            raise Broken(f"{fault} was accepted")


def nights():
    """A thousand nights with two modes each, and forty science exposures a night."""
    world = World()
    first = np.datetime64("2018-01-01")
    for index in range(1000):
        night = str(first + index)
        world.standard(night, "WFM-AO-N").standard(night, "WFM-NOAO-N")
        for number in range(40):
            world.science(night, "WFM-AO-N", hours=11.0 + 0.2 * number)
    with TestArchive(world) as archive:
        settings = Settings(archive=ArchiveSettings(**archive.settings(read_timeout_s=30.0)))
        client = archive_client(settings.archive)
        responses = []

        def keep(response, _query):
            responses.append(response)

        started = time.process_time()
        found = retrieval.survey(
            settings, (2018, 2019, 2020), EsoArchive(client, settings.archive, keep)
        )
        with_server = time.process_time() - started
        started = time.process_time()
        table = availability(found.standards, found.sciences)
        joined = time.process_time() - started
        client.close()
        requests = archive.count("/")
    with TestArchive(World()) as archive:  # the same responses again, without the server's own work
        settings = Settings(archive=ArchiveSettings(**archive.settings()))
        replay = Replay(responses.copy())
        started = time.process_time()
        found = retrieval.survey(
            settings, (2018, 2019, 2020), EsoArchive(replay, settings.archive, keep)
        )
        table = availability(found.standards, found.sciences)
        alone = time.process_time() - started
    print(
        f"{'a thousand nights':<24} {len(table)} nights, {len(found.sciences)} science exposures, "
        f"{requests} requests: responses to table {alone:.2f} s of which the join {joined:.3f} s "
        f"({with_server:.2f} s with the server in the same process)"
    )
    if alone > 2 or requests != 6:
        raise Broken("slower than two seconds, or more than two requests a year")


class Replay:
    """A client that gives recorded responses."""

    def __init__(self, responses):
        self._responses = iter(responses)

    def request(self, *_args, **_options):
        return next(self._responses)


def verify():
    """How fast a file of a raw frame's size is verified, and in how much memory."""
    name = "MUSE.2019-03-09T23:58:30.123"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.fits"
        path.write_bytes(frame(name, "STD", 10_000, compressed=False))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        verified = verify_fits(path, name)
        seconds = time.process_time() - started
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        size = path.stat().st_size
    print(
        f"{'verify':<24} {size / 1e6:.0f} MB in {seconds:.2f} s, {grown:.1f} MB of memory, "
        f"{verified.n_checksums} checksums hold"
    )


CASES = {
    "nights": nights,
    "faults": faults,
    "mixed": mixed,
    "kills": kills,
    "trees": trees,
    "verify": verify,
}


def main():
    """Exit status: 0 if every promise holds."""
    chosen = sys.argv[1:] or list(CASES)
    try:
        for name in chosen:
            CASES[name]()
    except Broken as promise:
        print(f"BROKEN: {promise}")
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
