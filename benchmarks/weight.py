"""How heavy the version of a reduced campaign is: 24 channels at full sampling.

    python -m benchmarks.weight [--exposures N] [FOLDER]

Made up: tables and figures are those of the simulated campaign, its spectra repeated on 3681 layers
with the noise of single layers, and every exposure has the log of calibrations of its own. With more
exposures than the 65 of that campaign its rows are repeated over ten years, each number with noise of
its own. Prints what the parts of the site weigh.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import vstack

from pipeline import report
from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.muse.geometry import N_CHANNELS, N_SLICES
from pipeline.schema.reduction_log import ReductionLog, summed_up
from pipeline.schema.results import Results, SpectrumSet
from pipeline.sources import campaigns_of
from pipeline.sources.request import Request
from pipeline.tasks.collect import recipe_calls_table
from pipeline.workflow.executors import Workers

LAYERS, STEP_AA = 3681, 1.25
# Recipes of one channel and how many quality keywords each leaves (benchmarks.reduction.full).
RECIPES = {"bias": 53, "bias_of_flat": 53, "flat": 121, "wavecal": 828, "scibasic": 10}


YEARS = 10  # over which a large campaign is spread
NOISE = 0.01  # of every repeated number: equal ones would be packed too well


def main(folder: Path, n_exposures: int | None) -> None:
    """Build the site and print what it weighs."""
    sources = ("published", "simulated")
    request = Request(
        read_settings(ROOT / "report.toml"), ROOT, sources, None, None, Path("work"), Workers(1), ()
    )
    campaigns = campaigns_of(request)
    for one in campaigns:
        one.measure()
    record, simulated = (one.results() for one in campaigns)
    build = report.collect(["python", "-m", "benchmarks.weight"], "")
    campaign = reduced(simulated)
    if n_exposures:
        campaign = repeated(campaign, n_exposures)
    report.render([record, campaign], build, folder / "docs")
    site = folder / "site"
    report.build_site(
        folder / "docs", site, ROOT / "mkdocs.yml", site_url=build.site_url, epoch=build.epoch
    )
    parts = {
        "all files": "**/*",
        "log pages": "reduction-of-*.html",
        "other pages": "*.html",
        "logs as JSON": "data/*/reduction*.json.gz",
        "data": "data/**/*",
        "pages of stars": "stars/**/*",
        "pages of exposures": "exposure*/**/*",
        "exposures by year": "assets/figures/exposures/*",
        "Explore": "assets/figures/explore/*",
        "figures": "assets/figures/*",
        "Plotly": "assets/vendor/*",
        "search": "search/*",
    }
    for name, pattern in parts.items():
        files = [path for path in site.glob(pattern) if path.is_file()]
        if name == "other pages":
            files = [path for path in files if not path.name.startswith("reduction-of-")]
        print(f"{name}: {sum(path.stat().st_size for path in files) / 1e6:.2f} MB, {len(files)}")


def repeated(results: Results, n: int) -> Results:
    """The campaign with so many exposures: its own again and again."""
    rng = np.random.default_rng(3)
    old = [str(one) for one in results.tables["exposures"]["exposure_id"]]
    copies = -(-n // len(old))
    ids = [f"{old[k % len(old)]}-{k // len(old):03d}" for k in range(n)]
    kept = set(ids)
    tables = {
        name: _repeated(table, copies, kept, rng) if "exposure_id" in table.colnames else table
        for name, table in results.tables.items()
    }
    order = np.argsort(np.asarray(tables["exposures"]["night"]), kind="stable")
    tables["exposures"] = tables["exposures"][order]
    return replace(
        results,
        tables=tables,
        reference_exposure=ids[old.index(results.reference_exposure)],
        reductions={one: log_of(k) for k, one in enumerate(ids)},
        spectra={
            mode: replace(one, exposure_ids=tuple(f"{name}-000" for name in one.exposure_ids))
            for mode, one in results.spectra.items()
        },
        numbers=tuple(
            replace(one, value=float(n)) if one.key == "n_exposures.ok" else one
            for one in results.numbers
        ),
    )


def _repeated(table: Any, copies: int, kept: set[str], rng: np.random.Generator) -> Any:
    """Rows of each copy, later by a part of the years, its numbers with noise."""
    parts = []
    for k in range(copies):
        part = table.copy()
        part["exposure_id"] = [f"{one}-{k:03d}" for one in table["exposure_id"]]
        days = round(k * (YEARS - 1) * 365.25 / max(copies - 1, 1))
        for name in part.colnames:
            values = np.asarray(getattr(part[name], "value", part[name]))
            if name == "night":
                nights = np.asarray(part[name], "datetime64[D]") + days
                part[name] = nights.astype(str)
            elif name == "mjd_mid":
                part[name] = part[name] + days * getattr(part[name], "unit", 1)
            elif values.dtype.kind == "f" and name not in ("radius_px", "wave_aa"):
                part[name] = part[name] * (1 + NOISE * rng.standard_normal(len(part)))
        rows = np.array([str(one) in kept for one in part["exposure_id"]], bool)
        parts.append(part[rows])
    whole = vstack(parts, metadata_conflicts="silent")
    for name in table.colnames:
        whole[name].info.description = table[name].info.description
        whole[name].info.meta = table[name].info.meta
    return whole


def reduced(simulated: Results) -> Results:
    """The simulated campaign as if its cubes had been reduced here."""
    ids = simulated.tables["exposures"]["exposure_id"].tolist()
    logs = {identity: log_of(number) for number, identity in enumerate(ids)}
    tables = {
        name: table
        for name, table in simulated.tables.items()
        if not name.startswith("truth") and name != "recovery"
    }
    rng = np.random.default_rng(1)
    return replace(
        simulated,
        name=simulated.name.replace("simulated", "archive"),
        source="archive",
        tables={**tables, "recipe_calls": recipe_calls_table(logs)},
        reductions=logs,
        spectra={mode: fully_sampled(one, rng) for mode, one in simulated.spectra.items()},
    )


def fully_sampled(spectra: SpectrumSet, rng: np.random.Generator) -> SpectrumSet:
    """The same spectra on the layers of a real cube, each with its own noise."""
    wave = spectra.wave_aa[0] + STEP_AA * np.arange(LAYERS)
    layer = np.clip(np.searchsorted(spectra.wave_aa, wave), 0, len(spectra.wave_aa) - 1)
    variance = spectra.variance[..., layer] * (np.diff(spectra.wave_aa).mean() / STEP_AA)
    flux = spectra.flux[..., layer] + np.sqrt(variance) * rng.standard_normal(variance.shape)
    coverage = spectra.coverage[..., layer]
    return replace(spectra, wave_aa=wave, flux=flux, variance=variance, coverage=coverage)


def log_of(number: int) -> ReductionLog:
    """The log of an exposure with calibrations of its own."""
    return summed_up(list(_records(np.random.default_rng(number))))


def _records(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    serial = rng.integers(16**9, 16**10)
    for recipe, n_keywords in RECIPES.items():
        raw = {f"{k:03d} RAW MUSE.{serial}.{k}": rng.bytes(32).hex() for k in range(3)}
        keywords = [f"ESO QC SLICE{k % N_SLICES + 1} K{k // N_SLICES}" for k in range(n_keywords)]
        for channel in range(1, N_CHANNELS + 1):
            values = rng.normal(100, 3, n_keywords).round(4).tolist()
            yield _record(recipe, channel, raw, dict(zip(keywords, values, strict=True)), rng)
    for recipe in ("twilight", "scipost"):
        yield _record(recipe, 0, {}, {}, rng)


def _record(
    recipe: str,
    channel: int,
    inputs: dict[str, str],
    quality: dict[str, float],
    rng: np.random.Generator,
) -> dict[str, Any]:
    return {
        "call": f"{recipe}-{rng.integers(16**9, 16**10):x}-{channel:02d}",
        "recipe": f"muse_{recipe}",
        "channel": channel,
        "provenance": {"pipeline": "muse/2.8.7"},
        "parameters": {},
        "inputs": inputs,
        "products": {"MASTER": []},
        "qc": quality,
        "warnings": [],
        "error_type": "",
        "error": "",
        **{key: round(rng.uniform(9, 12), 2) for key in ("wall_s", "cpu_s")},
        **{key: round(rng.uniform(200, 900), 1) for key in ("peak_rss_mb", "size_mb")},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("work/weight"))
    parser.add_argument("--exposures", type=int, help="default: the 65 of the simulated campaign")
    options = parser.parse_args()
    main(options.folder, options.exposures)
