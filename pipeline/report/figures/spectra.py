"""Spectra of a chosen star in all apertures, raw and smoothed."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.report.figures.base import (
    MODE_STYLES,
    Figure,
    Layout,
    ModeStyle,
    Trace,
    axis,
    rounded,
    stamped,
    to_json_list,
)
from pipeline.report.text import significant
from pipeline.schema.results import SpectrumSet

SHADES = ("@sky", "@blue", "@green", "@orange", "@red")  # small to large aperture
MAX_POINTS = 1900  # per curve on the page; a window of 1500 px shows no more
SMOOTHING_AA = 50.0  # width of the running mean, that of the detection bands
NARROW: Layout = {"height": 460, "margin": {"l": 58, "r": 8, "t": 30, "b": 128}}
MIN_WINDOW = 3  # samples: fewer smooth nothing


def spectrum_figure(
    spectra: SpectrumSet,
    exposure: int,
    stars: Sequence[int],
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    unit: str,
) -> Figure:
    """Five apertures of one star; the selector holds every star.

    Parameters
    ----------
    exposure : int
        Row of ``spectra`` that is shown.
    stars : sequence of int
        Star numbers in the order of the selector.
    unit : str
        Unit of the flux as the axis prints it.
    """
    views = {}
    for star in stars:
        flux = spectra.flux[exposure, spectra.star_ids.index(star)]
        views[f"Star {star}"] = _traces(spectra.wave_aa, flux, spectra.radii_px)
    first = next(iter(views))
    return Figure(
        figure_id,
        title,
        caption,
        f"Line plot of flux density against wavelength. {caption}",
        views[first],
        stamped(_layout(unit, _range(spectra.wave_aa)), simulated),
        simulated,
        narrow=NARROW,
        variants={
            label: {
                "data": {str(index): {"y": trace["y"]} for index, trace in enumerate(traces)},
            }
            for label, traces in views.items()
        },
        variant_label="Star",
        first_variant=first,
    )


def modes_figure(
    curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
    *,
    figure_id: str,
    title: str,
    caption: str,
    simulated: bool,
    unit: str,
) -> Figure:
    """One star in one aperture as each mode sees it; the selector holds every star.

    Parameters
    ----------
    curves : mapping of star label to mapping of mode to (wave_aa, flux)
    """
    views = {
        label: [
            trace
            for style in MODE_STYLES
            if style.mode in modes
            for trace in _mode_traces(*modes[style.mode], style)
        ]
        for label, modes in curves.items()
    }
    first = next(iter(views))
    return Figure(
        figure_id,
        title,
        caption,
        f"Line plot of flux density against wavelength. {caption}",
        views[first],
        stamped(_layout(unit, _range(np.array([4600.0, 9350.0]))), simulated),
        simulated,
        narrow=NARROW,
        variants={
            label: {"data": {str(k): {"y": trace["y"]} for k, trace in enumerate(traces)}}
            for label, traces in views.items()
        },
        variant_label="Star",
        first_variant=first,
    )


def _mode_traces(wave_aa: np.ndarray, flux: np.ndarray, style: ModeStyle) -> list[Trace]:
    spacing = float(wave_aa[1] - wave_aa[0])
    window = smoothing_window(spacing)
    stride = max(1, -(-len(wave_aa) // MAX_POINTS), window // 2)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": style.mode,
            "x0": rounded(float(wave_aa[0]), 8),
            "dx": rounded(spacing * stride, 8),
            "y": to_json_list(running_mean(flux, window)[::stride], 4),
            "line": {"color": style.color, "width": 1.6, "dash": style.dash},
            "hovertemplate": "%{x:.0f} Å: %{y:.4g}<extra>" + style.mode + "</extra>",
        }
    ]


def _layout(unit: str, wave_range: Sequence[float]) -> Layout:
    return {
        "height": 520,
        "margin": {"l": 70, "r": 14, "t": 30, "b": 104},
        "hovermode": "closest",
        "xaxis": axis("wavelength in air [Å]", range=list(wave_range)),
        "yaxis": axis(f"flux density [{unit}]", rangemode="tozero"),
    }


def _range(wave_aa: np.ndarray) -> list[float]:
    span = float(wave_aa[-1] - wave_aa[0])
    return [round(float(wave_aa[0]) - 0.01 * span, 1), round(float(wave_aa[-1]) + 0.01 * span, 1)]


def _traces(wave_aa: np.ndarray, flux: np.ndarray, radii_px: Sequence[float]) -> list[Trace]:
    """Raw curves thin and pale below, smoothed ones above; regular grids need no x."""
    step = max(1, -(-len(wave_aa) // MAX_POINTS))
    spacing = float(wave_aa[1] - wave_aa[0])
    window = smoothing_window(spacing)
    raw: list[Trace] = []
    smooth: list[Trace] = []
    for index, (radius, curve) in enumerate(zip(radii_px, flux, strict=True)):
        color = SHADES[index % len(SHADES)]
        common: Trace = {
            "type": "scatter",
            "mode": "lines",
            "legendgroup": f"r{radius:g}",
            "hovertemplate": "%{x:.0f} Å: %{y:.4g}<extra>r = " + f"{radius:g} px</extra>",
        }
        raw.append(
            common
            | {
                "name": f"r = {radius:g} px, raw",
                "showlegend": False,
                "x0": rounded(float(wave_aa[0]), 8),
                "dx": rounded(spacing * step, 8),
                "y": to_json_list(curve[::step], 4),
                "line": {"color": color, "width": 0.7},
                "opacity": 0.45,
            }
        )
        # the smoothed curve varies over its window only, so that half a window apart is enough
        stride = max(step, window // 2, 1)
        smooth.append(
            common
            | {
                "name": f"r = {significant(radius, 2)} px",
                "x0": rounded(float(wave_aa[0]), 8),
                "dx": rounded(spacing * stride, 8),
                "y": to_json_list(running_mean(curve, window)[::stride], 4),
                "line": {"color": color, "width": 1.8},
            }
        )
    return [*raw, *smooth]


def smoothing_window(spacing_aa: float) -> int:
    """Odd number of samples of the running mean on a grid of that spacing."""
    window = max(MIN_WINDOW, round(SMOOTHING_AA / spacing_aa))
    return window + 1 - window % 2


def running_mean(curve: np.ndarray, window: int) -> np.ndarray:
    """Mean over an odd window about each sample, of the finite ones; NaN where there is none."""
    finite = np.isfinite(curve)
    kernel = np.ones(window)
    total = np.convolve(np.where(finite, curve, 0.0), kernel, mode="same")
    count = np.convolve(finite.astype(float), kernel, mode="same")
    with np.errstate(invalid="ignore"):
        mean = total / count
    return np.where(finite & (count > 0), mean, np.nan)
