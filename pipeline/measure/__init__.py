"""From a cube to band fluxes: detect, then, once the reference is chosen, measure.

Two pure functions, so that the reference can be chosen between them: ``detect`` reads the layers
of the detection image only, ``measure`` each layer once, where an aperture is.
"""

import numpy as np

from pipeline.config.passbands import load_band
from pipeline.config.settings import Field, PhotometrySettings, Settings
from pipeline.config.star_registry import StarRegistry
from pipeline.errors import WrongPixelScale
from pipeline.measure.catalogue import build_catalogue
from pipeline.measure.detection import detection_image, find_stars
from pipeline.measure.extraction import Spectra, extract_spectra
from pipeline.measure.matching import match_exposure
from pipeline.measure.photometry import flux_flags, integrate_band
from pipeline.measure.reference import (
    ReferenceCatalogue,
    Sharpness,
    choose_reference,
    reference_candidates,
)
from pipeline.measure.results import BandPhotometry, Detection, Measurement
from pipeline.measure.standard import find_standard
from pipeline.muse.cube import PIXEL_SCALE_TOLERANCE, Cube

__all__ = [
    "BandPhotometry",
    "Detection",
    "Measurement",
    "ReferenceCatalogue",
    "Sharpness",
    "check_cube",
    "choose_reference",
    "detect",
    "make_reference",
    "measure",
    "reference_candidates",
]


def check_cube(cube: Cube, field: Field) -> None:
    """Make sure that the spaxels are those of the campaign.

    Raises
    ------
    WrongPixelScale
        If their size differs by more than 2 %.
    """
    if cube.pixel_scale_arcsec is None:
        return  # the pixels of the instrument's mode, which the header names
    relative = cube.pixel_scale_arcsec / field.pixel_scale_arcsec
    if not abs(relative - 1) <= PIXEL_SCALE_TOLERANCE:  # NaN as well
        raise WrongPixelScale(
            f"{cube.path.name}: spaxels of {cube.pixel_scale_arcsec:.4g} arcsec, expected "
            f"field.pixel_scale_arcsec = {field.pixel_scale_arcsec:g}"
        )


def detect(cube: Cube, settings: Settings) -> Detection:
    """Detection image, standard and stars of one exposure.

    Raises
    ------
    WrongPixelScale, CubeUnreadable, CubeEmpty, NoStarsDetected
        As ``check_cube``, ``detection_image`` and ``find_stars`` say.
    """
    check_cube(cube, settings.field)
    how = settings.detection
    image = detection_image(
        cube.data, cube.wave_aa, band_width_aa=how.band_width_aa, n_bands=how.n_bands
    )
    standard = find_standard(image, threshold_sigma=how.threshold_sigma, fwhm_px=how.fwhm_px)
    sources = find_stars(
        image, threshold_sigma=how.threshold_sigma, fwhm_px=how.fwhm_px, standard=standard
    )
    return Detection(image, standard, sources, _position_angle(cube))


def _position_angle(cube: Cube) -> float:
    value = cube.header.get("ESO INS DROT POSANG", 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def make_reference(
    exposure_id: str, detection: Detection, registry: StarRegistry | None, settings: Settings
) -> ReferenceCatalogue:
    """The reference catalogue that a detection defines; see ``build_catalogue``."""
    return build_catalogue(
        exposure_id,
        detection.image,
        detection.sources.xy,
        detection.sources.flux,
        (detection.standard.x, detection.standard.y),
        settings,
        registry=registry,
        position_angle_deg=detection.position_angle_deg,
    )


def measure(
    cube: Cube, detected_xy: np.ndarray, reference: ReferenceCatalogue, settings: Settings
) -> Measurement:
    """Match, spectra and band fluxes of one exposure at the stars of the reference.

    Positions are those of the reference taken through the affine, not centred again.

    Parameters
    ----------
    detected_xy : ndarray, shape (source, 2)
        ``sources.xy`` of ``detect`` on the same cube.

    Raises
    ------
    NoStarsMatched
        If the detections are not the reference's stars.
    BandNotCovered
        If a passband is not inside the cube's wavelengths.
    """
    match = match_exposure(
        reference.xy,
        detected_xy,
        tolerance_px=settings.matching.tolerance_px,
        max_false_alarm=settings.matching.max_false_alarm,
        steady=~reference.blended,
    )
    how = settings.extraction
    spectra = extract_spectra(cube, match.xy, how.radii_px, mask=how.method)
    photometry = tuple(
        _band_photometry(name, spectra, settings.photometry) for name in settings.photometry.bands
    )
    return Measurement(match, spectra, photometry)


def _band_photometry(name: str, spectra: Spectra, how: PhotometrySettings) -> BandPhotometry:
    fluxes = integrate_band(
        spectra.flux,
        spectra.variance,
        spectra.coverage,
        spectra.wave_aa,
        load_band(name),
        min_coverage=how.min_coverage,
        stat_factor=how.stat_factor,
    )
    return BandPhotometry(name, fluxes, flux_flags(spectra.coverage, fluxes))
