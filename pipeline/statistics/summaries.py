"""All statistics of one campaign in one call: the tables and the headline numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.results import Number
from pipeline.statistics.channels import channel_responses, channel_table
from pipeline.statistics.columns import numbers
from pipeline.statistics.consistency import name_candidates
from pipeline.statistics.floor import Floor, fit_floor, floor_of_pairs
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.headline import headline_numbers
from pipeline.statistics.pairs import all_pairs, pair_statistics, timelines
from pipeline.statistics.reanalysis import reanalyse
from pipeline.statistics.remark import Pair
from pipeline.statistics.subsets import SEED, series_of, subset_statistics
from pipeline.statistics.truth import flagged_stars, recovery_of


@dataclass(frozen=True)
class Statistics:
    """What statistics add to a campaign."""

    tables: Mapping[str, QTable]
    numbers: tuple[Number, ...]
    floor: Floor


def record_statistics(
    tables: Mapping[str, QTable], published_pairs: Sequence[Pair], reference_exposure: str
) -> Statistics:
    """``reanalysis``, ``differences`` and the headline numbers of the record of 2021.

    Parameters
    ----------
    tables : mapping
        The record's published tables.
    published_pairs : sequence of (star_1, star_2)
        The pairs that are headlines.
    reference_exposure : str
    """
    new = reanalyse(tables, reference_exposure)
    floor = floor_of_record(tables["snr_scatter"], tables["catalogue"])
    source = "digitised figures of the 2021 study"
    found = headline_numbers({**tables, **new}, published_pairs, floor, source=source)
    return Statistics(new, found, floor)


def floor_of_record(scatter: QTable, catalogue: QTable) -> Floor:
    """The floor of the digitised scatter figure, without pairs of flagged stars.

    Where it is not known which pair a point is, a possible assignment is drawn: the candidates
    of a point have the same SNR, so that only the bootstrap and the choice of unflagged pairs
    depend on it, by less than the uncertainty.
    """
    one, two = name_candidates(scatter, SEED)
    flagged = flagged_stars(catalogue)
    good = ~(np.isin(one, flagged) | np.isin(two, flagged))
    return fit_floor(
        numbers(scatter["snr_gmean"])[good], numbers(scatter["std"])[good], one[good], two[good]
    )


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
    new = {
        "pairs": pair_statistics(fluxes, pairs),
        "timelines": courses,
        "reanalysis": subset_statistics(
            series_of(_used(timelines(fluxes, headline_pairs)), tables["exposures"])
        ),
        "channel_responses": channel_table(fluxes, channel_responses(fluxes, flagged)),
    }
    if "truth_fluxes" in tables and "truth_exposures" in tables:
        new["recovery"] = recovery_of(fluxes, tables)
    floor = floor_of_pairs(new["pairs"], tables["catalogue"])
    found = headline_numbers({**tables, **new}, headline_pairs, floor, source=source)
    return Statistics(new, found, floor)


def _used(courses: QTable) -> QTable:
    """The points that carry no flag."""
    return courses[np.asarray(courses["flag"], str) == ""]
