"""Fluxes in every band: which layers a band takes, what is cut off, and how errors are scaled."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.config.passbands import Band
from pipeline.config.settings import Settings
from pipeline.config.targets import window_band
from pipeline.measure.spectra import Spectra
from pipeline.statistics.fluxes import Fluxes
from pipeline.tasks import wavelength
from pipeline.tasks.wavelength import band_series, narrow_bands

WAVE = 5000.0 + 10 * np.arange(401)  # 5000 to 9000 A


def box(low, high, name="box"):
    return window_band((name, float(low), float(high)))


def spectra(level=(2.0, 3.0), wave_aa=WAVE, variance=1.0):
    """Two stars, two apertures; the second aperture holds ten times the light."""
    flux = np.array(level)[:, None, None] * np.array([1.0, 10.0])[:, None] * np.ones(len(wave_aa))
    return Spectra(
        flux,
        np.full(flux.shape, variance),
        np.ones(flux.shape),
        wave_aa,
        np.array([3.0, 4.5]),
        "exact",
    )


def test_narrow_bands_are_whole_hundreds_of_angstrom_within_all_modes():
    bands = narrow_bands()
    assert (bands[0].name, bands[0].range_aa) == ("4600-4700", (4600.0, 4700.0))
    assert (bands[-1].name, bands[-1].range_aa) == ("9200-9300", (9200.0, 9300.0))
    assert len(bands) == 47
    assert len({band.name for band in bands}) == 47


def test_a_band_takes_its_layers_and_one_more_on_each_side():
    near = wavelength._layers(WAVE, box(6000, 6100))
    assert WAVE[near].tolist() == [5990.0 + 10 * k for k in range(13)]
    coarse = np.array([5000.0, 5300.0, 5600.0, 5900.0])
    assert wavelength._layers(coarse, box(5300, 5350)).tolist() == [True] * 3 + [True]
    assert wavelength._layers(np.array([5000.0]), box(4990, 5010)).tolist() == [True]
    assert wavelength._layers(np.array([5000.0]), box(5000, 5010)).tolist() == [False]


def test_a_band_whose_tail_lies_beyond_the_layers_is_cut_there():
    sloping = Band("slope", np.array([4895.0, 4995.0, 5995.0]), np.array([0.0, 0.2, 0.2]), "test")
    cut = wavelength._clipped(sloping, WAVE, 0.95)
    np.testing.assert_allclose(cut.wave_aa, [4995.0, 5995.0])
    np.testing.assert_allclose(cut.weight, [0.2, 0.2])
    assert wavelength._clipped(sloping, WAVE, 0.96) is sloping  # 200 of 210 are 95.2 per cent
    high = Band("high", np.array([8000.0, 9005.0, 9025.0]), np.array([1.0, 1.0, 0.0]), "test")
    np.testing.assert_allclose(wavelength._clipped(high, WAVE, 0.9).wave_aa, [8000.0, 9005.0])
    beyond = box(3000, 4000)
    assert wavelength._clipped(beyond, WAVE, 0.0) is beyond
    inside = wavelength._clipped(box(6000, 7000), WAVE, 1.0)
    assert inside.range_aa == (6000.0, 7000.0)


def test_a_flux_in_a_band_is_that_of_the_aperture_and_missing_where_it_is_not_covered():
    flux, err = wavelength._integrated(spectra(variance=4.0), 1, box(6005, 6105), Settings())
    np.testing.assert_allclose(flux, [20.0, 30.0])
    np.testing.assert_allclose(err, 2 / np.sqrt(10), rtol=1e-2)  # ten layers; the rims slope
    missing = wavelength._integrated(spectra(), 1, box(3000, 4000), Settings())
    assert np.isnan(missing).all()
    coarse = spectra(wave_aa=np.array([5000.0, 6000.0, 7000.0]))
    np.testing.assert_allclose(
        wavelength._integrated(coarse, 0, box(5990, 6010), Settings())[0], [2, 3]
    )


def campaign(measured, *, err=0.5):
    ids = np.array(["A", "B"])
    fluxes = Fluxes.from_arrays(
        np.ones((2, 2)), np.full((2, 2), err), mjd=np.array([58500.0, 58501.0]), star_ids=[1, 2]
    )
    fluxes = replace(fluxes, exposure_ids=ids, band="I_Bessel")
    return band_series(SimpleNamespace(measured=measured), fluxes, Settings())


def test_every_band_that_an_exposure_covers_has_its_series():
    found = {one.fluxes.band: one for one in campaign({"B": SimpleNamespace(spectra=spectra())})}
    assert {"I_Bessel", "R_Bessel", "6000-6100", "8900-9000"} <= found.keys()
    assert "4600-4700" not in found
    assert "9000-9100" not in found
    red = found["6000-6100"].fluxes
    assert np.isnan(red.flux[0]).all()  # nothing was measured there
    np.testing.assert_allclose(red.flux[1], [20.0, 30.0])  # of the aperture of 4.5 px
    np.testing.assert_allclose(red.flux_published[1], red.flux[1])
    assert found["6000-6100"].range_aa == (6000.0, 6100.0)


def test_errors_exceed_those_of_stat_in_every_band_as_they_do_in_that_of_the_headlines():
    measured = {"B": SimpleNamespace(spectra=spectra())}
    once, twice = (
        {one.fluxes.band: one.fluxes.flux_err[1] for one in campaign(measured, err=err)}
        for err in (0.5, 1.0)
    )
    np.testing.assert_allclose(once["I_Bessel"], 0.5)
    np.testing.assert_allclose(twice["6000-6100"], 2 * once["6000-6100"])
    from_stat = wavelength._integrated(spectra(), 1, box(6000, 6100), Settings())[1]
    headline = wavelength._integrated(spectra(), 1, wavelength.load_band("I_Bessel"), Settings())[1]
    np.testing.assert_allclose(once["6000-6100"], 0.5 * from_stat / headline)


def test_a_campaign_without_measurements_has_no_band():
    assert campaign({}) == ()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_band_that_only_touches_the_layers_stays_as_it_is(share):
    touching = box(4000, 4995)
    assert wavelength._clipped(touching, WAVE, share) is touching
