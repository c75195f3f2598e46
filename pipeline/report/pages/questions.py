"""Short answers to what readers ask, each with the place that says more."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from pipeline.report.ao_offsets import ao_offsets
from pipeline.report.downloads.explore_data import PREDICTION
from pipeline.report.downloads.explore_fluxes import can_be_explored, stars_shown
from pipeline.report.one_channel import by_channel, why_not_modelled
from pipeline.report.pages.answer import (
    EXAMPLE_SNR,
    WHY_NO_TREND,
    drifting_channels,
    of_unflagged,
)
from pipeline.report.pages.plan import LEVELS, expected_scatter
from pipeline.report.rows import headline_choice, headline_pairs, plain
from pipeline.report.text import counted, fixed, probability
from pipeline.report.trends import trend_tests
from pipeline.schema.definitions import SIGNIFICANCE
from pipeline.schema.results import Results

MEDIAN = LEVELS[1]


@dataclass(frozen=True)
class Question:
    """A question, its answer in a sentence or two, and where more is said."""

    text: str
    answer: str
    href: Markup
    place: str


@dataclass(frozen=True)
class PairForm:
    """What the form on the first page offers, which opens Explore with a pair."""

    campaign: str
    stars: tuple[int, ...]
    first: tuple[int, int]
    modes: tuple[tuple[str, str], ...]  # label, and the modes as Explore's address has them


def questions_of(results: Results) -> tuple[Question, ...]:
    """The questions that the campaign can say something about."""
    found = (_drift(results), _channels(results), _optics(results), _wavelength(results))
    return tuple(one for one in found if one)


def pair_form(results: Results) -> PairForm | None:
    """The form of a campaign that can be explored."""
    if not can_be_explored(results):
        return None
    stars = tuple(stars_shown(results))
    pairs = [pair for pair in headline_pairs(results) if set(pair) <= set(stars)]
    modes = sorted({str(mode) for mode in results.tables["exposures"]["mode"]} - {""})
    with_ao = [mode for mode in modes if "-AO-" in mode]
    without = [mode for mode in modes if mode not in with_ao]
    kinds = (("with AO only", with_ao), ("without AO only", without))
    return PairForm(
        results.name,
        stars,
        pairs[0] if pairs else (stars[0], stars[1]),
        (("in all modes", ""), *((label, ",".join(some)) for label, some in kinds if some)),
    )


def _drift(results: Results) -> Question | None:
    tests = trend_tests(results)
    if not tests:
        return None
    seen = [one.pair for one in tests if one.p_adjusted < SIGNIFICANCE]
    pairs = counted(len(tests), "pair") + of_unflagged(results)
    drifting, n_tested = drifting_channels(results)
    channels = (
        f" Slow drift is established for {drifting} of {counted(n_tested, 'channel')}. {WHY_NO_TREND}"
        if drifting and not seen
        else ""
    )
    said = (
        f"{len(seen)} of {pairs} {'has' if len(seen) == 1 else 'have'} a trend with time beyond what "
        "slow drift explains."
        if seen
        else f"No trend is established in {pairs}: the smallest p is "
        f"{probability(tests[0].p_adjusted)} after Holm’s correction for all of them."
    )
    return Question(
        "Does a star drift?",
        f"{said}{channels} The page of each star has the test of its pairs.",
        Markup("stars.html"),
        "All stars",
    )


def _channels(results: Results) -> Question | None:
    table = results.tables.get(PREDICTION)
    if table is None:
        return None
    apart, together = (
        expected_scatter(table, EXAMPLE_SNR, EXAMPLE_SNR, same_channel=same)
        for same in (False, True)
    )
    if not together:
        measured = by_channel(results)
        said = measured.sentence if measured else f"Not known here. {why_not_modelled(results)}"
    else:
        said = (
            f"Two stars of SNR {EXAMPLE_SNR:g} scatter by {fixed(100 * apart[MEDIAN], 1)} % on different "
            f"channels and by {fixed(100 * together[MEDIAN], 1)} % on one."
        )
    return Question(
        "Do ratios scatter more between channels than within one?",
        said,
        Markup("plan.html#numbers"),
        "Expected scatter",
    )


def _optics(results: Results) -> Question | None:
    offsets = ao_offsets(results.tables)
    if not offsets:
        return None
    seen = [one for one in offsets if one.is_seen]
    changed = ", ".join(
        f"{one.pair} by {fixed(one.per_cent, 1, sign=True)} ± {fixed(one.err, 1)} %" for one in seen
    )
    said = (
        f"In the same nights it changes {len(seen)} of {counted(len(offsets), 'pair')}: {changed}."
        if seen
        else f"No change is established in {counted(len(offsets), 'pair')} observed with and without it "
        "in the same nights."
    )
    return Question(
        "Does adaptive optics change ratios?",
        said,
        Markup("evidence.html#ao"),
        "With and without AO",
    )


def _wavelength(results: Results) -> Question:
    bands: Sequence[object] = results.settings.get("photometry", {}).get("bands", ())  # type: ignore[assignment]
    names = (
        [str(one) for one in bands]
        if results.is_measured and bands
        else [headline_choice(results)[0]]
    )
    measured = results.tables.get("wavelength")
    if measured is not None:
        floor = 100 * plain(measured["floor"])
        floor = floor[np.isfinite(floor)]
        if len(floor):
            return Question(
                "How does the scatter depend on wavelength?",
                f"In {counted(len(floor), 'band')} the floor lies between {fixed(float(floor.min()), 1)} and "
                f"{fixed(float(floor.max()), 1)} %.",
                Markup("dependence.html"),
                "What ratios depend on",
            )
    said = (
        f"Not known here: fluxes are in one band, {names[0]}."
        if len(names) == 1
        else f"Fluxes are in {', '.join(names)}; Explore shows any pair in each of them."
    )
    place = ("spectra.html", "Spectra") if results.spectra else ("method.html#bands", "Band fluxes")
    return Question("How does the scatter depend on wavelength?", said, Markup(place[0]), place[1])
