"""All statistics of one campaign in one call: the tables and the headline numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from astropy.table import QTable

from pipeline.schema import radius_column
from pipeline.schema.publications import STUDY
from pipeline.schema.results import ReportedValue
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.differences import floor_of_record
from pipeline.statistics.floor import flagged_stars
from pipeline.statistics.fluxes import OUTLIER, Fluxes
from pipeline.statistics.headline import headline_numbers
from pipeline.statistics.log_fluxes import TooFewFluxes
from pipeline.statistics.long_campaigns import is_long, of_exposures
from pipeline.statistics.model_tables import (
    Model,
    chain_table,
    fluxes_of_series,
    model_of,
    with_bad_probability,
)
from pipeline.statistics.pairs import all_pairs, pair_statistics, timelines
from pipeline.statistics.reanalysis import reanalyse, series_of_record
from pipeline.statistics.record_tables import record_tables
from pipeline.statistics.stability import Stability, fit_likeliest
from pipeline.statistics.study_comparison import Pair
from pipeline.statistics.subsets import series_of, subset_statistics
from pipeline.statistics.truth import recovery_of

MOST_NAMED = 12  # exposures in a sentence
TIMELINE_RADIUS_PX = 4.5  # of the digitised record


@dataclass(frozen=True)
class Statistics:
    """What statistics add to a campaign."""

    tables: Mapping[str, QTable]
    numbers: tuple[ReportedValue, ...]
    notes: tuple[str, ...] = ()  # what a reader must know of them


def record_statistics(
    tables: Mapping[str, QTable], published_pairs: Sequence[Pair], reference_exposure: str
) -> Statistics:
    """``reanalysis``, ``differences``, the record's tables and its headline numbers.

    Parameters
    ----------
    tables : mapping
        The record's published tables.
    published_pairs : sequence of (star_1, star_2)
        The pairs that are headlines.
    reference_exposure : str
    """
    floor = floor_of_record(tables["snr_scatter"], tables["catalogue"])
    subsets, rows = reanalyse(tables, floor, reference_exposure)
    source = f"digitised figures of {STUDY.short}"
    snr = _snr_of_record(tables["snr"])
    fluxes = fluxes_of_series(series_of_record(tables), snr)
    model = model_of(fluxes, (), source=source, method="center")
    exposures = with_bad_probability(tables["exposures"], model)
    new = {
        "exposures": exposures,
        "reanalysis": subsets.table,
        "differences": rows,
        "chain_fluxes": chain_table(fluxes),
        **model.tables,
    }
    if model.fit is not None:
        new |= record_tables(fluxes, model.fit, tables["snr_scatter"], snr)
    found = headline_numbers(tables, subsets, published_pairs, model.numbers, source=source)
    return Statistics(new, found)


def _snr_of_record(snr: QTable) -> dict[int, float]:
    """SNR of each star in the aperture of the timelines."""
    column = numbers(snr[radius_column(TIMELINE_RADIUS_PX)])
    return dict(zip(np.asarray(snr["star_id"]).tolist(), column.tolist(), strict=True))


def campaign_statistics(
    fluxes: Fluxes,
    tables: Mapping[str, QTable],
    published_pairs: Sequence[Pair],
    *,
    source: str = "photometry of the campaign",
    method: str = "exact",
    background_std: np.ndarray | None = None,
) -> Statistics:
    """``pairs``, ``timelines``, ``reanalysis``, the tables of the model and the headline numbers.

    With the truth of a simulation among the tables, ``recovery`` as well.

    Parameters
    ----------
    fluxes : Fluxes
        In the band and aperture of the headlines (``fluxes_from_tables``).
    tables : mapping
        ``exposures`` and ``catalogue``; ``truth_exposures`` and ``truth_fluxes`` if simulated.
    published_pairs : sequence of (star_1, star_2)
        The pairs that are headlines; those with a star that is not in the catalogue are left out.
    background_std : ndarray, shape (exposure, star), optional
        Scatter of blank sky beyond its noise in the aperture of the headlines [cube unit].
    """
    known = set(fluxes.star_ids.tolist())
    headline_pairs = tuple(pair for pair in published_pairs if set(pair) <= known)
    pairs = all_pairs(known, headline_pairs)
    flagged = flagged_stars(tables["catalogue"])
    model = model_of(
        fluxes,
        flagged,
        source=source,
        method=method,
        background_std=background_std,
        covariates=covariates_of(tables),
    )
    clean = _without(fluxes, fluxes.exposure_ids[model.bad])
    # all pairs of a long campaign would be millions of rows
    lines = timelines(clean, headline_pairs if is_long(fluxes) else pairs)
    series = series_of(_used(timelines(fluxes, headline_pairs)), tables["exposures"])
    subsets = subset_statistics(series)
    new = {
        "exposures": with_bad_probability(tables["exposures"], model),
        "pairs": pair_statistics(clean, pairs, stability=_covariance_of(clean, model.fitted)),
        "timelines": lines,
        "reanalysis": subsets.table,
        **model.tables,
    }
    if "truth_fluxes" in tables and "truth_exposures" in tables:
        new["recovery"] = recovery_of(fluxes, tables, method=method)
    found = headline_numbers(
        {**tables, **new},
        subsets,
        headline_pairs,
        model.numbers,
        source=source,
        pairs_without_outliers=new["pairs"],
    )
    notes = (*note_on_length(fluxes, model), *note_on_noise(fluxes, model))
    return Statistics(new, found, notes)


def note_on_length(fluxes: Fluxes, model: Model) -> tuple[str, ...]:
    """Says of a long campaign which of its exposures were fitted."""
    if not is_long(fluxes) or model.fit is None:
        return ()
    return (
        f"The floor, its parts, the courses of the channels and trends come from {len(model.fitted)} of "
        f"{np.count_nonzero(fluxes.usable.any(axis=1))} usable exposures, in "
        "stretches spread evenly over the campaign. The others were judged with what was found; light "
        "curves of targets hold all.",
    )


def note_on_noise(fluxes: Fluxes, model: Model) -> tuple[str, ...]:
    """Names the usable exposures that the floor does not come from, because of their noise."""
    if model.fit is None:
        return ()
    left_out = np.array(fluxes.usable.any(axis=1))
    left_out[np.setdiff1d(np.arange(len(left_out)), model.fitted)] = False
    left_out[model.used] = False
    left_out[model.bad] = False
    rows = np.flatnonzero(left_out)
    if not len(rows):
        return ()
    named = [
        f"{fluxes.nights[row]} {fluxes.modes[row]}".strip() for row in rows[:MOST_NAMED].tolist()
    ]
    more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    return (
        f"The fit of the floor leaves out {len(rows)} exposure{'s' if len(rows) > 1 else ''} in which half "
        "of the stars have at least twice their usual noise, or the only one in their mode: "
        f"{', '.join(named)}{more}.",
    )


COVARIATES = {"seeing_arcsec": "seeing", "airmass": "airmass"}


def covariates_of(tables: Mapping[str, QTable]) -> dict[str, np.ndarray]:
    """What may change ratios, by name, in the order of ``exposures``; NaN: unknown.

    Seeing and airmass; where ``calibrations`` is among the tables, age and temperature difference of
    lamp flats, illumination flat and twilights as well.
    """
    exposures = tables["exposures"]
    found = {name: numbers(exposures[column]) for column, name in COVARIATES.items()}
    if "calibrations" in tables:
        record = tables["calibrations"]
        row_of = {name: row for row, name in enumerate(texts(record["exposure_id"]).tolist())}
        rows = [row_of.get(name, -1) for name in texts(exposures["exposure_id"]).tolist()]
        for kind in ("flat", "illum", "skyflat"):
            for column in (f"{kind}_age_hours", f"{kind}_temperature_difference_k"):
                values = np.append(numbers(record[column]), np.nan)
                found[column.rsplit("_", 1)[0].replace("_", " ")] = values[rows]
    return found


def _without(fluxes: Fluxes, exposure_ids: np.ndarray) -> Fluxes:
    """The same with some exposures flagged as outliers."""
    outlying = np.isin(fluxes.exposure_ids, exposure_ids) & (fluxes.exposure_flags == "")
    return replace(fluxes, exposure_flags=np.where(outlying, OUTLIER, fluxes.exposure_flags))


def _covariance_of(fluxes: Fluxes, rows: np.ndarray) -> Stability | None:
    """The fit of all stars, flagged ones as well, whose bad exposures are known; None: too few."""
    try:
        return fit_likeliest(of_exposures(fluxes, rows), find_bad=False)
    except TooFewFluxes:
        return None


def _used(series: QTable) -> QTable:
    """The points that carry no flag."""
    return series[np.asarray(series["flag"], str) == ""]
