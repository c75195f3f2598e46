"""A crowded field for the tests of contamination and of the light of neighbours."""

from dataclasses import replace

import numpy as np

from pipeline.config.settings import DetectionSettings, Settings
from pipeline.measure.detection import find_stars
from pipeline.measure.results import Detection
from pipeline.measure.standard import mask_stars
from tests.measure.fields import FieldRecipe, clean_image

RADIUS = 4.5
SIDE = 220
BETA = 2.8
SEEING = (3.0, 3.4, 4.2, 5.1, 6.0, 6.9)  # FWHM [pix]: 0.6 to 1.4 arcsec
NOISE = 2.0
SETTINGS = replace(Settings(), detection=DetectionSettings(mask="saturated"))


def detection_of(image):
    how = SETTINGS.detection
    masked = mask_stars(
        image, "saturated", threshold_sigma=how.threshold_sigma, fwhm_px=how.fwhm_px
    )
    sources = find_stars(
        image, threshold_sigma=how.threshold_sigma, fwhm_px=how.fwhm_px, standard=masked
    )
    return Detection(image, masked, sources, 0.0)


def crowded_field(seed=5, n_stars=150):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(12, SIDE - 12, (n_stars, 2))
    return xy, 10 ** rng.uniform(3.5, 5.5, n_stars)


def drawn(xy, flux, fwhm_px, rng=None):
    image = clean_image(FieldRecipe((SIDE, SIDE), xy, flux, fwhm_px, BETA))
    return image if rng is None else image + rng.normal(0, NOISE, image.shape)
