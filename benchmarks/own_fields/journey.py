"""Cubes of a field of one's own, through ``init`` to the tables: are the variables found, and no others?

    python -m benchmarks.own_fields.journey [--seeds N] [--first SEED] [--case cluster|quasar] [--scratch DIR]

The fields of ``benchmarks.targets`` as cubes. What ``init`` writes is not edited but for the quasar's
windows, a line and the continuum beside it. Prints a row of a Markdown table for each variable of each
seed: whether it was found, which other stars were, chi squared of its recovered light curve.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

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
from benchmarks.targets import ARCSEC_PER_PX, CASES
from pipeline.cli.main import main as command
from pipeline.config.loader import read_settings
from pipeline.sources import CubeFolder
from pipeline.sources.request import Request
from pipeline.statistics.columns import numbers, texts
from pipeline.workflow.executors import Workers

FIRST_SEED = 73_000_000  # nothing was tuned on these
MATCH_PX = 2.0
WINDOWS = (("line", *LINE_AA), ("continuum", *CONTINUUM_AA))


@dataclass(frozen=True)
class Found:
    """What the tables say of one variable."""

    std: float
    star_id: int  # 0: not in the catalogue
    flags: str
    is_variable: bool
    chi2: tuple[float, ...]  # reduced, for each band with a light curve


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
    campaign = CubeFolder(request)
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


def outcome(drawn: DrawnCubes, tables: dict[str, QTable]) -> tuple[list[Found], list[str]]:
    """What was found of each variable; other stars that are called variable, and how far from one."""
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
    variables = scipy.spatial.cKDTree(drawn.offset_px[drawn.variable])
    apart = dict(zip(ids.tolist(), variables.query(xy)[0].tolist(), strict=True))
    others = sorted(called - {one.star_id for one in found})
    return found, [f"star {one} at {apart[one]:.1f} px" for one in others]


def _chi2(drawn: DrawnCubes, tables: dict[str, QTable], star_id: int, k: int) -> tuple[float, ...]:
    """Reduced chi squared of each light curve of a star about what was put in."""
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
        found.append(float((off**2 / err**2).sum() / (len(off) - 1)))
    return tuple(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--case", choices=sorted(CASES), help="only this field")
    parser.add_argument("--scratch", type=Path, help="where cubes of some 1 GB a seed are written")
    given = parser.parse_args()
    print(
        "| field | seed | variation | star, flags | found | chi2 | others called variable, px from one | "
        "stars | CPU s |"
    )
    print("|---" * 9 + "|")
    for case in [CASES[given.case]] if given.case else CASES.values():
        for seed in range(given.first, given.first + given.seeds):
            start = sum(os.times()[:4])  # exposures are measured in children
            with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
                drawn = draw_cubes(case, seed)
                tables = tables_of(drawn, Path(folder))
            for row in tables["exposures"]:
                if str(row["status"]) != "ok":
                    print(f"not used: {row['exposure_id']}: {row['reason']}", file=sys.stderr)
            found, others = outcome(drawn, tables)
            spent = sum(os.times()[:4]) - start
            for one in found:
                chi2 = ", ".join(f"{value:.2f}" for value in one.chi2) or "-"
                print(
                    f"| {case.name} | {seed} | {100 * one.std:g} % | {one.star_id} {one.flags} | "
                    f"{'yes' if one.is_variable else 'no'} | {chi2} | "
                    f"{'; '.join(others) or 'none'} | {len(tables['catalogue'])} | {spent:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
