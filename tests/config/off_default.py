"""A value off its default for every setting; together they are a configuration that works."""

import dataclasses
from typing import Any

from pipeline.config.settings import Settings

OFF: dict[str, dict[str, object]] = {
    "campaign": {"name": "other-field", "title": "Another field, every setting off its default"},
    "field": {
        "name": "Testfield 7",
        "ra_deg": 131.25,
        "dec_deg": -33.5,
        "radius_arcmin": 2.75,
        "modes": ["WFM-AO-E", "WFM-AO-N"],
        "pixel_scale_arcsec": 0.21,
        "star_registry": "known.ecsv",
    },
    "cubes": {
        "mode": "WFM-AO-N",
        "table": "known.ecsv",
        "allow_combined": True,
        "stat": "variance",
    },
    "detection": {"band_width_aa": 75.0, "n_bands": 5, "threshold_sigma": 6.7, "fwhm_px": 4.2},
    "reference": {"prefer": ["2019-05-09 WFM-AO-E"], "candidates": 2},
    "matching": {"tolerance_px": 1.3, "max_false_alarm": 1e-5},
    "extraction": {"radii_px": [2.0, 3.0, 4.0], "method": "center", "sky_annulus_px": [9.0, 14.0]},
    "photometry": {"bands": ["R_Bessel"], "min_coverage": 0.83, "stat_factor": 1.6},
    "statistics": {
        "band": "R_Bessel",
        "radius_px": 3.0,
        "pairs": [[104, 122], [102, 115]],
        "edge_margin_px": 3.1,
        "max_contamination": 0.05,
        "blend_distance_px": 7.2,
        "standard_distance_px": 33.0,
    },
    "review": {"exclude": [["2019-04-27 WFM-AO-N", "a satellite crossed"]]},
    "simulation": {
        "seed": 77,
        "wave_step_aa": 48.0,
        "drift_std": 0.04,
        "drift_timescale_days": 90.0,
        "offset_arcsec": 0.3,
        "sky_share": 0.25,
        "night_std": 0.01,
        "exposure_std": 0.005,
        "slice_edge_std": 0.02,
        "residual_std": 0.002,
        "psf_gradient": 0.01,
        "variable_star": 4,
        "variable_std": 0.1,
        "position_angles_deg": [90.0],
        "dither_arcsec": 1.0,
        "keep_cubes": True,
    },
    "reduction": {
        "runner": "esorex",
        "recipe_dir": "kit",
        "static_dir": "tables",
        "parameters": ["muse_scipost.skymethod=model"],
        "response": "response.fits",
        "channels": [3],
        "uncalibrated": True,
        "time_limit_factor": 2.0,
        "keep": True,
    },
    "archive": {
        "years": [2021],
        "cone_arcmin": 4.0,
        "neighbour_nights": 2,
        "max_questions": 11,
        "tap_url": "https://localhost/tap",
        "calselector_url": "https://localhost/trees",
        "data_url": "https://localhost/files/",
        "login_url": "https://localhost/login",
        "gaia_url": "",
        "simbad_url": "https://localhost/simbad",
        "connections": 2,
        "attempts": 5,
        "backoff_s": 0.5,
        "connect_timeout_s": 10.0,
        "read_timeout_s": 30.0,
        "answer_limit_s": 300.0,
        "file_limit_s": 3600.0,
        "slowest_kb_per_s": 3.0,
    },
}
NAMES = tuple((section, key) for section, values in OFF.items() for key in values)


def with_one_off(settings: Settings, section: str, key: str) -> Settings:
    """The settings with one of them off its default, and nothing else changed."""
    return with_value(settings, section, key, OFF[section][key])


def with_value(settings: Settings, section: str, key: str, value: object) -> Settings:
    """The settings with one value replaced, unchecked: alone it need not fit to the others."""
    changed = copied(getattr(settings, section))
    object.__setattr__(changed, key, as_tuple(value))
    whole = copied(settings)
    object.__setattr__(whole, section, changed)
    return whole


def copied(one: Any) -> Any:
    """The same again, made without any check."""
    new = object.__new__(type(one))
    for field in dataclasses.fields(one):
        object.__setattr__(new, field.name, getattr(one, field.name))
    return new


def as_tuple(value: object) -> object:
    """Lists as the loader leaves them."""
    return tuple(as_tuple(item) for item in value) if isinstance(value, list) else value
