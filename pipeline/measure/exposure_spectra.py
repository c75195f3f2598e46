"""All spectra that the photometry of one exposure needs, the cube being read once.

Those of the stars are wanted in all layers. Apertures on blank sky tell the noise of the passbands,
and the study's convention sums over them: both are read where the passbands are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.config.measurement import ExtractionSettings
from pipeline.config.passbands import Band
from pipeline.measure.extraction import as_arrays, extract_together, find_method
from pipeline.measure.layers import BLOCK_LAYERS
from pipeline.measure.photometry import covers
from pipeline.measure.spectra import Spectra, Targets
from pipeline.muse.cube import Cube

PUBLISHED_METHOD = "center"  # of the study


@dataclass(frozen=True)
class ExposureSpectra:
    """Spectra of one exposure; only those of the stars hold all layers."""

    stars: Spectra
    blank: Spectra  # of apertures on blank sky, made as those of the stars are
    as_published: Spectra  # of the stars, as the study made them


def extract_exposure(
    cube: Cube,
    stars_xy: np.ndarray,
    blank_xy: np.ndarray,
    neighbours_xy: np.ndarray,
    bands: Sequence[Band],
    how: ExtractionSettings,
) -> ExposureSpectra:
    """Spectra of the stars and of blank sky.

    Parameters
    ----------
    cube : Cube
    stars_xy, blank_xy, neighbours_xy : ndarray, shapes (star, 2), (blank, 2), (neighbour, 2)
        Positions [pix]; neighbours are all that is neither.
    bands : sequence of Band
        Passbands in which fluxes are wanted.
    how : ExtractionSettings
    """
    arrays = as_arrays(cube)
    radii_px = np.asarray(how.radii_px, float)
    annulus = (how.sky_annulus_px[0], how.sky_annulus_px[1]) if how.sky_annulus_px else None
    layers = layers_of_bands(bands, cube.wave_aa)
    method = find_method(how.method)
    as_published = find_method(PUBLISHED_METHOD), Targets(stars_xy, radii_px, layers=layers)
    if method.joint:  # blank sky takes part in the fit
        together = Targets(np.vstack([stars_xy, blank_xy]), radii_px, neighbours_xy, annulus)
        spectra, published = extract_together(arrays, [(method, together), as_published])
        n_stars = len(stars_xy)
        return ExposureSpectra(
            spectra.rows(slice(n_stars)), spectra.rows(slice(n_stars, None)), published
        )
    wanted = [
        (method, Targets(xy, radii_px, np.vstack([neighbours_xy, others_xy]), annulus, part))
        for xy, others_xy, part in ((stars_xy, blank_xy, None), (blank_xy, stars_xy, layers))
    ]
    return ExposureSpectra(*extract_together(arrays, [*wanted, as_published]))


def layers_of_bands(bands: Sequence[Band], wave_aa: np.ndarray) -> range:
    """The layers from the first to the last passband that is inside the cube, whole blocks of them.

    One layer more on either side shows that the passbands end there.
    """
    inside = [band for band in bands if covers(wave_aa, band)]
    if not inside:
        return range(0)
    first = np.searchsorted(wave_aa, min(band.wave_aa[0] for band in inside)) - 2
    last = np.searchsorted(wave_aa, max(band.wave_aa[-1] for band in inside)) + 2
    start = max(0, int(first)) // BLOCK_LAYERS * BLOCK_LAYERS
    stop = -(-min(len(wave_aa), int(last)) // BLOCK_LAYERS) * BLOCK_LAYERS
    return range(start, min(stop, len(wave_aa)))
