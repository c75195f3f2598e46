"""The real instrument: how far channels and slices move, as observed by others."""

import re

import numpy as np
from astropy.table import QTable

from pipeline.report.figures.base import Figure, Layout, Trace, axis, note, rounded, to_json_list
from pipeline.report.rows import plain
from pipeline.report.text import fixed

_YEAR = re.compile(r"\d{4}")
N_NAMED = 4  # channels with a colour of their own: those that move most
LOOKS = (("circle", "@blue"), ("square", "@orange"), ("diamond", "@green"), ("x", "@pink"))


def channel_flats_figure(flats: QTable, *, figure_id: str) -> Figure:
    """Lamp flats of each channel against the temperature; the channels that move most are named."""
    channel, temperature = np.asarray(flats["channel"], int), plain(flats["temperature_c"])
    value = plain(flats["lamp_percent"])
    reach = {one: float(np.ptp(value[channel == one])) for one in sorted(set(channel.tolist()))}
    named = sorted(reach, key=lambda one: -reach[one])[:N_NAMED]
    data: list[Trace] = []
    for one in [*(one for one in reach if one not in named), *named]:
        order = np.argsort(temperature[channel == one])
        look = LOOKS[named.index(one)] if one in named else ("circle", "@muted")
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if one in named else "lines",
                "name": f"channel {one}",
                "x": to_json_list(temperature[channel == one][order], 4),
                "y": to_json_list(value[channel == one][order], 4),
                "line": {"color": look[1], "width": 1.8 if one in named else 0.8},
                "marker": {"symbol": look[0], "color": look[1], "size": 7},
                "opacity": 1.0 if one in named else 0.5,
                "hovertemplate": f"<b>channel {one}</b><br>%{{x:.1f}} °C: %{{y:+.2f}} %<extra></extra>",
            }
        )
    most, span = named[0], float(np.ptp(temperature))
    warmest = temperature == temperature.max()
    layout: Layout = {
        "height": 380,
        "margin": {"l": 60, "r": 90, "t": 14, "b": 50},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": axis("temperature of the instrument during the lamp flats [°C]"),
        "yaxis": axis("lamp flux, channel against mean [%]", zeroline=True),
        "annotations": [
            note(
                f"channel {one}",
                rounded(float(temperature.max()), 4) or 0.0,
                at,
                xref="x",
                yref="y",
                xanchor="left",
                xshift=8,
                yanchor="middle",
                font={"size": 12},
            )
            for one, at in _apart(
                {one: float(value[warmest & (channel == one)][0]) for one in named},
                0.055 * float(np.ptp(value)),
            )
        ],
    }
    caption = (
        f"Lamp flats of {len(set(temperature.tolist()))} nights of {_years(flats, 'night')}, "
        f"{len(reach)} channels. Grey "
        "lines are the other channels."
    )
    return Figure(
        figure_id,
        f"Lamp fluxes follow the temperature: channel {most} changes by {fixed(reach[most], 1)} % over "
        f"{fixed(span, 1)} K",
        caption,
        f"Lines against temperature. {caption}",
        data,
        layout,
        False,
        narrow={
            "margin": {"l": 48, "r": 74, "t": 14, "b": 50},
            "height": 340,
            "xaxis": {"title": {"text": "temperature [°C]"}},
        },
    )


def _years(table: QTable, column: str) -> str:
    """The year in names of nights or exposures; "first to last" of several."""
    years = sorted({found[0] for one in table[column] if (found := _YEAR.search(str(one)))})
    return years[0] if len(years) == 1 else f"{years[0]} to {years[-1]}"


def _apart(places: dict[int, float], least: float) -> list[tuple[int, float]]:
    """The names from the lowest up, moved up where two would touch."""
    moved: list[tuple[int, float]] = []
    for name, place in sorted(places.items(), key=lambda item: item[1]):
        low = moved[-1][1] + least if moved else place
        moved.append((name, rounded(max(place, low), 4) or 0.0))
    return moved


def slice_rows_figure(rows: QTable, *, figure_id: str) -> Figure:
    """Rows of a stack of slices in each illumination flat: median, and the range of 96 slices."""
    data: list[Trace] = []
    names = list(dict.fromkeys(np.asarray(rows["illum"], str).tolist()))
    number = np.asarray(rows["row"], int)
    edge = (number == number.min()) | (number == number.max())
    for index, name in enumerate(names):
        chosen = np.asarray(rows["illum"], str) == name
        middle, low, high = (
            plain(rows[f"{key}_percent"])[chosen] for key in ("median", "lowest", "highest")
        )
        symbol, color = LOOKS[index % len(LOOKS)]
        shift = 0.16 * (index - (len(names) - 1) / 2)
        kelvin = float(plain(rows["temperature_difference_k"])[chosen][0])
        x = number[chosen] + shift
        gap = np.full(len(x), np.nan)
        data += [
            {
                "type": "scatter",
                "mode": "lines",
                "name": "range of the slices",
                "showlegend": False,
                "x": to_json_list(np.stack([x, x, gap]).T.ravel(), 4),
                "y": to_json_list(np.stack([low, high, gap]).T.ravel(), 4),
                "line": {"color": color, "width": 1},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{fixed(kelvin, 2, sign=True)} K",
                "x": to_json_list(x, 4),
                "y": to_json_list(middle, 4),
                "marker": {"symbol": symbol, "color": color, "size": 7},
                "hovertemplate": f"row %{{x:.0f}}, flat {fixed(kelvin, 2, sign=True)} K: "
                "%{y:+.2f} %<extra></extra>",
            },
        ]
    farthest = np.maximum(plain(rows["highest_percent"]), -plain(rows["lowest_percent"]))
    layout: Layout = {
        "height": 400,
        "margin": {"l": 60, "r": 14, "t": 14, "b": 92},
        "hovermode": "closest",
        "xaxis": axis("row of the stack, on the sky", tickvals=sorted(set(number.tolist())), zeroline=False),
        "yaxis": axis("slice against its channel [%]", zeroline=True),
    }  # fmt: skip
    caption = (
        f"{len(names)} illumination flats of {_years(rows, 'illum')}. Points are medians, bars the "
        "range of all slices in that row. The legend: temperature of the flat relative to the lamp flats."
    )
    return Figure(
        figure_id,
        f"Only the edge slices of a stack change: by up to {fixed(float(farthest[edge].max()), 1)} %, the "
        f"others by at most {fixed(float(farthest[~edge].max()), 1)} %",
        caption,
        f"Points with ranges for twelve rows. {caption}",
        data,
        layout,
        False,
        narrow={"margin": {"l": 48, "r": 8, "t": 14, "b": 100}},
    )
