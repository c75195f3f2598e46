"""Passbands: wavelengths and weights as published, each with its source.

Only bands that lie fully inside the range of MUSE are here. V_Bessel (4700-7000 A) is not: its
blue end lies beyond the nominal modes (4750 A). R_Bessel does lie inside, but the sodium notch
of the adaptive-optics modes (5805-5966 or 5755-6008 A) takes a good part of its weight: its
fluxes are NaN there, with the flag "gap".
"""

from dataclasses import dataclass

import numpy as np

from pipeline.errors import ConfigError


@dataclass(frozen=True)
class Band:
    """A passband: piecewise linear between its knots, zero outside; its scale cancels."""

    name: str
    wave_aa: np.ndarray  # (knot,), increasing
    weight: np.ndarray  # (knot,), not negative
    source: str


_BESSELL_1990 = "Bessell 1990, PASP 102, 1181, table 2"

_I_BESSEL = (
    0.000, 0.024, 0.232, 0.555, 0.785, 0.910, 0.965, 0.985, 0.990, 0.995, 1.000, 1.000,
    0.990, 0.980, 0.950, 0.910, 0.860, 0.750, 0.560, 0.330, 0.150, 0.030, 0.000,
)  # fmt: skip  # 7000 to 9200 A in steps of 100 A
_R_BESSEL = (
    0.00, 0.23, 0.74, 0.91, 0.98, 1.00, 0.98, 0.96, 0.93, 0.90, 0.86,
    0.81, 0.78, 0.72, 0.67, 0.61, 0.56, 0.51, 0.46, 0.40, 0.35, 0.14, 0.03, 0.00,
)  # fmt: skip  # 5500 to 7500 A in steps of 100 A, then 8000, 8500, 9000 A

_BANDS = {
    band.name: band
    for band in (
        Band("I_Bessel", np.arange(7000.0, 9201.0, 100.0), np.array(_I_BESSEL), _BESSELL_1990),
        Band(
            "R_Bessel",
            np.append(np.arange(5500.0, 7501.0, 100.0), [8000.0, 8500.0, 9000.0]),
            np.array(_R_BESSEL),
            _BESSELL_1990,
        ),
    )
}


def load_band(name: str) -> Band:
    """The passband of that name.

    Raises
    ------
    ConfigError
        If there is none; the message lists those that there are.
    """
    if name not in _BANDS:
        raise ConfigError(f"passband {name!r} is unknown; known are: {', '.join(sorted(_BANDS))}")
    return _BANDS[name]
