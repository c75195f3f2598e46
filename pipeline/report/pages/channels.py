"""The page on channels: how the response of each moves over the campaign."""

from dataclasses import dataclass
from typing import Any

from pipeline.report.figures.base import Figure
from pipeline.report.figures.channels import channels_figure
from pipeline.report.pages.base import FigureView, PageInputs, PageNumbering, PageType
from pipeline.report.rows import plain
from pipeline.schema.results import Results


@dataclass(frozen=True)
class ChannelsOf:
    """What the page on channels shows of one campaign."""

    results: Results
    found: FigureView
    truth: FigureView | None
    n_channels: int


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """How the response of each channel moves, as far as the field's stars can tell."""
    shown = []
    for results in inputs.campaigns:
        if "channel_responses" not in results.tables:
            continue
        table = results.tables["channel_responses"]
        dates = {str(row["exposure_id"]): f"{row['night']} {row['mode']}"
                 for row in results.tables["exposures"]}  # fmt: skip
        figure = channels_figure(
            table,
            dates,
            figure_id=f"channels-{results.name}",
            title="Response of the channels over the campaign",
            caption="Response of each channel relative to the mean channel and to its own mean, "
            "in per cent, from all stars on it; one column per exposure.",
            simulated=results.simulated,
            tables=("channel_responses",),
        )
        truth = _true_channels(results, dates)
        shown.append(
            ChannelsOf(
                results,
                numbering.figure(figure, results.name),
                numbering.figure(truth, results.name) if truth else None,
                len({int(value) for value in table["channel"]}),
            )
        )
    return {"shown": shown}


def _true_channels(results: Results, dates: dict[str, str]) -> Figure | None:
    """The responses that the simulation put in, of all channels."""
    if "truth_channels" not in results.tables:
        return None
    truth = results.tables["truth_channels"].copy()
    truth["drift"] = plain(truth["response"]) - 1
    return channels_figure(
        truth,
        dates,
        "drift",
        figure_id=f"truth-channels-{results.name}",
        title="Responses that were put into the simulation",
        caption="Response of each channel relative to its mean over a year, in per "
        "cent. The map above is relative to the mean channel in addition, and a channel without a "
        "usable star is missing there.",
        simulated=results.simulated,
        tables=("truth_channels",),
    )


PAGE = PageType(
    name="channels",
    title="Channels",
    tab="Stability",
    position=80,
    description="Behind a drifting ratio stand two channels, each with a response of its own.",
    guide="The responses behind the ratios.",
    context=context,
)
