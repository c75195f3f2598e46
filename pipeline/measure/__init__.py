"""From a cube to band fluxes: detect, then, once the reference is chosen, measure.

Two pure functions, so that the reference can be chosen between them: ``detect`` reads the layers
of the detection image only, ``measure`` each layer once, where an aperture is.
"""

from dataclasses import replace

import numpy as np

from pipeline.config.passbands import Band
from pipeline.config.settings import Field, PhotometrySettings, Settings
from pipeline.config.star_registry import StarRegistry
from pipeline.errors import ImplausibleValue, WrongPixelScale
from pipeline.measure.astrometry import celestial_cards, sky_positions
from pipeline.measure.catalogue import build_catalogue
from pipeline.measure.channel_share import find_field, light_share
from pipeline.measure.contamination import contamination_in_image, measure_moffat
from pipeline.measure.detection import detection_image, find_stars, without_knots
from pipeline.measure.exposure_spectra import ExposureSpectra, extract_exposure
from pipeline.measure.matching import ExposureMatch
from pipeline.measure.noise import (
    STAT,
    BlankNoise,
    blank_noise,
    blank_positions,
    noise_sigma,
)
from pipeline.measure.photometry import (
    PublishedFlux,
    covers,
    dark_cores,
    flux_flags,
    integrate_band,
    not_covered,
    published_band_sum,
)
from pipeline.measure.reference import (
    ReferenceCatalogue,
    Sharpness,
    choose_reference,
    reference_candidates,
)
from pipeline.measure.results import BandPhotometry, Detection, Measurement
from pipeline.measure.sky_matching import match_detection
from pipeline.measure.spectra import Spectra
from pipeline.measure.standard import BRIGHTEST, mask_stars
from pipeline.muse.cube import PIXEL_SCALE_TOLERANCE, Cube
from pipeline.muse.geometry import field_layout
from pipeline.muse.modes import canonical_mode
from pipeline.muse.numbers import number
from pipeline.muse.variance import AUTO

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
    """Detection image, masked stars and found stars of one exposure.

    Raises
    ------
    ImplausibleValue
        If STAT does not hold what its header says: the noise of the data contradicts.
    WrongPixelScale, CubeUnreadable, CubeEmpty, NoStarsDetected
        As ``check_cube``, ``detection_image`` and ``find_stars`` say.
    """
    check_cube(cube, settings.field)
    if settings.cubes.stat == AUTO and cube.doubt:
        raise ImplausibleValue(cube.doubt)
    how = settings.detection
    image = detection_image(
        cube.data,
        cube.wave_aa,
        band_width_aa=how.band_width_aa,
        n_bands=how.n_bands,
        dq=cube.dq,
        fill=cube.fill,
    )
    standard = mask_stars(image, how.mask, threshold_sigma=how.threshold_sigma, fwhm_px=how.fwhm_px)
    sources = find_stars(
        image, threshold_sigma=how.threshold_sigma, fwhm_px=how.fwhm_px, standard=standard
    )
    if how.mask != BRIGHTEST:
        sources = without_knots(
            image, sources, threshold_sigma=how.threshold_sigma, fwhm_px=how.fwhm_px
        )
    return Detection(
        image, standard, sources, _position_angle(cube), cube.notes, celestial_cards(cube)
    )


def _position_angle(cube: Cube) -> float:
    """Angle of the slices against the rows of the image: that of the field and that of the grid."""
    angle = number(cube.header, "ESO INS DROT POSANG")
    return (angle if np.isfinite(angle) else 0.0) + cube.rotation_deg


def make_reference(
    exposure_id: str, detection: Detection, registry: StarRegistry | None, settings: Settings
) -> ReferenceCatalogue:
    """The reference catalogue that a detection defines; see ``build_catalogue``."""
    change = contamination_in_image(
        detection.image - detection.sources.background,
        detection.sources.xy,
        detection.standard.xy,
        fwhm_px=detection.sources.fwhm_px,
        radius_px=settings.statistics.radius_px,
    )
    return build_catalogue(
        exposure_id,
        detection.image,
        detection.sources.xy,
        detection.sources.flux,
        detection.standard.xy,
        settings,
        contamination=change.total,
        registry=registry,
        position_angle_deg=detection.position_angle_deg,
        radec_deg=sky_positions(detection.wcs, detection.sources.xy),
    )


def measure(
    cube: Cube, detection: Detection, reference: ReferenceCatalogue, settings: Settings
) -> Measurement:
    """Match, spectra and band fluxes of one exposure at the stars of the reference.

    Positions are those of the reference taken through the affine, not centred again. Apertures on
    blank sky are extracted along with the stars: they tell the noise. In a passband that is not
    inside the cube's wavelengths all fluxes are NaN, flagged "gap".

    Parameters
    ----------
    cube : Cube
    detection : Detection
        Of ``detect`` on the same cube.
    reference : ReferenceCatalogue
    settings : Settings

    Raises
    ------
    NoStarsMatched
        If the detections are not the reference's stars.

    Examples
    --------
    >>> from pathlib import Path
    >>> from pipeline.muse.cube import open_cube, write_cube
    >>> from pipeline.sources import simulation_plan
    >>> from pipeline.tasks.measure import build_simulation
    >>> settings = Settings()
    >>> campaign = build_simulation(simulation_plan(), settings)
    >>> write_cube(Path("cube.fits"), campaign.headers(0), campaign.layers(0))
    >>> cube = open_cube(Path("cube.fits"))
    >>> detection = detect(cube, settings)
    >>> reference = make_reference("cube", detection, None, settings)  # this exposure is its own
    >>> found = measure(cube, detection, reference, settings)
    >>> found.photometry[0].band, found.photometry[0].fluxes.flux.shape  # (star, aperture)
    ('I_Bessel', (25, 5))
    """
    match = match_detection(reference.xy, reference.radec_deg, detection, settings)
    blank_xy = blank_positions(
        detection.image,
        np.vstack([detection.sources.xy, match.xy]),
        radius_px=max(settings.extraction.radii_px),
        fwhm_px=settings.detection.fwhm_px,
        avoid=detection.standard.mask,
    )
    bands = settings.bands()
    spectra = extract_exposure(
        cube, match.xy, blank_xy, _neighbours(detection, match), bands, settings.extraction
    )
    dark = dark_cores(
        detection.image, match.xy, detection.sources.background, detection.sources.noise
    )
    photometry = tuple(
        _band_photometry(band, spectra, blank_xy, dark, settings.photometry) for band in bands
    )
    light = light_share(
        match.xy,
        find_field(detection.image, detection.position_angle_deg, field_layout(_mode(cube))),
        measure_moffat(
            detection.image - detection.sources.background,
            detection.sources.xy,
            detection.sources.fwhm_px,
        ),
        settings.statistics.radius_px,
    )
    return Measurement(match, spectra.stars, photometry, light)


def _mode(cube: Cube) -> str:
    return canonical_mode(str(cube.header.get("ESO INS MODE", "")))


def _neighbours(detection: Detection, match: ExposureMatch) -> np.ndarray:
    """Positions (neighbour, 2) of everything seen that is no star of the reference: the standard too."""
    unmatched = np.delete(detection.sources.xy, match.pairs[:, 1], axis=0)
    return np.vstack([unmatched, detection.standard.xy])


def _band_photometry(
    band: Band,
    spectra: ExposureSpectra,
    blank_xy: np.ndarray,
    dark: np.ndarray,
    how: PhotometrySettings,
) -> BandPhotometry:
    stars, as_published = spectra.stars, spectra.as_published
    if not covers(stars.wave_aa, band):
        return _not_covered(band, stars, len(blank_xy))
    fluxes = integrate_band(
        stars.flux,
        stars.variance,
        stars.coverage,
        stars.wave_aa,
        band,
        min_coverage=how.min_coverage,
    )
    noise = blank_noise(spectra.blank, blank_xy, band, min_coverage=how.min_coverage)
    sigma, source = noise_sigma(fluxes.sigma, noise, how.stat_factor)
    fluxes = replace(fluxes, sigma=sigma)
    flags = flux_flags(stars.coverage, fluxes, dark)
    published = published_band_sum(
        as_published.flux, as_published.variance, as_published.wave_aa, band
    )
    return BandPhotometry(band.name, fluxes, flags, noise, source, published)


def _not_covered(band: Band, stars: Spectra, n_blank: int) -> BandPhotometry:
    """A passband that is not inside the wavelengths of this exposure: no flux, no other band harmed."""
    n_stars, n_radii = stars.flux.shape[:2]
    fluxes = not_covered(n_stars, n_radii)
    unknown = np.full(n_radii, np.nan)
    return BandPhotometry(
        band.name,
        fluxes,
        np.full((n_stars, n_radii), "gap"),
        BlankNoise(unknown, unknown.copy(), unknown.copy(), n_blank),
        np.full(n_radii, STAT),
        PublishedFlux(fluxes.flux.copy(), fluxes.flux.copy()),
    )
