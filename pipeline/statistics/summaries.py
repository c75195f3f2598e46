"""All statistics of one campaign in one call: the tables and the headline numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from astropy.table import QTable

from pipeline.schema.publications import STUDY
from pipeline.schema.results import ReportedValue
from pipeline.statistics.channels import channel_responses, channel_table
from pipeline.statistics.differences import floor_of_record
from pipeline.statistics.floor import Floor, flagged_stars, floor_of_pairs
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.headline import headline_numbers
from pipeline.statistics.pairs import all_pairs, pair_statistics, timelines
from pipeline.statistics.reanalysis import reanalyse
from pipeline.statistics.remark import Pair
from pipeline.statistics.subsets import outliers, series_of, subset_statistics
from pipeline.statistics.truth import recovery_of


@dataclass(frozen=True)
class Statistics:
    """What statistics add to a campaign."""

    tables: Mapping[str, QTable]
    numbers: tuple[ReportedValue, ...]
    floor: Floor


def record_statistics(
    tables: Mapping[str, QTable], published_pairs: Sequence[Pair], reference_exposure: str
) -> Statistics:
    """``reanalysis``, ``differences`` and the headline numbers of the published record.

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
    new = {"reanalysis": subsets.table, "differences": rows}
    source = f"digitised figures of {STUDY.short}"
    found = headline_numbers(tables, subsets, published_pairs, floor, source=source)
    return Statistics(new, found, floor)


def campaign_statistics(
    fluxes: Fluxes,
    tables: Mapping[str, QTable],
    published_pairs: Sequence[Pair],
    *,
    source: str = "photometry of the campaign",
) -> Statistics:
    """``pairs``, ``timelines``, ``reanalysis``, ``channel_responses`` and the headline numbers.

    With the truth of a simulation among the tables, ``recovery`` as well.

    Parameters
    ----------
    fluxes : Fluxes
        In the band and aperture of the headlines (``fluxes_from_tables``).
    tables : mapping
        ``exposures`` and ``catalogue``; ``truth_exposures`` and ``truth_fluxes`` if simulated.
    published_pairs : sequence of (star_1, star_2)
        The pairs that are headlines; those with a star that is not in the catalogue are left out.
    """
    known = set(fluxes.star_ids.tolist())
    headline_pairs = tuple(pair for pair in published_pairs if set(pair) <= known)
    pairs = all_pairs(known, headline_pairs)
    courses = timelines(fluxes, pairs)
    flagged = flagged_stars(tables["catalogue"])
    series = series_of(_used(timelines(fluxes, headline_pairs)), tables["exposures"])
    far = series.exposure_ids[outliers(series.deviation)]
    subsets = subset_statistics(series)
    new = {
        "pairs": pair_statistics(fluxes, pairs),
        "timelines": courses,
        "reanalysis": subsets.table,
        "channel_responses": channel_table(fluxes, channel_responses(fluxes, flagged)),
    }
    if "truth_fluxes" in tables and "truth_exposures" in tables:
        new["recovery"] = recovery_of(fluxes, tables)
    floor = floor_of_pairs(new["pairs"], tables["catalogue"])
    clean = pair_statistics(_without(fluxes, far), pairs)
    found = headline_numbers(
        {**tables, **new},
        subsets,
        headline_pairs,
        floor,
        source=source,
        pairs_without_outliers=clean,
    )
    return Statistics(new, found, floor)


def _without(fluxes: Fluxes, exposure_ids: np.ndarray) -> Fluxes:
    """The same with some exposures flagged as outliers."""
    outlying = np.isin(fluxes.exposure_ids, exposure_ids) & (fluxes.exposure_flags == "")
    return replace(fluxes, exposure_flags=np.where(outlying, "outlier", fluxes.exposure_flags))


def _used(courses: QTable) -> QTable:
    """The points that carry no flag."""
    return courses[np.asarray(courses["flag"], str) == ""]
