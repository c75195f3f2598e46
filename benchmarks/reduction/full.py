"""One exposure at full size: all 24 channels with twilight flats, from photons to a cube.

    python -m benchmarks.reduction.full FOLDER [--jobs 2]

The exposure is the reference of the simulated campaign: its 25 stars, its standard, its drifted
channels, with calibrations of their own. Needs 60 GB of disk, 20 GB of memory and two hours of two
cores. Prints the tables of README.md; killed and started again, it goes on where it was.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

from pipeline.config.settings import ReductionSettings, Settings
from pipeline.reduction.association import RequestedStandard
from pipeline.reduction.exposures import ReductionRequest, call_records, reduce_exposures
from pipeline.reduction.plan import ALL_CHANNELS
from pipeline.reduction.runners import find_runner
from pipeline.reduction.workspace import RecipeWorkspace, available_memory_mb
from pipeline.simulation.raw.campaign import exposure_scene
from pipeline.simulation.raw.frames import FrameCounts
from pipeline.simulation.raw.night import write_night
from pipeline.sources import simulation_plan
from pipeline.tasks.measure import build_simulation
from pipeline.workflow.progress import say

TREES = "*_raw2raw.xml"


def main() -> None:
    """Simulate if need be, reduce, print the cost of every recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--range",
        type=int,
        nargs=2,
        metavar=("FIRST", "LAST"),
        help="wavelengths of the cube [Angstrom], for a machine without 26 GB (default: all)",
    )
    parser.add_argument("--keep", action="store_true", help="keep intermediate products")
    args = parser.parse_args()
    raw = args.folder.resolve() / "raw"
    if not any(raw.glob(TREES)):  # written last
        started = time.monotonic()
        write_raw(raw)
        say(f"raw frames written in {time.monotonic() - started:.0f} s")
    (tree,) = raw.glob(TREES)
    field = Settings().field
    name = tree.name.removesuffix(TREES[1:])
    wanted = RequestedStandard(name, field.name, field.ra_deg, field.dec_deg)
    workspace = RecipeWorkspace(
        args.folder.resolve() / "work",
        raw,
        runner=find_runner(),
        jobs=args.jobs,
        memory_mb=0.9 * available_memory_mb(),
    )
    parameters = ReductionSettings().parameters
    for name, value in zip(("lambdamin", "lambdamax"), args.range or (), strict=False):
        parameters += (f"muse_scipost.{name}={value}",)
    settings = ReductionSettings(parameters=parameters, uncalibrated=True, keep=args.keep)
    (result,) = reduce_exposures(
        [ReductionRequest(tree.read_bytes(), wanted)], workspace, settings, say
    )
    print(result)
    print_costs(call_records(workspace.folder, result.calls))


def write_raw(folder: Path) -> None:
    """The raw frames of the campaign's reference exposure."""
    settings, plan = Settings(), simulation_plan()
    campaign = build_simulation(plan, settings)
    scene, conditions = exposure_scene(campaign, plan.reference_index)
    field = settings.field
    write_night(
        folder,
        scene,
        conditions,
        campaign.exposures[plan.reference_index].mjd_start,
        channels=ALL_CHANNELS,
        seed=settings.simulation.seed,
        target=(field.name.replace(" ", ""), field.ra_deg, field.dec_deg),
        counts=FrameCounts(skyflat=3, separate_flat_bias=True),
    )


def print_costs(records: list[dict[str, object]]) -> None:
    """A row for every recipe: sums over its calls, the highest peak of memory."""
    costs = defaultdict(list)
    for record in records:
        costs[record["recipe"]].append(record)
    print(
        "| recipe | calls | wall s | CPU s | peak memory MB | disk GB |\n|---|---|---|---|---|---|"
    )
    for recipe, rows in costs.items():
        wall, cpu, size = (sum(float(r[k]) for r in rows) for k in ("wall_s", "cpu_s", "size_mb"))
        peak = max(float(r["peak_rss_mb"]) for r in rows)
        print(
            f"| {recipe} | {len(rows)} | {wall:.0f} | {cpu:.0f} | {peak:.0f} | {size / 1e3:.1f} |"
        )


if __name__ == "__main__":
    main()
