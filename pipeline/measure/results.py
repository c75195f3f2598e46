"""Results of measuring one exposure."""

from dataclasses import dataclass

import numpy as np

from pipeline.measure.channel_share import LightShare
from pipeline.measure.detection import Sources
from pipeline.measure.extraction import Spectra
from pipeline.measure.matching import ExposureMatch
from pipeline.measure.noise import BlankNoise
from pipeline.measure.photometry import BandFlux, PublishedFlux
from pipeline.measure.standard import MaskedStandard


@dataclass(frozen=True)
class Detection:
    """What one exposure shows."""

    image: np.ndarray  # (y, x) [cube unit], NaN: no data
    standard: MaskedStandard
    sources: Sources
    position_angle_deg: float  # of the slices against the rows: ESO INS DROT POSANG on a plain grid
    notes: tuple[str, ...] = ()  # what was converted when the cube was opened
    wcs: str = ""  # celestial keywords of the image as one FITS header; "": none


@dataclass(frozen=True)
class BandPhotometry:
    """Fluxes of one exposure in one passband."""

    band: str
    fluxes: BandFlux  # (star, aperture); sigma is the larger of STAT and the measured noise
    flags: np.ndarray  # (star, aperture) str: edge, gap, core; space separated
    noise: BlankNoise  # of apertures on blank sky
    noise_source: np.ndarray  # (aperture,) str, what sigma comes from: STAT, blank sky, stat_factor
    published: PublishedFlux  # (star, aperture), to the letter of the study, method "center"


@dataclass(frozen=True)
class Measurement:
    """One exposure measured at the stars of the reference catalogue."""

    match: ExposureMatch
    spectra: Spectra
    photometry: tuple[BandPhotometry, ...]  # in the order of photometry.bands
    light: LightShare  # (star, channel, slice), of the light within statistics.radius_px
