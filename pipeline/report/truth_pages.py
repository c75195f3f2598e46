"""Pages that hold results against something: the simulation's truth, the channels behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.report.figures.base import Figure
from pipeline.report.figures.channels import channels_figure
from pipeline.report.figures.comparison import recovery_figure
from pipeline.report.pages import Book, FigureView, Page, TableBlock
from pipeline.report.rows import number, plain
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import significant
from pipeline.schema.results import Results

TAB = "Stability"


@dataclass(frozen=True)
class RecoveryOf:
    """What the recovery page shows of one simulated campaign."""

    results: Results
    figure: FigureView
    table: TableBlock
    n_passed: int
    n_all: int


def recovery_page(campaigns: Sequence[Results], book: Book) -> Page:
    """Whether the pipeline finds what was put into the simulation."""
    shown = []
    for results in campaigns:
        if "recovery" not in results.tables:
            continue
        recovery = results.tables["recovery"]
        figure = recovery_figure(
            recovery,
            figure_id=f"recovery-{results.name}",
            title="Recovered quantities against the truth of the simulation",
            caption="Difference between what the pipeline found and what was put in, in units of "
            "the accepted difference. The band is what is accepted.",
            simulated=results.simulated,
        )
        passed = np.asarray(recovery["passed"], bool)
        shown.append(
            RecoveryOf(
                results,
                book.figure(figure, results.name),
                book.table(_recovery_table(results), results.name),
                int(passed.sum()),
                len(passed),
            )
        )
    return Page(
        "recovery",
        "Recovery of the truth",
        TAB,
        "A simulated campaign whose truth is known: does the whole chain find it again?",
        {"shown": shown},
        tuple(book.figures),
    )


def _recovery_table(results: Results) -> TableView:
    return TableView(
        f"recovered-{results.name}",
        "What is compared, with the tolerance and where it comes from.",
        (
            Head("Quantity", numeric=False),
            Head("found"),
            Head("true"),
            Head("tolerance"),
            Head("unit", numeric=False),
            Head("verdict", numeric=False),
            Head("meaning", numeric=False),
        ),
        tuple(
            (
                Cell(str(row["quantity"]), kind="rp-wrap"),
                Cell(significant(number(row["measured"]), 4)),
                Cell(significant(number(row["expected"]), 4)),
                Cell(significant(number(row["tolerance"]), 2)),
                Cell(str(row["unit"])),
                Cell(
                    "found" if row["passed"] else "missed", kind="good" if row["passed"] else "bad"
                ),
                Cell(str(row["meaning"]), kind="rp-wrap"),
            )
            for row in results.tables["recovery"]
        ),
        source="recovery",
        simulated=results.simulated,
    )


@dataclass(frozen=True)
class ChannelsOf:
    """What the page on channels shows of one campaign."""

    results: Results
    found: FigureView
    truth: FigureView | None
    n_channels: int


def channels_page(campaigns: Sequence[Results], book: Book) -> Page:
    """How the response of each channel moves, as far as the field's stars can tell."""
    shown = []
    for results in campaigns:
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
                book.figure(figure, results.name),
                book.figure(truth, results.name) if truth else None,
                len({int(value) for value in table["channel"]}),
            )
        )
    return Page(
        "channels",
        "Channels",
        TAB,
        "Behind a drifting ratio stand two of the 24 channels, each with a response of its own.",
        {"shown": shown},
        tuple(book.figures),
    )


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
        caption="Response of each of the 24 channels relative to its mean over a year, in per "
        "cent. The map above is relative to the mean channel in addition, and a channel without a "
        "usable star is missing there.",
        simulated=results.simulated,
        tables=("truth_channels",),
    )
