"""How often the intervals of the floor hold the truth, scenario by scenario."""

from collections.abc import Sequence

from pipeline.report.figures.base import Figure, Layout, Trace, axis, note, rounded, shaded, stamped
from pipeline.report.text import fixed, plot_text
from pipeline.statistics.campaigns.results import Criterion

ROW_PX = 34
LOOKS = (("circle", "@blue"), ("square", "@orange"))


def coverage_figure(
    intervals: Sequence[tuple[str, Sequence[Criterion]]], *, figure_id: str
) -> Figure:
    """A row for each scenario, a point for each kind of interval; shaded: what must hold.

    Parameters
    ----------
    intervals : sequence of (name, lines)
        Of each kind of interval its name, "68 %", and the lines of the scenarios.
    """
    scenarios = list(dict.fromkeys(line.scenario for _, lines in intervals for line in lines))
    data: list[Trace] = []
    shapes: list[Layout] = []
    notes: list[Layout] = []
    for (name, lines), (symbol, color) in zip(intervals, LOOKS, strict=False):
        data.append(_points(name, lines, scenarios, symbol, color))
        for low, high in sorted({(line.low, line.high) for line in lines}):
            shapes.append(shaded(low, high))
            middle = (low + high) / 2
            notes.append(
                note(
                    plot_text(name),
                    middle,
                    1,
                    xref="x",
                    yanchor="bottom",
                    font={"size": 12, "color": "@muted"},
                )
            )
    every = [line for _, lines in intervals for line in lines]
    lowest = min(line.value - line.err for line in every)
    layout: Layout = {
        "height": 110 + ROW_PX * len(scenarios),
        "margin": {"l": 90, "r": 16, "t": 34, "b": 56},
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": axis("share of campaigns whose interval holds the true floor",
                      range=[rounded(min(0.55, lowest - 0.02), 3), 1.01]),
        "yaxis": {
            "range": [len(scenarios) - 0.5, -0.5],
            "tickvals": list(range(len(scenarios))),
            "ticktext": [plot_text(one) for one in scenarios],
            "zeroline": False,
        },
        "shapes": shapes,
        "annotations": notes,
    }  # fmt: skip
    n = sum(line.verdict in ("holds", "within its error") for line in every)
    n_few = sum(line.verdict == "too few to say" for line in every)
    few = f" In {n_few} cases the campaigns are too few to say." if n_few else ""
    caption = (
        "Bars are one standard error; shaded is the required range. The scenarios are described in "
        f"the text.{few}"
    )
    return Figure(
        figure_id,
        f"In {n} of {len(every)} cases intervals hold the true floor as often as stated, within errors",
        caption,
        f"Dot plot with {len(scenarios)} rows. {caption}",
        data,
        stamped(layout, True),
        True,
        narrow={"margin": {"l": 76, "r": 8, "t": 34, "b": 56},
                "xaxis": {"title": {"text": "share that holds the floor"}}},
    )  # fmt: skip


def _points(
    name: str, lines: Sequence[Criterion], scenarios: Sequence[str], symbol: str, color: str
) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plot_text(name),
        "x": [rounded(line.value, 4) for line in lines],
        "y": [scenarios.index(line.scenario) for line in lines],
        "error_x": {
            "type": "data",
            "array": [rounded(line.err, 3) for line in lines],
            "thickness": 1.2,
            "width": 0,
            "color": color,
        },
        "marker": {"symbol": symbol, "color": color, "size": 9},
        "customdata": [
            [plot_text(line.scenario), fixed(line.err, 3), line.n, line.verdict] for line in lines
        ],
        "hovertemplate": f"<b>%{{customdata[0]}}</b>, {plot_text(name)}<br>%{{x:.3f}} ± "
        "%{customdata[1]}, %{customdata[2]} campaigns: %{customdata[3]}<extra></extra>",
    }
