"""Light curve of one star in every passband and window, against its comparison stars."""

from itertools import cycle

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from pipeline.report.figures.base import Figure, Layout, Trace, axis, stamped, to_json_list
from pipeline.report.rows import plain
from pipeline.report.text import plot_text

STYLES = (("circle", "@blue"), ("square", "@orange"), ("diamond", "@green"), ("x", "@pink"))
PAD_DAYS = 5.0


def light_curve_figure(
    points: QTable,
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
) -> Figure:
    """Relative flux of a star over time.

    Parameters
    ----------
    points : QTable
        Rows of the table ``light_curves`` of one star.
    """
    bands = list(dict.fromkeys(np.asarray(points["band"], str).tolist()))
    data = [
        _trace(points[np.asarray(points["band"], str) == band], band, symbol, color)
        for band, (symbol, color) in zip(bands, cycle(STYLES), strict=False)
    ]
    mjd = plain(points["mjd_mid"])
    ends = Time([mjd.min() - PAD_DAYS, mjd.max() + PAD_DAYS], format="mjd").iso
    layout: Layout = {
        "height": 380,
        "margin": {"l": 70, "r": 14, "t": 34, "b": 90},
        "hovermode": "closest",
        "xaxis": axis("", type="date", range=[str(one[:10]) for one in ends]),
        "yaxis": axis("relative flux"),
        "showlegend": len(bands) > 1,
    }
    return Figure(
        figure_id,
        title,
        caption,
        f"Relative flux of a star against the date, with error bars. {caption}",
        data,
        stamped(layout, simulated),
        simulated,
        narrow={"margin": {"l": 54, "b": 100}},
        tables=("light_curves",),
    )


def _trace(points: QTable, band: str, symbol: str, color: str) -> Trace:
    when = Time(plain(points["mjd_mid"]), format="mjd").iso
    flux, error = plain(points["flux"]), plain(points["flux_err"])
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plot_text(band),
        "x": [str(one[:16]) for one in when],
        "y": to_json_list(flux, 5),
        "error_y": {
            "type": "data",
            "array": to_json_list(error, 2),
            "thickness": 1,
            "width": 0,
            "color": color,
        },
        "marker": {"color": color, "size": 8, "symbol": symbol},
        "text": [plot_text(f"{row['night']} {row['mode']}") for row in points],
        "hovertemplate": "<b>%{text}</b><br>%{y:.4f}<extra>" + plot_text(band) + "</extra>",
    }
