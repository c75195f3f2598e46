"""Named sets of instrumental responses: what a real MUSE might do to the ratio of two fluxes.

``quiet`` is what calibrations show: lamp flats and twilights repeat to 0.05 to 0.4 % in each channel
over days, and only the edges of the stacks of slices move by percents (2014 and 2017). ``record``
is what the ratios of 2019 show, whatever causes it: 1.5 to 2.3 % within a night, 2.6 to 4.6 % between
nights. ``white`` and ``red`` are the two extremes of a scatter of 2.5 % per channel.
"""

from collections.abc import Mapping
from dataclasses import replace

from pipeline.config.settings import SimulationSettings

_NOTHING = {
    "drift_std": 0.0,
    "night_std": 0.0,
    "exposure_std": 0.0,
    "slice_edge_std": 0.0,
    "residual_std": 0.0,
    "psf_gradient": 0.0,
}
PRESETS: Mapping[str, Mapping[str, float]] = {
    "quiet": _NOTHING
    | {
        "drift_std": 0.0010,
        "drift_timescale_days": 30.0,
        "night_std": 0.0013,
        "exposure_std": 2e-5,
        "slice_edge_std": 0.010,
        "psf_gradient": 0.02,
        "sky_share": 1.0,
    },
    "record": _NOTHING
    | {
        "drift_std": 0.015,
        "drift_timescale_days": 60.0,
        "night_std": 0.020,
        "exposure_std": 0.013,
        "slice_edge_std": 0.010,
        "residual_std": 0.003,
        "psf_gradient": 0.02,
        "sky_share": 1.0,
    },
    "white": _NOTHING | {"exposure_std": 0.025},
    "red": _NOTHING | {"drift_std": 0.025, "drift_timescale_days": 60.0},
}


def resolve_preset(settings: SimulationSettings) -> SimulationSettings:
    """The settings with the values of their preset, if they name one."""
    if not settings.preset:
        return settings
    return replace(settings, preset="", **PRESETS[settings.preset])  # type: ignore[arg-type]
