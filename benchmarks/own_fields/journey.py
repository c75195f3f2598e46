"""Cubes of a field of one's own, through ``init`` to the tables: are the variables found, and no others?

    python -m benchmarks.own_fields.journey [--seeds N] [--first SEED] [--case cluster|quasar] [--jobs N]
        [--scratch DIR]

The fields of ``benchmarks.targets`` as cubes. What ``init`` writes is not edited but for the quasar's
windows, a line and the continuum beside it; what ratios owe to wavelength, aperture and season, half of
the time in a cluster, is left out, as nothing here depends on it. Prints a row of a Markdown table for each
variable of each seed: whether it was found, which other stars were, chi squared of its recovered light
curve (mean square in errors, both about the mean). Then what all seeds say together: single chi squared of
11 degrees of freedom scatter by 0.4, so that their mean is what must lie between 0.8 and 1.25.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from astropy.table import QTable

from benchmarks.own_fields.cubes import (
    CONTINUUM_AA,
    DEC_DEG,
    LINE_AA,
    RA_DEG,
    DrawnCubes,
    draw_cubes,
    write_cubes,
)
from benchmarks.targets import ARCSEC_PER_PX, CASES, FieldCase
from pipeline.cli.main import main as command
from pipeline.config.loader import read_settings
from pipeline.sources import CubeFolder
from pipeline.sources.request import Request
from pipeline.statistics.columns import numbers, texts
from pipeline.workflow.executors import Workers

FIRST_SEED = 73_000_000  # nothing was tuned on these
MATCH_PX = 2.0
BESIDE_PX = 10.0  # of a variable that is not detected: its light is in the aperture of the star
WINDOWS = (("line", *LINE_AA), ("continuum", *CONTINUUM_AA))


@dataclass(frozen=True)
class Found:
    """What the tables say of one variable."""

    std: float
    star_id: int  # 0: not in the catalogue
    flags: str
    is_variable: bool
    chi2: tuple[float, ...]  # mean square in errors, for each band with a light curve


@dataclass(frozen=True)
class Other:
    """A star that is called variable and is not."""

    star_id: int
    distance_px: float  # from the nearest variable
    beside_undetected: bool  # that variable is not in the catalogue: the star holds its light


@dataclass(frozen=True)
class Outcome:
    """What came of one seed."""

    case: str
    seed: int
    found: tuple[Found, ...]
    others: tuple[Other, ...]
    n_stars: int
    cpu_s: float


class Search(CubeFolder):
    """A folder of cubes without the tables that nothing here depends on."""

    def _dependence(self, *_: Any) -> dict[str, QTable]:
        return {}


def tables_of(drawn: DrawnCubes, folder: Path) -> dict[str, QTable]:
    """The tables of a campaign, from cubes and ``init``."""
    cubes, config = folder / "cubes", folder / "report.toml"
    write_cubes(drawn, cubes)
    if command(["init", str(cubes), "--output", str(config)]):
        raise SystemExit("init failed")
    settings = read_settings(config)
    settings = replace(
        settings, targets=tuple(replace(one, windows=WINDOWS) for one in settings.targets)
    )
    request = Request(settings, folder, ("cubes",), cubes, None, folder / "work", Workers(1), ())
    campaign = Search(request)
    campaign.measure()
    return dict(campaign.summary.tables)


def offsets_of(drawn: DrawnCubes, catalogue: QTable) -> np.ndarray:
    """Offset (star, 2) of each star of the catalogue from the centre of the field [pix]."""
    dec = numbers(catalogue["dec_deg"])
    east = (numbers(catalogue["ra_deg"]) - RA_DEG) * np.cos(np.radians(DEC_DEG))
    xy = np.column_stack([-east, dec - DEC_DEG]) * 3600 / ARCSEC_PER_PX
    tree = scipy.spatial.cKDTree(drawn.offset_px)
    for _ in range(5):  # the error of the reference's coordinates
        _, star = tree.query(xy)
        xy = xy - np.median(xy - drawn.offset_px[star], axis=0)
    return np.asarray(xy)


def outcome(drawn: DrawnCubes, tables: dict[str, QTable]) -> tuple[list[Found], list[Other]]:
    """What was found of each variable; other stars that are called variable."""
    catalogue = tables["catalogue"]
    ids = np.asarray(catalogue["star_id"], int)
    xy = offsets_of(drawn, catalogue)
    distance, star = scipy.spatial.cKDTree(drawn.offset_px).query(xy)
    star = np.where(distance < MATCH_PX, star, -1)
    called = set()
    for name in ("variability", "targets"):
        if name in tables:
            table = tables[name]
            called |= set(np.asarray(table["star_id"], int)[texts(table["flag"]) != ""].tolist())
    found = []
    for k, row in enumerate(drawn.variable.tolist()):
        (at,) = np.nonzero(star == row)
        star_id = int(ids[at[0]]) if len(at) else 0
        flags = str(texts(catalogue["flags"])[at[0]]) if len(at) else "not detected"
        std = drawn.case.variable[k][1]
        found.append(
            Found(std, star_id, flags, star_id in called, _chi2(drawn, tables, star_id, k))
        )
    apart, nearest = scipy.spatial.cKDTree(drawn.offset_px[drawn.variable]).query(xy)
    others = []
    for one in sorted(called - {one.star_id for one in found}):
        row = int(np.flatnonzero(ids == one)[0])
        distance, undetected = float(apart[row]), found[int(nearest[row])].star_id == 0
        others.append(Other(one, distance, undetected and distance < BESIDE_PX))
    return found, others


def _chi2(drawn: DrawnCubes, tables: dict[str, QTable], star_id: int, k: int) -> tuple[float, ...]:
    """Mean square of each light curve of a star less what was put in, in errors.

    Values and errors are those about the mean: its expectation is 1.
    """
    if "light_curves" not in tables:
        return ()
    table = tables["light_curves"]
    table = table[np.asarray(table["star_id"], int) == star_id]
    bands = list(dict.fromkeys(str(one) for one in table["band"]))
    found = []
    for band in bands:
        rows = table[[str(one) == band for one in table["band"]]]
        mjd = numbers(rows["mjd_mid"])
        exposure = np.abs(drawn.mjd[:, np.newaxis] - mjd).argmin(axis=0)
        truth = drawn.injected[exposure, k]
        windows = {name: (first, last) for name, first, last in WINDOWS}
        if k == 0 and drawn.case.asked:
            low, high = windows.get(band, (7000.0, 9200.0))
            truth = np.log([drawn.in_window(e, low, high) for e in exposure.tolist()])
        value, err = (
            np.log(numbers(rows["flux"])),
            numbers(rows["flux_err"]) / numbers(rows["flux"]),
        )
        off = value - (truth - truth.mean())
        found.append(float(np.mean(off**2 / err**2)))
    return tuple(found)


def outcome_of(seed: int, case: FieldCase, scratch: Path | None) -> Outcome:
    """One seed, from drawing to tables."""
    start = sum(os.times()[:4])  # exposures are measured in children
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        drawn = draw_cubes(case, seed)
        tables = tables_of(drawn, Path(folder))
    for row in tables["exposures"]:
        if str(row["status"]) != "ok":
            print(f"not used: {row['exposure_id']}: {row['reason']}", file=sys.stderr)
    found, others = outcome(drawn, tables)
    spent = sum(os.times()[:4]) - start
    return Outcome(
        case.name, seed, tuple(found), tuple(others), len(tables["catalogue"]), float(spent)
    )


def rows(one: Outcome) -> list[str]:
    """Rows of the table, one for each variable."""
    others = "; ".join(f"star {star.star_id} at {star.distance_px:.1f} px" for star in one.others)
    lines = []
    for variable in one.found:
        chi2 = ", ".join(f"{value:.2f}" for value in variable.chi2) or "-"
        lines.append(
            f"| {one.case} | {one.seed} | {100 * variable.std:g} % | "
            f"{variable.star_id} {variable.flags} | {'yes' if variable.is_variable else 'no'} | "
            f"{chi2} | {others or 'none'} | {one.n_stars} | {one.cpu_s:.0f} |"
        )
    return lines


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """What all seeds of a case say together."""
    lines = []
    for std in dict.fromkeys(one.std for seed in outcomes for one in seed.found):
        same = [one for seed in outcomes for one in seed.found if one.std == std]
        seen = [one for one in same if one.star_id]
        chi2 = [one.chi2[0] for one in same if one.chi2]
        said = (
            f"chi2 mean {np.mean(chi2):.2f}, median {np.median(chi2):.2f}, {min(chi2):.2f} to "
            if chi2
            else ""
        )
        lines.append(
            f"{outcomes[0].case}, {100 * std:g} %: found {sum(one.is_variable for one in same)} of "
            f"{len(same)}, detected {len(seen)}; {said}{f'{max(chi2):.2f}, n {len(chi2)}' if chi2 else ''}"
        )
    every = [one.chi2[0] for seed in outcomes for one in seed.found if one.chi2]
    if every:
        lines.append(
            f"chi2 of all {len(every)} light curves, first band: mean {np.mean(every):.2f}, median "
            f"{np.median(every):.2f}"
        )
    wrong = sum(any(not star.beside_undetected for star in one.others) for one in outcomes)
    beside = sum(any(star.beside_undetected for star in one.others) for one in outcomes)
    lines.append(
        f"fields with a constant star called variable: {wrong} of {len(outcomes)}; with a star called "
        f"variable that holds the light of a variable that is not detected: {beside}"
    )
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--case", choices=sorted(CASES), help="only this field")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at once (default: %(default)s)")
    parser.add_argument("--scratch", type=Path, help="where cubes of some 1 GB a seed are written")
    given = parser.parse_args()
    print(
        "| field | seed | variation | star, flags | found | chi2 | others called variable, px from one | "
        "stars | CPU s |"
    )
    print("|---" * 9 + "|", flush=True)
    seeds = range(given.first, given.first + given.seeds)
    for case in [CASES[given.case]] if given.case else CASES.values():
        one_seed = partial(outcome_of, case=case, scratch=given.scratch)
        outcomes = []
        with ProcessPoolExecutor(given.jobs) as pool:
            for one in pool.map(one_seed, seeds):
                print("\n".join(rows(one)), flush=True)
                outcomes.append(one)
        print("\n" + "\n".join(summary(outcomes)), flush=True)


if __name__ == "__main__":
    main()
