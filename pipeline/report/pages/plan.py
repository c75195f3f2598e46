"""The page Plan: what scatter to expect of a pair of one's own, from the stability model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.downloads.explore_data import PREDICTION
from pipeline.report.one_channel import why_not_modelled
from pipeline.report.pages.base import PageInputs, PageNumbering, PageType
from pipeline.report.planner_limits import faint_pairs, within_night_words
from pipeline.report.rows import headline_choice, plain
from pipeline.report.tables import Cell, Head, TableView, cells, without_empty_columns
from pipeline.report.text import NOTHING, fixed
from pipeline.schema.results import Results

SCRIPTS = ("explore-stats", "explore-svg", "plan")
SNR_SHOWN = (50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0)
TYPICAL_SNR = 200.0  # of the sentence that is read without script
LEVELS = (0.025, 0.5, 0.975)
SIGMAS = 3  # at which a change counts as seen
GROUPS = 2  # of epochs, before the change and after it, whose variances add up


@dataclass(frozen=True)
class PlanOf:
    """What the page says of one campaign."""

    results: Results
    label: str  # in the switch of campaigns
    band: str
    radius_px: str
    snr: str  # a typical one
    typical: str  # expected scatter of two stars of that SNR, with its 95 % interval
    why_not: str  # why there is no prediction for one channel; "" where there is one
    limits: tuple[str, ...]  # where pairs of the campaign scatter by more than predicted


def expected_scatter(
    prediction: QTable,
    snr_1: float,
    snr_2: float,
    *,
    same_channel: bool = False,
    lag_days: float | None = None,
) -> Mapping[float, float]:
    """Quantiles of the expected standard deviation of ln(F1/F2), by probability.

    Equal to those of ``Stability.predict``; empty if the table has no such rows.

    Parameters
    ----------
    prediction : QTable
        The table of that name.
    snr_1, snr_2 : float
        flux / flux_err of one exposure.
    same_channel : bool
    lag_days : float, optional
        One of the table's; left out, of one ratio about its mean over a year.
    """
    lags = plain(prediction["lag_days"])
    at_lag = np.isnan(lags) if lag_days is None else np.isclose(lags, lag_days)
    rows = prediction[at_lag & (np.asarray(prediction["same_channel"], bool) == same_channel)]
    low, high, weight = (
        plain(rows[name]) for name in ("variance_low", "variance_high", "weight_high")
    )
    photons = plain(rows["n_exposures"]) * (1 / snr_1**2 + 1 / snr_2**2)
    std = (1 - weight) * np.sqrt(photons + low) + weight * np.sqrt(photons + high)
    return dict(zip(plain(rows["probability"]).tolist(), std.tolist(), strict=True))


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any] | None:
    """Every campaign with a fit of the stability model, observed ones first."""
    able = (one for one in inputs.campaigns if PREDICTION in one.tables)
    shown = tuple(_plan_of(one) for one in sorted(able, key=lambda one: one.simulated))
    if not shown:
        return None
    tables = [numbering.table(_table(one.results), one.results.name) for one in shown]
    return {
        "shown": shown,
        "tables": tables,
        "scripts": SCRIPTS,
        "sigmas": SIGMAS,
        "groups": GROUPS,
    }


def _plan_of(results: Results) -> PlanOf:
    band, radius_px = headline_choice(results)
    found = expected_scatter(results.tables[PREDICTION], TYPICAL_SNR, TYPICAL_SNR)
    kind = "Simulated" if results.simulated else "Observed"
    faint = faint_pairs(results)
    return PlanOf(
        results,
        f"{kind}: {results.title}",
        band,
        f"{radius_px:g}",
        f"{TYPICAL_SNR:g}",
        _per_cent(found),
        "" if _has_one_channel(results) else why_not_modelled(results),
        tuple(one for one in (faint.sentence if faint else "", within_night_words(results)) if one),
    )


def _has_one_channel(results: Results) -> bool:
    return bool(np.asarray(results.tables[PREDICTION]["same_channel"], bool).any())


def _per_cent(found: Mapping[float, float]) -> str:
    """Median and 95 % interval in per cent; an en dash if nothing is known."""
    if not found:
        return NOTHING
    low, middle, high = (100 * found[level] for level in LEVELS)
    return f"{fixed(middle, 2)} % ({fixed(low, 2)} to {fixed(high, 2)} %)"


def _table(results: Results) -> TableView:
    """Expected scatter of two stars of equal SNR."""
    prediction = results.tables[PREDICTION]
    rows: list[tuple[Cell, ...]] = []
    for snr in SNR_SHOWN:
        of_year = expected_scatter(prediction, snr, snr)
        one_channel = expected_scatter(prediction, snr, snr, same_channel=True)
        same_night = expected_scatter(prediction, snr, snr, lag_days=0.0)
        rows.append(cells(f"{snr:g}", *map(_per_cent, (of_year, one_channel, same_night))))
    view = TableView(
        f"plan-{results.name}",
        "Expected scatter of the ratio of two stars of equal SNR, with its "
        f"{100 * (LEVELS[-1] - LEVELS[0]):.0f} % interval. "
        "The last column is for the difference of two exposures of one night.",
        _heads(("SNR of each", "Over a year", "Over a year, one channel", "Within a night")),
        tuple(rows),
        source=PREDICTION,
        simulated=results.simulated,
    )
    return without_empty_columns(view)


def _heads(labels: Sequence[str]) -> tuple[Head, ...]:
    return tuple(Head(label) for label in labels)


PAGE = PageType(
    name="plan",
    title="Plan",
    tab="",
    position=4,
    description="What scatter to expect of the flux ratio of two stars of your own.",
    wide=True,
    guide="The scatter to expect of your own pair, and how many epochs a change needs.",
    context=context,
)
