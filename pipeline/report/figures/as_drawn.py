"""The scatter figure of the publication as drawn: all its points against the geometric mean of two SNR."""

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import Figure, Layout, Trace, axis, to_json_list
from pipeline.report.figures.scatter import ticks
from pipeline.report.rows import plain
from pipeline.report.text import plot_text


def as_drawn_figure(scatter: QTable, study: str) -> Figure:
    """Every point of the table ``snr_scatter``, named where its pair is known."""
    snr, std = plain(scatter["snr_gmean"]), plain(scatter["std"])
    known = np.asarray(scatter["star_1"]) > 0
    data: list[Trace] = []
    for mask, name, symbol, color in (
        (~known, "one of several pairs", "circle-open", "@muted"),
        (known, "pair known by name", "circle", "@sky"),
    ):
        rows = scatter[mask]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": to_json_list(snr[mask], 4),
                "y": to_json_list(100 * std[mask], 4),
                "marker": {"symbol": symbol, "color": color, "size": 7, "opacity": 0.8},
                "text": [
                    plot_text(
                        f"{row['star_1']}/{row['star_2']}" if row["star_1"] else row["candidates"]
                    )
                    for row in rows
                ],
                "hovertemplate": "<b>%{text}</b><br>SNR %{x:.4g}<br>σ = %{y:.2f} %<extra></extra>",
            }
        )
    x_range = [float(np.log10(snr.min())) - 0.05, float(np.log10(snr.max())) + 0.05]
    y_range = [float(np.log10(100 * std.min())) - 0.05, float(np.log10(100 * std.max())) + 0.05]
    layout: Layout = {
        "height": 460,
        "margin": {"l": 60, "r": 14, "t": 14, "b": 92},
        "hovermode": "closest",
        "xaxis": axis("geometric mean of the two SNR", type="log",
                      range=[round(v, 4) for v in x_range], **ticks(x_range)),
        "yaxis": axis("1 σ scatter, convention of the publication [%]", type="log",
                      range=[round(v, 4) for v in y_range], **ticks(y_range)),
    }  # fmt: skip
    caption = (
        f"All {len(scatter)} points of the figure of {study}. On this axis a pair of a bright and a faint "
        "star lies too far to the right. A ratio and its inverse differ slightly in their scatter."
    )
    least = float((100 * std).min())
    return Figure(
        "study-scatter",
        f"In the published figure every pair scatters by at least {least:.1f} %",
        caption,
        f"Scatter plot on logarithmic axes. {caption}",
        data,
        layout,
        False,
        narrow={"margin": {"l": 50, "r": 8, "t": 14, "b": 100}, "height": 420},
        tables=("snr_scatter",),
    )
