"""Reduce raw frames from the command line: ``python -m pipeline.reduction --help``."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.cli import ROOT
from pipeline.configuration import read_settings
from pipeline.errors import ExposureError, RequestError, SourceUnavailable
from pipeline.progress import say
from pipeline.reduction.association import Wanted
from pipeline.reduction.describe import describe
from pipeline.reduction.exposures import Order, plan_order, reduce_exposures
from pipeline.reduction.plan import ALL_CHANNELS, Choices, Input
from pipeline.reduction.runners import find_runner, recipes_version
from pipeline.reduction.workshop import Workshop, available_memory_mb
from pipeline.settings import ReductionSettings, Settings

TREES = "*_raw2raw.xml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Plan or reduce; returns 0, 1 if an exposure failed, 2 if the request cannot be met."""
    args = _parser().parse_args(arguments)
    try:
        settings = read_settings(args.config)
        if args.check:
            say(
                f"recipes: {recipes_version(find_runner(args.runner or settings.reduction.runner))}"
            )
            return 0
        if args.raw is None:
            raise SourceUnavailable(f"name the folder of raw frames, tables and trees ({TREES})")
        orders = _orders(args.raw, args.standard, settings)
        chosen = _choose(settings.reduction, args)
        if args.dry_run:
            return _show(orders, args.raw, chosen)
        return _run(orders, args, chosen)
    except RequestError as error:
        say(f"error: {error}")
        return 2


def _run(orders: Sequence[Order], args: argparse.Namespace, settings: ReductionSettings) -> int:
    memory_mb = args.memory_gb * 1024 if args.memory_gb else 0.9 * available_memory_mb()
    workshop = Workshop(
        args.work.resolve() / "reduction",
        args.raw.resolve(),
        runner=find_runner(settings.runner),
        jobs=args.jobs,
        memory_mb=memory_mb,
        time_limit_factor=settings.time_limit_factor,
    )
    status = 0
    if args.cubes:
        args.cubes.mkdir(parents=True, exist_ok=True)
    for result in reduce_exposures(orders, workshop, settings, say):
        if result.error is not None or result.cube is None:
            say(f"{result.dp_id}: {type(result.error).__name__}: {result.error}")
            status = 1
            continue
        print(result.cube)
        if args.cubes:
            link = args.cubes / f"{result.dp_id}.fits"
            link.unlink(missing_ok=True)
            link.symlink_to(result.cube)
    return status


def _show(orders: Sequence[Order], raw: Path, settings: ReductionSettings) -> int:
    status = 0
    for number, order in enumerate(orders):
        choices = Choices(
            settings.parameters,
            settings.channels or ALL_CHANNELS,
            Input("STD_RESPONSE", "response") if number or settings.response else None,
            Input("OUTPUT_WCS", "grid") if number else None,
            settings.uncalibrated,
        )
        try:
            print(describe(plan_order(order, raw, choices)))
        except ExposureError as error:
            say(f"{order.wanted.dp_id}: {type(error).__name__}: {error}")
            status = 1
    return status


def _orders(raw: Path, standards: Sequence[str], settings: Settings) -> list[Order]:
    """One order per tree, by name: the exposure that gave the tree its name, or the one asked for."""
    paths = sorted(raw.glob(TREES)) if raw.is_dir() else []
    if not paths:
        raise SourceUnavailable(f"{raw}: no association tree ({TREES}) there")
    field = settings.field
    orders = []
    for path in paths:
        dp_id = path.name.removesuffix(TREES[1:])
        if standards and dp_id not in standards:
            continue
        wanted = Wanted(dp_id, field.name, field.ra_deg, field.dec_deg, field.radius_arcmin)
        orders.append(Order(path.read_bytes(), wanted))
    if not orders:
        raise SourceUnavailable(f"{raw}: no tree of {', '.join(standards)}")
    return orders


def _choose(settings: ReductionSettings, args: argparse.Namespace) -> ReductionSettings:
    changes: dict[str, object] = {"parameters": (*settings.parameters, *args.parameter)}
    for key in ("runner", "response", "channels", "keep"):
        value = getattr(args, key)
        if value:
            changes[key] = value
    if changes.get("response"):
        changes["response"] = str(Path(str(changes["response"])).resolve())
    return replace(settings, **changes)  # type: ignore[arg-type]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline.reduction", description=__doc__)
    parser.add_argument(
        "raw", type=Path, nargs="?", help=f"folder of raw frames, tables and trees ({TREES})"
    )
    parser.add_argument("--check", action="store_true", help="say whether recipes are installed")
    parser.add_argument("--dry-run", action="store_true", help="print the plans and stop")
    parser.add_argument("--config", type=Path, default=ROOT / "report.toml", metavar="FILE")
    parser.add_argument("--standard", action="append", default=[], metavar="DP_ID")
    parser.add_argument("--work", type=Path, default=Path("work"), metavar="DIR")
    parser.add_argument("--cubes", type=Path, metavar="DIR", help="links to the cubes go there")
    parser.add_argument("--runner", choices=("auto", "python-cpl", "esorex"))
    parser.add_argument("--response", metavar="FILE", help="STD_RESPONSE of all exposures")
    parser.add_argument("--channels", type=_channels, metavar="N,N,...", help="default: all 24")
    parser.add_argument("--parameter", action="append", default=[], metavar="RECIPE.NAME=VALUE")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="recipes at a time")
    parser.add_argument("--memory-gb", type=float, metavar="GB", help="for all recipes together")
    parser.add_argument("--keep", action="store_true", help="keep intermediate products")
    return parser


def _channels(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
