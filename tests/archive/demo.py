"""Try the tool without a network: the commands against a test archive on this machine.

Shows the overview of the published nights of 2018, a dry run, a retrieval that survives faults, the
identification of field stars, and, where ESO's recipes are installed, the way from simulated raw
frames (two nights, two channels, 1.6 GB) to a report. ``--serve`` leaves the archive running for
commands of your own.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from astropy.table import QTable, Table

from pipeline.errors import RecipesMissing
from pipeline.reduction.runners import find_runner
from tests.archive.folder import FolderWorld
from tests.archive.server import DATA, Faults, TestArchive
from tests.archive.world import LTT3218, World

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "pipeline/published/data"
RAW_CONFIG = ROOT / "examples/reduction-demo.toml"  # of the simulated raw frames
NIGHTS = ("2018-03-09", "2018-03-12")
EPOCH_YR = 2019.19  # of the reference exposure, 2019-03-10


def main():
    """Exit status 0 if every step did what it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.archive.demo", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work/archive-demo"))
    parser.add_argument("--faults", type=float, default=0.2, help="share of faulty answers")
    parser.add_argument("--serve", action="store_true", help="serve until Ctrl-C, run nothing")
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument("--files-only", action="store_true", help="do not reduce, even if possible")
    ends.add_argument(
        "--with-recipes", action="store_true", help="fail where the recipes are not installed"
    )
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    kinds = ("503", "429", "reset", "truncate", "slow")
    faults = Faults(share=options.faults, kinds=kinds, chunk_pause_s=0.005, services=(DATA,))
    with TestArchive(published_world(), faults, gaia=gaia_rows()) as archive:
        config = write_config(options.work / "report.toml", archive)
        print(f"a test archive answers at {archive.base}; simulated frames, published nights")
        if options.serve:
            return serve(config)
        status = show_archive(options.work, config)
    if status or options.files_only:
        return status
    return show_reduction(options.work, insist=options.with_recipes)


def show_archive(work, config):
    """Overview, dry run, retrieval, identification."""
    run("pipeline", "overview", "--year", "2018", config=config, work=work)
    kept = work / "archive" / "ltt3218-2019"
    ours = Table.read(kept / "availability.ecsv").filled("")
    published = Table.read(PUBLISHED / "availability_2018.ecsv").filled("")
    if [tuple(row) for row in ours] != [tuple(row) for row in published]:
        print("the overview differs from the published table")
        return 1
    print(f"equal to the published table, cell by cell: {len(ours)} nights x 4 modes")
    nights = ["--year", "2018", *(word for night in NIGHTS for word in ("--night", night))]
    run("pipeline", "retrieve", *nights, "--dry-run", config=config, work=work)
    run("pipeline", "retrieve", *nights, config=config, work=work)
    catalogue = QTable.read(PUBLISHED / "reference_positions.ecsv")
    catalogue.rename_column("id", "star_id")
    catalogue = catalogue["star_id", "x", "y"]
    catalogue.meta = {
        "simulated": True
    }  # as seen by the simulated Gaia; it identifies no real star
    catalogue.write(work / "catalogue.ecsv", overwrite=True)
    stars = ["--catalogue", str(work / "catalogue.ecsv"), "--epoch", str(EPOCH_YR)]
    run("pipeline", "identify", *stars, config=config, work=work)
    return 0


def show_reduction(work, *, insist):
    """Simulated raw frames of MUSE through the archive, ESO's recipes and the report."""
    try:
        find_runner()
    except RecipesMissing as missing:
        print(f"the demonstration ends with the files: {missing}")
        return int(insist)
    print("\nESO's MUSE recipes are installed: two simulated nights, half an hour of one core")
    run("pipeline.simulation.raw", str(work / "sky"), config=RAW_CONFIG)
    kept = work / "raw"
    with TestArchive(FolderWorld(work / "sky")) as archive:
        config = write_config(work / "raw.toml", archive, RAW_CONFIG, read_timeout_s=60.0)
        run("pipeline", "retrieve", "--year", "2019", config=config, work=kept)
    command = ["build_report.py", "--config", str(config), "--source", "archive"]
    command += ["--work", str(kept), "--site", str(work / "site")]
    print(f"\n$ python {' '.join(command)}", flush=True)
    return subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode


def run(module, *arguments, config=None, work=None):
    """Run a command as a reader would and show it."""
    command = [module, *arguments]
    command += ["--config", str(config)] if config else []
    command += ["--work", str(work)] if work else []
    print(f"\n$ python -m {' '.join(command)}", flush=True)
    status = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
    if status:
        sys.exit(f"exit status {status}")


def serve(config):
    """Wait; the reader runs commands in another terminal."""
    print(f"python -m pipeline overview --year 2018 --config {config.resolve()}")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return 0


def published_world():
    """The published nights of 2018; two of them with calibrations and small frames."""
    world = World(image_px=160)
    world.table(Table.read(PUBLISHED / "availability_2018.ecsv").filled(""))
    for row in [row for row in world.rows.values() if row["dp_type"] == "STD"]:
        if row["night"] in NIGHTS:
            world.calibrations(row["night"], row["ins_mode"])
    return world


def gaia_rows():
    """A simulated answer of Gaia for the published star positions: rotated, moved, with neighbours."""
    rng = np.random.default_rng(3218)
    stars = QTable.read(PUBLISHED / "reference_positions.ecsv")
    angle = np.radians(25.0)
    x, y = stars["x"].value - 160.0, stars["y"].value - 160.0
    west = 0.2 * (np.cos(angle) * x - np.sin(angle) * y) + 3.0
    north = 0.2 * (np.sin(angle) * x + np.cos(angle) * y) - 30.0
    west = np.concatenate([west, rng.uniform(-90, 90, 80)])
    north = np.concatenate([north, rng.uniform(-120, 60, 80)])
    ra, dec = LTT3218
    return [
        {
            "source_id": 5_640_000_000_000_000_000 + index,
            "ra": ra - west[index] / 3600 / np.cos(np.radians(dec)),
            "dec": dec + north[index] / 3600,
            "pmra": float(rng.normal(0, 8)),
            "pmdec": float(rng.normal(0, 8)),
            "phot_g_mean_mag": 15.0 + 0.05 * index,
            "bp_rp": 1.0,
            "phot_variable_flag": "VARIABLE" if index == 3 else "NOT_AVAILABLE",
        }
        for index in range(len(west))
    ]


def write_config(path, archive, base=ROOT / "report.toml", **changes):
    """A report.toml, by default the shipped one, with the test archive's addresses."""
    text = base.read_text(encoding="utf-8")
    before, _, after = text.partition("[archive]\n")
    rest = "".join(f"\n[{part}" for part in after.split("\n[")[1:] if not part.startswith("["))
    lines = [f"{key} = {json.dumps(value)}" for key, value in archive.settings(**changes).items()]
    path.write_text("\n".join([before, "[archive]", *lines, rest]), encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
