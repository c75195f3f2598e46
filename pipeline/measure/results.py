"""What the measure room hands back."""

from dataclasses import dataclass

import numpy as np

from pipeline.measure.detection import Sources
from pipeline.measure.extraction import Spectra
from pipeline.measure.matching import ExposureMatch
from pipeline.measure.photometry import BandFlux
from pipeline.measure.standard import Standard


@dataclass(frozen=True)
class Detection:
    """What one exposure shows."""

    image: np.ndarray  # (y, x) [cube unit], NaN: no data
    standard: Standard
    sources: Sources
    position_angle_deg: float  # ESO INS DROT POSANG


@dataclass(frozen=True)
class BandPhotometry:
    """Fluxes of one exposure in one passband."""

    band: str
    fluxes: BandFlux  # (star, aperture)
    flags: np.ndarray  # (star, aperture) str: edge, gap; space separated


@dataclass(frozen=True)
class Measurement:
    """One exposure measured at the stars of the reference catalogue."""

    match: ExposureMatch
    spectra: Spectra
    photometry: tuple[BandPhotometry, ...]  # in the order of photometry.bands
