"""What the scatter of a ratio depends on: wavelength, lag in time, and the power to find a step."""

import numpy as np
from astropy.table import QTable

from pipeline.muse.absorption import NOTCH, TELLURIC_AA
from pipeline.muse.modes import MODES
from pipeline.report.figures.base import (
    Figure,
    Layout,
    Trace,
    axis,
    note,
    rounded,
    shaded,
    stamped,
    to_json_list,
)
from pipeline.report.rows import plain, text_of
from pipeline.report.text import fixed, plot_text
from pipeline.schema.definitions import INNER_LEVEL, NARROW_BAND_AA
from pipeline.statistics.channel_tests import POWER
from pipeline.statistics.steps import LEVEL

HEIGHT_PX, NARROW_HEIGHT_PX = 400, 330
WELL_KNOWN = 0.2  # relative error of a floor: what is known worse is drawn, and not in the title
SAME_NIGHT_DAYS = 0.2  # where a point of one night is drawn whose times are not known
NIGHT_DAYS = 0.5  # lags below are within a night
N_SIGMA = 3.0  # by which measurement and model may differ before the title says so


def wavelength_figure(table: QTable, *, figure_id: str, simulated: bool) -> Figure | None:
    """Floor against wavelength, with telluric bands and the notch shaded; None without numbers."""
    floor = 100 * plain(table["floor"])
    low, high = (100 * plain(table[name]) for name in ("low68", "high68"))
    first, last = plain(table["first_aa"]), plain(table["last_aa"])
    narrow = last - first < NARROW_BAND_AA
    known = np.isfinite(floor)
    well = known & narrow & ((high - low) / 2 < WELL_KNOWN * floor)
    if not well.any():
        return None
    data = [
        _floors(table, known & narrow, "narrow bands", "circle", "@blue"),
        _floors(table, known & ~narrow, "passbands", "square", "@orange"),
    ]
    x_range = [float(first[known].min()) - 60, float(last[known].max()) + 60]
    top = 1.12 * float(high[well].max())
    layout: Layout = {
        "height": HEIGHT_PX,
        "margin": {"l": 56, "r": 14, "t": 24, "b": 86},
        "hovermode": "closest",
        "xaxis": axis("wavelength [Å]", range=x_range),
        "yaxis": axis("floor of a ratio [%]", range=[0, round(top, 3)]),
        **_absorbed(x_range),
    }
    caption = (
        f"Each point is a fit of the same bright stars in one band; bars hold {INNER_LEVEL} %. "
        "Shaded: absorption by the atmosphere, and the range of the sodium lasers (notch)."
    )
    return Figure(
        figure_id,
        f"From {first[well].min():.0f} to {last[well].max():.0f} Å the floor lies between "
        f"{fixed(float(floor[well].min()), 1)} and {fixed(float(floor[well].max()), 1)} %",
        caption,
        f"Points with error bars against wavelength. {caption}",
        data,
        stamped(layout, simulated),
        simulated,
        narrow={
            "height": NARROW_HEIGHT_PX,
            "margin": {"l": 46, "r": 6, "t": 24, "b": 86},
            # names of the bands would overlap; a tap on a point tells them
            "annotations": stamped({}, simulated).get("annotations", []),
        },
        tables=("wavelength",),
    )


def _floors(table: QTable, rows: np.ndarray, name: str, symbol: str, color: str) -> Trace:
    floor, low, high = (100 * plain(table[key])[rows] for key in ("floor", "low68", "high68"))
    first, last = plain(table["first_aa"])[rows], plain(table["last_aa"])[rows]
    names = [plot_text(one) for one in np.asarray(table["band"], str)[rows]]
    features = [plot_text(text_of(one)) for one in table["feature"][rows]]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": to_json_list((first + last) / 2, 5),
        "y": to_json_list(floor, 4),
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": to_json_list(high - floor, 3),
            "arrayminus": to_json_list(floor - low, 3),
            "thickness": 1.2,
            "width": 0,
            "color": color,
        },
        "marker": {"symbol": symbol, "color": color, "size": 8 if symbol == "circle" else 11},
        "customdata": [
            [name, f"<br>{feature}" if feature else ""]
            for name, feature in zip(names, features, strict=True)
        ],
        "hovertemplate": "<b>%{customdata[0]}</b><br>floor %{y:.2f} %%{customdata[1]}<extra></extra>",
    }


def _absorbed(x_range: list[float]) -> Layout:
    """Shaded ranges with their names at the foot of the plot."""
    notches = [mode.notch_aa for mode in MODES.values() if mode.is_wide and mode.notch_aa]
    widest = (min(one[0] for one in notches), max(one[1] for one in notches))
    ranges = [*TELLURIC_AA, (NOTCH, *widest)]
    shapes, notes = [], []
    for name, low, high in ranges:
        left, right = max(low, x_range[0]), min(high, x_range[1])
        if left >= right:
            continue
        shapes.append(shaded(left, right, "@shade"))
        notes.append(
            note(
                name.replace("2", "₂"),
                (left + right) / 2,
                0,
                xref="x",
                yanchor="bottom",
                font={"size": 11, "color": "@muted"},
            )
        )
    return {"shapes": shapes, "annotations": notes}


def structure_figure(table: QTable, *, figure_id: str, simulated: bool) -> Figure | None:
    """Change of a ratio against the lag between two exposures; None without a known point."""
    lag, std, err = (
        plain(table["lag_days"]),
        100 * plain(table["std"]),
        100 * plain(table["std_err"]),
    )
    model = {key: 100 * plain(table[f"model_{key}"]) for key in ("std", "low", "high")}
    lag = np.where(lag == 0, SAME_NIGHT_DAYS, lag)
    known = np.isfinite(std)
    if not known.any():
        return None
    order = np.flatnonzero(np.isfinite(model["std"]))
    data: list[Trace] = [
        {
            **_curve(
                "interval of the model",
                np.concatenate([lag[order], lag[order][::-1]]),
                np.concatenate([model["low"][order], model["high"][order][::-1]]),
                {"width": 0, "color": "@bandline"},
            ),
            "fill": "toself",
            "fillcolor": "@band",
            "hoverinfo": "skip",
        },
        _curve("stability model", lag[order], model["std"][order], {"width": 2, "color": "@blue"}),
        {
            "type": "scatter",
            "mode": "markers",
            "name": "measured",
            "x": to_json_list(lag[known], 4),
            "y": to_json_list(std[known], 4),
            "error_y": {
                "type": "data",
                "array": to_json_list(np.where(np.isfinite(err), err, 0.0)[known], 3),
                "thickness": 1.2,
                "width": 0,
                "color": "@orange",
            },
            "marker": {"symbol": "square", "color": "@orange", "size": 9},
            "customdata": to_json_list(np.asarray(table["n"], int)[known]),
            "hovertemplate": "<b>%{x:.3g} d apart</b><br>%{y:.2f} %, %{customdata} pairs of exposures"
            "<extra></extra>",
        },
    ]
    ends = np.log10([float(lag[order].min()), float(lag[order].max())])
    span = [float(ends[0]) - 0.15, float(ends[1]) + 0.15]
    top = 1.2 * float(np.nanmax(np.concatenate([std[known], model["high"][order]])))
    ticks = [t for t in (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0) if span[0] <= np.log10(t) <= span[1]]
    layout: Layout = {
        "height": HEIGHT_PX,
        "margin": {"l": 56, "r": 14, "t": 24, "b": 56},
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": axis(
            "time between two exposures [d]",
            type="log",
            range=[round(v, 3) for v in span],
            tickvals=ticks,
            ticktext=[f"{t:g}" for t in ticks],
        ),
        "yaxis": axis("change of a ratio [%]", range=[0, round(top, 2)]),
        "annotations": [
            note(
                "line and band: stability model",
                0.01,
                0.98,
                xanchor="left",
                yanchor="top",
                font={"size": 12, "color": "@blue"},
            )
        ],
    }
    caption = (
        "Photon noise is taken out. Error bars are a jackknife over channels; the band holds "
        f"{INNER_LEVEL} %. The model's stars stay on one channel. Measured stars move with the "
        "pointing of each exposure, and near a boundary they change more."
    )
    return Figure(
        figure_id,
        _structure_title(lag[known], std[known], err[known], model["std"][known]),
        caption,
        f"Points with error bars against the lag on a logarithmic axis. {caption}",
        data,
        stamped(layout, simulated),
        simulated,
        narrow={"height": NARROW_HEIGHT_PX, "margin": {"l": 46, "r": 6, "t": 24, "b": 56}},
        tables=("structure_function",),
    )


def _structure_title(lag: np.ndarray, std: np.ndarray, err: np.ndarray, model: np.ndarray) -> str:
    """How much a ratio changes within a night and at most beyond; what the model misses."""
    within = lag < NIGHT_DAYS
    beyond = np.flatnonzero(~within) if (~within).any() else np.arange(len(lag))
    largest = int(beyond[np.argmax(std[beyond])])
    late = f"up to {fixed(float(std[largest]), 1)} % over {lag[largest]:.0f} days"
    if within.any() and not within[largest]:
        early = float(np.sqrt((std[within] ** 2).mean()))
        expected = float(np.sqrt((model[within] ** 2).mean()))
        missed = np.abs(std[within] - model[within]) > N_SIGMA * err[within]
        but = f" (model: {fixed(expected, 1)} %)" if missed.any() else ""
        return f"A ratio changes by {fixed(early, 1)} % within a night{but} and by {late}"
    return f"A ratio changes by {late}"


def power_figure(table: QTable, *, figure_id: str, simulated: bool) -> Figure:
    """How probably a step of one channel would have been found, against its size."""
    step = 100 * plain(table["step"])
    looks = (
        ("power_best", "easiest channel", "@green", "dash"),
        ("power_median", "median channel", "@blue", "solid"),
        ("power_worst", "hardest channel", "@orange", "dot"),
    )
    data = [
        _curve(label, step, 100 * plain(table[name]), {"width": 2, "color": color, "dash": dash})
        for name, label, color, dash in looks
    ]
    median = plain(table["power_median"])
    found = float(np.interp(POWER, median, step))
    layout: Layout = {
        "height": HEIGHT_PX - 40,
        "margin": {"l": 56, "r": 14, "t": 24, "b": 86},
        "hovermode": "closest",
        "xaxis": axis("step of one channel in mid-campaign [%]", range=[0, rounded(step.max(), 4)]),
        "yaxis": axis("probability that it is found [%]", range=[0, 100 if not simulated else 118]),
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 100 * POWER,
                "y1": 100 * POWER,
                "line": {"color": "@muted", "width": 1, "dash": "dot"},
            }
        ],
    }
    caption = (
        f"False alarms are held at {100 * LEVEL:.0f} % over all channels and dates. Dotted: "
        f"{100 * POWER:.0f} %."
    )
    return Figure(
        figure_id,
        f"A step of {fixed(found, 1)} % in the median channel would be found in 95 of 100 cases",
        caption,
        f"Three rising curves. {caption}",
        data,
        stamped(layout, simulated),
        simulated,
        narrow={"height": NARROW_HEIGHT_PX, "margin": {"l": 46, "r": 6, "t": 24, "b": 110}},
        tables=("step_power",),
    )


def _curve(name: str, x: np.ndarray, y: np.ndarray, line: Layout) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": to_json_list(x, 4),
        "y": to_json_list(y, 4),
        "line": line,
        "hovertemplate": f"<b>{plot_text(name)}</b><br>%{{x:.3g}}: %{{y:.3g}}<extra></extra>",
    }
