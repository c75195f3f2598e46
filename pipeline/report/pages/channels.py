"""The page on channels: how the response of each moves over the campaign."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.channels import channels_figure
from pipeline.report.figures.dependence import power_figure
from pipeline.report.pages.base import (
    FigureView,
    PageInputs,
    PageNumbering,
    PageType,
    TableBlock,
)
from pipeline.report.rows import number, p_cell, plain
from pipeline.report.tables import Cell, TableView, heads, percent_heads
from pipeline.report.text import fixed
from pipeline.schema.results import Results


@dataclass(frozen=True)
class ChannelsOf:
    """What the page on channels shows of one campaign."""

    results: Results
    found: FigureView
    truth: FigureView | None
    difference: FigureView | None
    power: FigureView | None = None
    tests: TableBlock | None = None


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """How the response of each channel moves, as far as the field's stars can tell."""
    shown = [
        _channels_of(one, numbering)
        for one in inputs.campaigns
        if "channel_responses" in one.tables and len(one.tables["channel_responses"])
    ]
    return {"shown": shown}


def _channels_of(results: Results, numbering: PageNumbering) -> ChannelsOf:
    found = of_stars(results.tables["channel_responses"])
    nights = {str(row["exposure_id"]): str(row["night"]) for row in results.tables["exposures"]}

    def view(table: QTable, name: str, column: str, title: str, caption: str) -> FigureView:
        figure = channels_figure(
            table,
            nights,
            column,
            figure_id=f"{name}-{results.name}",
            title=title,
            caption=caption,
            simulated=results.simulated,
            tables=("truth_channels" if name == "truth-channels" else "channel_responses",),
        )
        return numbering.figure(figure, results.name)

    number, reach = _widest(found)
    seen = view(
        found,
        "channels",
        "response",
        f"Channel {number} moves most, over a range of {fixed(reach, 1)} %",
        "Response of each channel that holds a star, relative to the mean channel and to its own mean.",
    )
    truth = _truth(results, found)
    if truth is None:
        return ChannelsOf(results, seen, None, None, *_found_in_channels(results, numbering))
    difference = _difference(found, truth)
    missed_rms, true_rms = (
        100 * float(np.sqrt(np.nanmean(plain(one["response"]) ** 2))) for one in (difference, truth)
    )
    put_in = view(
        truth,
        "truth-channels",
        "response",
        f"The drift put into the simulation has an rms of {fixed(true_rms, 1)} %",
        "Only the exposures and channels of the map above, treated in the same way.",
    )
    missed = view(
        difference,
        "difference-channels",
        "response",
        f"The drift of {fixed(true_rms, 1)} % rms is recovered to within {fixed(missed_rms, 1)} % rms",
        "Recovered minus input drift, in the same colours: the paler, the better the recovery.",
    )
    return ChannelsOf(results, seen, put_in, missed, *_found_in_channels(results, numbering))


def _found_in_channels(
    results: Results, numbering: PageNumbering
) -> tuple[FigureView | None, TableBlock | None]:
    """The power curve of the search for steps, and what was found in each channel."""
    if "channel_tests" not in results.tables:
        return None, None
    power = power_figure(
        results.tables["step_power"],
        figure_id=f"power-{results.name}",
        simulated=results.simulated,
    )
    return numbering.figure(power, results.name), numbering.table(_tests(results), results.name)


def _tests(results: Results) -> TableView:
    """A row for each channel."""
    table = results.tables["channel_tests"]
    return TableView(
        f"channel-tests-{results.name}",
        "The most likely step of each channel, the smallest step detectable in mid-campaign, and the test "
        "for slow drift.",
        (
            *heads("channel_tests", "channel"),
            *percent_heads("channel_tests", "step", "step_err"),
            *heads("channel_tests", "step_found"),
            *percent_heads("channel_tests", "smallest_step"),
            *heads("channel_tests", "drift_p_adjusted"),
        ),
        tuple(
            (
                Cell(str(int(row["channel"]))),
                *(Cell(fixed(100 * number(row[name]), 2)) for name in ("step", "step_err")),
                Cell("found", kind="strong") if bool(row["step_found"]) else Cell("none"),
                Cell(fixed(100 * number(row["smallest_step"]), 2)),
                p_cell(number(row["drift_p_adjusted"])),
            )
            for row in table
        ),
        source="channel_tests",
        simulated=results.simulated,
    )


def _widest(found: QTable) -> tuple[int, float]:
    """The channel with the widest range of its responses, and that range [%]."""
    channel, value = np.asarray(found["channel"], int), 100 * plain(found["response"])
    reach = {
        int(one): float(np.nanmax(value[channel == one]) - np.nanmin(value[channel == one]))
        for one in sorted(set(channel.tolist()))
        if np.isfinite(value[channel == one]).any()
    }
    widest = max(reach, key=lambda one: reach[one])
    return widest, reach[widest]


def of_stars(responses: QTable) -> QTable:
    """Responses of the channels that hold a star, about their means; all if nobody knows which do.

    What the model says of the others follows from the light that spills over, and tells little.
    """
    holds = np.asarray(responses["n_stars"], int) > 0
    kept = responses[holds] if holds.any() else responses.copy()
    kept["response"] = _about_means(kept, plain(kept["response"]))
    return kept


def _truth(results: Results, found: QTable) -> QTable | None:
    """ln of the true responses where responses were found, about the same means."""
    table = results.tables.get("truth_channels")
    if table is None:
        return None
    put_in = {
        (str(row["exposure_id"]), int(row["channel"])): np.log(float(row["response"]))
        for row in table
    }
    keys = [(str(row["exposure_id"]), int(row["channel"])) for row in found]
    value = np.array([put_in.get(key, np.nan) for key in keys], float)
    truth = found.copy()
    truth["response"] = _about_means(found, value)
    return truth


def _about_means(table: QTable, value: np.ndarray) -> np.ndarray:
    """Values of (exposure, channel) rows less the mean of each exposure, then of each channel."""
    for name in ("exposure_id", "channel"):
        value = value - _means(value, [str(one) for one in table[name]])
    return value


def _means(values: np.ndarray, groups: list[Any]) -> np.ndarray:
    """For each value the mean of its group."""
    totals: dict[Any, list[float]] = {}
    for group, value in zip(groups, values.tolist(), strict=True):
        if np.isfinite(value):
            totals.setdefault(group, []).append(value)
    means: Mapping[Any, float] = {group: float(np.mean(all_)) for group, all_ in totals.items()}
    return np.array([means.get(group, np.nan) for group in groups])


def _difference(found: QTable, truth: QTable) -> QTable:
    difference = found.copy()
    difference["response"] = plain(found["response"]) - plain(truth["response"])
    return difference


PAGE = PageType(
    name="channels",
    title="Channels",
    tab="Evidence",
    position=530,
    description="How the response of each channel changes with time, relative to the others.",
    guide="",
    context=context,
)
