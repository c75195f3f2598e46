"""The stars that a campaign must show, and where their light really falls."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.config.settings import SimulationSettings
from pipeline.simulation.draws import stream

# DAOFIND moves the fainter star of a close pair towards the brighter one. The study's stars 14
# and 15 are 4.97 px apart in its reference catalogue and 6.14 px in the other catalogue that it
# shows. With the light 2 px farther out, DAOFIND finds star 14 in the simulated reference exposure
# within 1 px of where the study did, and its SNR at the five radii agrees with the study's to 5 %;
# with the light at the catalogue's position it is not found, and the SNR at 1.5 px is 17 % off.
BLEND_DISTANCE_PX = 6.0
BLEND_PULL_PX = 2.0


@dataclass(frozen=True)
class StarSpec:
    """A star that the campaign must show."""

    star_id: int
    x: float  # position in the reference catalogue, 0-based [pix]
    y: float
    snr: tuple[float, ...]  # band SNR in the reference exposure, at ``radii_px`` of the campaign


VARIABILITY_PERIOD_DAYS = 37.3  # not a fraction of a year or of a month


def variability(star_ids: Sequence[int], mjd: float, settings: SimulationSettings) -> np.ndarray:
    """Factor on the flux of each star at an instant, shape (star,); 1 for all but the variable one.

    ln of the factor is a sine whose standard deviation over a period is ``variable_std``.
    """
    factor = np.ones(len(star_ids))
    if settings.variable_star:
        phase = stream(settings.seed, "variable").uniform(0, 2 * np.pi)
        wave = np.sin(2 * np.pi * mjd / VARIABILITY_PERIOD_DAYS + phase)
        varies = np.asarray(star_ids) == settings.variable_star
        factor[varies] = np.exp(np.sqrt(2) * settings.variable_std * wave)
    return factor


def catalogue_xy(stars: tuple[StarSpec, ...]) -> np.ndarray:
    """Positions in the reference catalogue, shape (star, 2)."""
    return np.array([(star.x, star.y) for star in stars], float).reshape(-1, 2)


def light_xy(stars: tuple[StarSpec, ...]) -> np.ndarray:
    """Positions of the light in the reference exposure, shape (star, 2).

    The catalogue's, but for the fainter star of a pair closer than ``BLEND_DISTANCE_PX``.
    """
    xy = catalogue_xy(stars)
    moved = xy.copy()
    brightness = [star.snr[-1] for star in stars]
    for faint in range(len(stars)):
        for bright in range(len(stars)):
            apart = xy[faint] - xy[bright]
            distance = float(np.hypot(*apart))
            if brightness[faint] < brightness[bright] and 0 < distance < BLEND_DISTANCE_PX:
                moved[faint] += BLEND_PULL_PX * apart / distance
    return moved
