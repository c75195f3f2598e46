"""The simulator's truth comes back: positions, affine, band fluxes, SNR.

Exposures of the study's field in 50 A bins, written as files and measured as a campaign would be.
"""

import numpy as np
import pytest

from pipeline.config.passbands import load_band
from pipeline.config.settings import Settings
from pipeline.config.star_registry import StarRegistry
from pipeline.measure import detect, make_reference, measure
from pipeline.measure.extraction import extract_spectra
from pipeline.measure.matching import is_single
from pipeline.measure.photometry import integrate_band
from pipeline.muse.cube import open_cube
from pipeline.simulation import PlannedExposure
from tests.factories import REFERENCE, small_campaign, write_cubes

SETTINGS = Settings()
PLAN = (
    REFERENCE,
    PlannedExposure("2019-01-26", "WFM-NOAO-N"),
    PlannedExposure("2019-05-09", "WFM-AO-E"),
)
pytestmark = pytest.mark.slow


class Recovery:
    """A small campaign, measured; stars in the order of the reference catalogue."""

    def __init__(self, folder):
        self.campaign = small_campaign(PLAN)
        self.cubes = [open_cube(path) for path in write_cubes(folder, self.campaign)]
        self.detections = [detect(cube, SETTINGS) for cube in self.cubes]
        ids = np.array([star.star_id for star in self.campaign.stars])
        x, y = np.array([(star.x, star.y) for star in self.campaign.stars]).T
        self.reference = make_reference("R", self.detections[0], StarRegistry(ids, x, y), SETTINGS)
        self.rows = np.searchsorted(ids, self.reference.star_id)
        self.measured = [
            measure(cube, detection, self.reference, SETTINGS)
            for cube, detection in zip(self.cubes, self.detections, strict=True)
        ]
        self.sharp = is_single(self.reference.xy, 6.0)

    def expected(self, index):
        """Noise-free band fluxes and sigma in the very apertures that were measured."""
        layers = list(self.campaign.expected_layers(index))
        data, stat = (np.array([layer[k] for layer in layers]) for k in (0, 1))
        cube, xy = self.cubes[index], self.measured[index].match.xy
        spectra = extract_spectra((data, stat, cube.wave_aa), xy, SETTINGS.extraction.radii_px)
        return integrate_band(
            spectra.flux, spectra.variance, spectra.coverage, spectra.wave_aa,
            load_band("I_Bessel"), min_coverage=SETTINGS.photometry.min_coverage,
        )  # fmt: skip


@pytest.fixture(scope="module")
def recovery(tmp_path_factory):
    return Recovery(tmp_path_factory.mktemp("recovery"))


def test_every_star_of_the_study_is_in_the_reference_catalogue(recovery):
    np.testing.assert_array_equal(recovery.reference.star_id, np.arange(1, 26))


@pytest.mark.parametrize("index", range(3))
def test_detected_positions_are_the_true_ones(recovery, index):
    truth = recovery.campaign.star_xy(index)[recovery.rows][recovery.sharp]
    found = recovery.detections[index].sources.xy
    distance = np.hypot(truth[:, :1] - found[:, 0], truth[:, 1:] - found[:, 1]).min(axis=1)
    # Faint stars: FWHM / 2.35 / SNR, some 0.05 px per axis in the detection image.
    assert np.median(distance) < 0.1
    assert np.mean(distance < 0.5) > 0.9


@pytest.mark.parametrize("index", [1, 2])
def test_the_affine_is_good_to_a_tenth_of_a_pixel_over_the_field(recovery, index):
    positions = recovery.reference.xy
    hull = np.vstack([positions, positions.mean(axis=0)])
    affine = np.array(recovery.campaign.exposures[index].affine).reshape(2, 3)
    match = recovery.measured[index].match
    error = hull @ (match.affine - affine)[:, :2].T + (match.affine - affine)[:, 2]
    # n stars with rms residual r per axis fix an affine to r sqrt(3/n) on average over them, 0.02
    # to 0.03 px here; at a corner of the hull up to three times that.
    average = match.rms_px / np.sqrt(2) * np.sqrt(3 / match.n_matched)
    assert np.sqrt((error**2).sum(axis=1).mean() / 2) < 2.5 * average
    assert np.hypot(*error.T).max() < 0.1


def test_band_fluxes_are_unbiased_and_scatter_as_their_errors_say(recovery):
    pulls = []
    for index, measurement in enumerate(recovery.measured):
        truth = recovery.expected(index)
        fluxes = measurement.photometry[0].fluxes
        use = np.isfinite(fluxes.flux) & np.isfinite(truth.flux)
        assert use.mean() > 0.95
        # the factor of blank sky is known to 3 %, and counts only where it exceeds 1
        ratio = fluxes.sigma[use] / truth.sigma[use]
        assert ((ratio > 0.98) & (ratio < 1 + 4 * 0.03)).all()
        pulls.append(np.where(use, (fluxes.flux - truth.flux) / truth.sigma, np.nan))
    largest = np.array(pulls)[:, :, 4]  # apertures of one star share photons: the largest decides
    largest = largest[np.isfinite(largest)]
    n = largest.size
    assert n >= 70
    # mean of n unit Gaussians: 1/sqrt(n); standard deviation: 1/sqrt(2n); 4 sigma of either. The
    # cosmic rays that the simulator leaves lift a few fluxes: the median and the MAD stand for them.
    assert abs(np.median(largest)) < 4 * 1.25 / np.sqrt(n)
    assert 1.4826 * np.median(np.abs(largest - np.median(largest))) == pytest.approx(
        1.0, abs=4 * 1.17 / np.sqrt(n)
    )
    assert np.mean(np.abs(np.array(pulls)) > 4) < 0.05


def test_snr_of_the_reference_is_that_of_the_study(recovery):
    # The simulator gives each star its SNR of the study at r = 4.5 px about the true position.
    wanted = np.array([star.snr[3] for star in recovery.campaign.stars])[recovery.rows]
    found = recovery.measured[0].photometry[0].published.snr[:, 3]
    use = recovery.sharp & np.isfinite(found)
    assert use.sum() >= 22
    # +-1 from noise, and 2 % because a mask of whole spaxels holds other ones when it moves
    # by the error of a position (test_measure: about 1 % of flux).
    np.testing.assert_allclose(found[use], wanted[use], rtol=0.02, atol=4.0)
