"""One night at full size: all 24 channels with twilight flats, from photons to a cube.

    nice -n 19 python benchmarks/reduction/full.py FOLDER [--jobs 2]

Needs some 60 GB of disk, 24 GB of memory and two to three hours of two cores. Prints the table of
README.md; killed and started again, it goes on where it was.
"""

import argparse
from collections import defaultdict
from pathlib import Path

from pipeline.measure.bands import load_band
from pipeline.progress import say
from pipeline.reduction.association import Wanted
from pipeline.reduction.exposures import Order, reduce_exposures, reduction_log
from pipeline.reduction.plan import ALL_CHANNELS
from pipeline.reduction.runners import find_runner
from pipeline.reduction.workshop import Workshop, available_memory_mb
from pipeline.settings import ReductionSettings, Settings
from pipeline.simulation.raw.demo import NIGHTS, demo_campaign, write_demo
from pipeline.simulation.raw.night import FrameCounts


def main() -> None:
    """Simulate if need be, reduce, print the cost of every recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    defaults, band = Settings(), load_band("I_Bessel")
    field = defaults.field
    raw = args.folder.resolve() / "raw"
    campaign = demo_campaign(
        field, defaults.simulation, (band.wave_aa, band.weight), nights=NIGHTS[:1]
    )
    if not any(raw.glob("*_raw2raw.xml")):  # written last
        counts = FrameCounts(skyflat=3, separate_flat_bias=True)
        write_demo(raw, campaign, channels=ALL_CHANNELS, counts=counts)
        say("raw frames written")
    (tree,) = raw.glob("*_raw2raw.xml")
    wanted = Wanted(tree.name.removesuffix("_raw2raw.xml"), field.name, field.ra_deg, field.dec_deg)
    workshop = Workshop(
        args.folder.resolve() / "work",
        raw,
        runner=find_runner(),
        jobs=args.jobs,
        memory_mb=0.9 * available_memory_mb(),
    )
    (result,) = reduce_exposures(
        [Order(tree.read_bytes(), wanted)], workshop, ReductionSettings(), say
    )
    print(result)
    costs = defaultdict(list)
    for record in reduction_log(workshop, result):
        costs[record["recipe"]].append(record)
    print("| recipe | calls | wall s | CPU s | peak memory MB |\n|---|---|---|---|---|")
    for recipe, records in costs.items():
        wall, cpu = (sum(float(r[key]) for r in records) for key in ("wall_s", "cpu_s"))
        peak = max(float(r["peak_rss_mb"]) for r in records)
        print(f"| {recipe} | {len(records)} | {wall:.0f} | {cpu:.0f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
