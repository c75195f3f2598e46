"""The answer in a sentence, what it rests on, and how far to trust it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.published.observed import repeatability
from pipeline.report.rows import (
    bad_rows,
    find_number,
    headline_choice,
    headline_pairs,
    number,
    pair_stats,
    plain,
)
from pipeline.report.text import counted, fixed, per_cent_with_interval, probability
from pipeline.report.trends import flagged_stars, trend_tests
from pipeline.schema import radius_column
from pipeline.schema.definitions import SIGNIFICANCE
from pipeline.schema.results import ReportedValue, Results

WHY_NO_TREND = (
    "Channels drift back and forth within the year; a trend is a steady change beyond that."
)
EXAMPLE_SNR = 200.0  # of two stars: what the planner shows first


@dataclass(frozen=True)
class Fact:
    """One fact with its status: "good" is established, "warn" is weak or open."""

    status: str
    word: str  # the status in a word
    title: str
    text: str


@dataclass(frozen=True)
class Planner:
    """What the small planner computes with: the floor and its interval, as fractions."""

    floor: float
    low: float
    high: float
    snr: float
    example: str  # what it shows before anybody types


@dataclass(frozen=True)
class Answer:
    """The first screen of one campaign."""

    headline: str
    sentence: str
    facts: tuple[Fact, ...]
    trust: tuple[str, ...]
    doubt: tuple[str, ...]
    planner: Planner | None


def answer_of(results: Results) -> Answer | None:
    """The answer of one campaign; None if it has no floor."""
    floor = find_number(results, "stability_floor")
    if floor is None or not np.isfinite(floor.value):
        return None
    return Answer(
        headline=headline_of(results),
        sentence=answer_sentence(results),
        facts=tuple(one for one in (_pairs(results, floor), _photons(results, floor),
                                    _trends(results)) if one),
        trust=_trust(results),
        doubt=_doubt(results),
        planner=_planner(floor),
    )  # fmt: skip


def headline_of(results: Results) -> str:
    """The answer with its interval; "" without a floor."""
    floor = find_number(results, "stability_floor")
    if floor is None or not np.isfinite(floor.value):
        return ""
    where = "in this simulation" if results.simulated else "in one MUSE field"
    return f"The flux ratio of two bright stars {where} repeats to {per_cent_with_interval(floor)}"


def answer_sentence(results: Results) -> str:
    """What the answer stands for and where it is from; "" without a floor."""
    floor = find_number(results, "stability_floor")
    if floor is None or not np.isfinite(floor.value):
        return ""
    seen = _scatters(results)
    pairs = (
        f" The {counted(len(seen), 'headline pair')} scatter by {fixed(min(seen), 1)} to "
        f"{fixed(max(seen), 1)} % without outliers."
        if len(seen) > 1
        else ""
    )
    kind = "simulated" if results.simulated else "observed"
    return (
        f"1 σ over a year, with one exposure per night and without photon noise, from "
        f"{counted(floor.n or 0, 'exposure')} of {results.field_name} ({kind}).{pairs}"
    )


def _per_cent(value: float, digits: int = 1) -> str:
    return f"{fixed(100 * value, digits)} %"


def _scatters(results: Results) -> list[float]:
    """Scatter of the headline pairs without outliers [%]."""
    found = [
        find_number(results, f"std_without_outliers.{a}-{b}") for a, b in headline_pairs(results)
    ]
    return [100 * one.value for one in found if one and np.isfinite(one.value)]


def _pairs(results: Results, floor: ReportedValue) -> Fact | None:
    seen = _scatters(results)
    if not seen:
        return None
    low, high = min(seen), max(seen)
    agrees = low <= 100 * floor.high95 and high >= 100 * floor.low95
    names = ", ".join(f"{a}/{b}" for a, b in headline_pairs(results))
    return Fact(
        "good" if agrees else "warn",
        "measured" if agrees else "differs",
        f"{counted(len(seen), 'bright pair')}: {fixed(low, 1)} to {fixed(high, 1)} %"
        if len(seen) > 1
        else f"One bright pair: {fixed(low, 1)} %",
        f"Stars {names}, outliers left out.",
    )


def photon_limits(results: Results) -> list[float]:
    """What photon noise would allow the headline pairs to scatter, as fractions.

    A record without errors has the SNR of its reference exposure.
    """
    stats = pair_stats(results)
    pairs = headline_pairs(results)
    known = [stats[pair].photon_std for pair in pairs if pair in stats]
    known = [one for one in known if np.isfinite(one)]
    if known or "snr" not in results.tables:
        return known
    snr = snr_of_stars(results)
    limits = [float(np.hypot(1 / snr[a], 1 / snr[b])) for a, b in pairs if {a, b} <= set(snr)]
    return [one for one in limits if np.isfinite(one)]


def snr_of_stars(results: Results) -> dict[int, float]:
    """SNR of each star in the headline aperture of the reference exposure."""
    table = results.tables["snr"]
    column = plain(table[radius_column(headline_choice(results)[1])])
    return dict(zip(np.asarray(table["star_id"]).tolist(), column.tolist(), strict=True))


def _photons(results: Results, floor: ReportedValue) -> Fact | None:
    limits = photon_limits(results)
    if not limits:
        return None
    shown = max(limits) < floor.low95
    return Fact(
        "good" if shown else "warn",
        "measured" if shown else "open",
        f"Photon noise is {fixed(100 * min(limits), 2)} to {_per_cent(max(limits), 2)}",
        "The rest comes from the instrument, the sky or the reduction."
        if shown
        else "The scatter is not clearly above photon noise.",
    )


def _trends(results: Results) -> Fact | None:
    tests = trend_tests(results)
    if not tests:
        return None
    clearest = tests[0]
    said = f"after Holm’s correction for {counted(len(tests), 'pair')}{of_unflagged(results)}."
    if clearest.p_adjusted < SIGNIFICANCE:
        return Fact(
            "warn",
            "seen",
            f"{clearest.pair} has a trend with time",
            f"p = {probability(clearest.p_adjusted)} {said}",
        )
    return Fact(
        "warn" if clearest.p < SIGNIFICANCE else "good",
        "not shown" if clearest.p < SIGNIFICANCE else "none seen",
        "No trend with time is established",
        f"The clearest is {clearest.pair}: p = {probability(clearest.p)}, "
        f"{probability(clearest.p_adjusted)} {said}{_although_channels_drift(results)}",
    )


def of_unflagged(results: Results) -> str:
    """What pairs a statement on trends is about, where some stars are flagged."""
    return " without a flagged star" if flagged_stars(results) else ""


def drifting_channels(results: Results) -> tuple[int, int]:
    """Number of channels for which slow drift is established, and of those that were tested."""
    table = results.tables.get("channel_tests")
    p = np.array([]) if table is None else plain(table["drift_p_adjusted"])
    return int(np.count_nonzero(p < SIGNIFICANCE)), int(np.isfinite(p).sum())


def _although_channels_drift(results: Results) -> str:
    drifting, _ = drifting_channels(results)
    return f" {WHY_NO_TREND}" if drifting else ""


def bad_exposures(results: Results) -> list[str]:
    """Night and mode of the exposures that the model calls bad."""
    exposures = results.tables.get("exposures")
    if exposures is None:
        return []
    return [f"{row['night']} {row['mode']}" for row in exposures[bad_rows(exposures)]]


def _trust(results: Results) -> tuple[str, ...]:
    bad = bad_exposures(results)
    left_out = (
        f"Judged by all stars, {len(bad)} of {counted(len(results.tables['exposures']), 'exposure')} "
        f"{'is' if len(bad) == 1 else 'are'} bad; floor, channels and trends are without "
        f"{'it' if len(bad) == 1 else 'them'}."
        if bad
        else "No exposure had to be left out of the floor."
    )
    if results.simulated:
        n_missed, n_all = _missed(results)
        if n_all and not n_missed:
            return (
                f"The pipeline recovers all {n_all} input quantities within their tolerance.",
                left_out,
            )
        return ("These numbers come from the same steps as those of real cubes.", left_out)
    if not results.is_measured:
        reading = _reading(results)
        return (
            f"Digitising the figures adds no more than {reading} to the scatter of a pair."
            if reading
            else "The points were digitised from the figures to the pixel.",
            left_out,
        )
    return (
        "Every error is the larger of photon noise and the noise measured on blank sky.",
        left_out,
    )


def _missed(results: Results) -> tuple[int, int]:
    """Number of input quantities that are not recovered within their tolerance, and of all."""
    recovery = results.tables.get("recovery")
    if recovery is None:
        return 0, 0
    return int(np.count_nonzero(~np.asarray(recovery["passed"], bool))), len(recovery)


def _reading(results: Results) -> str:
    table = results.tables.get("reanalysis")
    if table is None:
        return ""
    worst = np.nanmax(plain(table["reading_err"]))
    return _per_cent(float(worst), 2) if np.isfinite(worst) and worst > 0 else ""


def _doubt(results: Results) -> tuple[str, ...]:
    if results.simulated:
        n_missed, n_all = _missed(results)
        not_observed = "Nothing here was observed: do not quote these numbers for MUSE."
        if not n_missed:
            return (not_observed, "The drift was put in: they test the method.")
        return (
            not_observed,
            f"{n_missed} of {n_all} input quantities are not recovered within their tolerance.",
        )
    rms = {str(row["key"]): number(row["rms_percent"]) for row in repeatability()}
    low, high = rms["lamp_between_three_nights"], rms["twilights"]
    return (
        "This is one field in one aperture and one year; others may be better or worse.",
        "The cause of the scatter is not known: the channels’ response to lamps and twilights repeats to "
        f"{fixed(low, 2)} % within three nights and {fixed(high, 2)} % over six days.",
    )


def expected_scatter(floor: float, snr_1: float, snr_2: float) -> float:
    """Scatter of the ratio of two stars: the floor and the photon noise of both."""
    return float(np.sqrt(floor**2 + 1 / snr_1**2 + 1 / snr_2**2))


def _planner(floor: ReportedValue) -> Planner | None:
    bounds = (floor.value, floor.low95, floor.high95)
    if not np.isfinite(bounds).all():
        return None
    middle, low, high = (100 * expected_scatter(one, EXAMPLE_SNR, EXAMPLE_SNR) for one in bounds)
    return Planner(
        *bounds,
        snr=EXAMPLE_SNR,
        example=f"{fixed(middle, 1)} % (95 %: {fixed(low, 1)} to {fixed(high, 1)})",
    )


def observed_first(campaigns: Sequence[Results]) -> list[Results]:
    """Field by field in reading order, of each the observed campaigns first."""
    fields = [one.field_name for one in campaigns]
    return sorted(campaigns, key=lambda one: (fields.index(one.field_name), one.simulated))
