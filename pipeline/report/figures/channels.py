"""Responses of the channels over a campaign, as a map in colour."""

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import Figure, Layout, Trace, axis, rounded, stamped, to_json_list
from pipeline.report.rows import plain


def channels_figure(
    responses: QTable,
    dates: dict[str, str],
    column_name: str = "response",
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    tables: tuple[str, ...],
) -> Figure:
    """Response of each channel over the exposures, as a map in colour.

    Parameters
    ----------
    dates : dict
        Night and mode of each exposure: sorts the columns and labels them.
    column_name : str
        Column with ln response or response - 1, for small drifts the same.
    """
    ids = sorted({str(value) for value in responses["exposure_id"]}, key=lambda v: (dates[v], v))
    channels = sorted({int(value) for value in responses["channel"]})
    column = {identity: k for k, identity in enumerate(ids)}
    row = {channel: k for k, channel in enumerate(channels)}
    z = np.full((len(channels), len(ids)), np.nan)
    for identity, channel, value in zip(
        responses["exposure_id"], responses["channel"], plain(responses[column_name]), strict=True
    ):
        z[row[int(channel)], column[str(identity)]] = value
    finite = np.abs(z[np.isfinite(z)])
    limit = float(np.quantile(finite, 0.98)) if finite.size else 1.0
    labels = [f"{k}. {dates[identity]}" for k, identity in enumerate(ids, start=1)]
    data: list[Trace] = [
        {
            "type": "heatmap",
            "x": labels,
            "y": [str(channel) for channel in channels],
            "z": to_json_list(100 * z, 3),
            "zmin": rounded(-100 * limit, 3),
            "zmax": rounded(100 * limit, 3),
            "colorscale": [[0.0, "#0072B2"], [0.5, "#f4f4f4"], [1.0, "#C64600"]],
            "colorbar": {"title": {"text": "%"}, "thickness": 12, "outlinewidth": 0},
            "hovertemplate": "<b>channel %{y}</b><br>%{x}<br>%{z:+.2f} %<extra></extra>",
        }
    ]
    step = max(1, -(-len(ids) // 9))
    tick, nights = labels[::step], [dates[identity][:10] for identity in ids[::step]]
    layout: Layout = {
        "height": 160 + 22 * len(channels),
        "margin": {"l": 60, "r": 14, "t": 30, "b": 56},
        "xaxis": axis("exposures in order of time, by night", type="category", showgrid=False,
                      categoryarray=labels, tickvals=tick, ticktext=nights, showline=False),
        "yaxis": axis("channel", type="category", showgrid=False, showline=False,
                      categoryarray=[str(channel) for channel in channels]),
        "showlegend": False,
    }  # fmt: skip
    return Figure(
        figure_id,
        title,
        caption,
        f"Heat map, channels by exposures. {caption}",
        data,
        stamped(layout, simulated),
        simulated,
        narrow={
            "margin": {"l": 46, "r": 0, "t": 30, "b": 50},
            "xaxis": {"tickvals": tick[::4], "ticktext": nights[::4]},
        },
        tables=tables,
    )
