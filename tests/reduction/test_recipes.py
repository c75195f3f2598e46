"""The real recipes, from photons on the CCD to the ratio of two stars."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from pipeline.config.passbands import load_band
from pipeline.config.settings import Settings
from pipeline.errors import CalibrationRejected, RecipeFailed
from pipeline.measure import detect, make_reference, measure
from pipeline.muse.cube import open_cube
from pipeline.muse.geometry import ROW_HEIGHT_PX
from pipeline.reduction.exposures import call_records, reduce_exposures
from pipeline.reduction.workspace import RecipeWorkspace, product_paths
from pipeline.simulation.atmosphere import telluric_transmission
from pipeline.simulation.raw.campaign import exposure_scene
from pipeline.simulation.raw.demo import CHANGE, DRIFTING_CHANNEL
from pipeline.simulation.raw.optics import make_channel, slice_positions
from pipeline.simulation.raw.photon_noise import band_error
from pipeline.simulation.raw.spectra import GRID_AA, flat_lamp
from pipeline.workflow.ownership import WORK, claim
from tests.reduction.conftest import linked, recipes_or_skip

pytestmark = [pytest.mark.recipes, pytest.mark.nightly]

# muse_scipost drizzles with drops of 0.8 pixels: along an axis 80 % of them fall on two voxels, which
# share the drop evenly on average over all positions. STAT adds the squares of the shares, a sum
# over many voxels adds the shares. Three axes: its error is 1.59 times what STAT says.
PIXFRAC = 0.8
# The share of a drop at a place: 1 where it falls into one voxel, 0.5 where it falls halfway into two.
# Averaged over all places along an axis its sum of squares is 1 - 0.8 + 0.8 * 2/3.
MEAN_SQUARE = 1 - PIXFRAC + PIXFRAC * 2 / 3
COVARIANCE = MEAN_SQUARE**-1.5
# Apertures by overlap area: whole spaxels would come and go with hundredths of a spaxel (0.3 %)
SETTINGS = replace(
    Settings(),
    extraction=replace(Settings().extraction, method="exact"),
    photometry=replace(Settings().photometry, stat_factor=COVARIANCE),
)


@pytest.fixture(scope="module")
def measured(reduced):
    """Star positions of the first night, and band fluxes with errors (night, star)."""
    assert [result.error for result in reduced.results] == [None, None]
    cubes = [open_cube(result.cube) for result in reduced.results]
    detections = [detect(cube, SETTINGS) for cube in cubes]
    reference = make_reference("first", detections[0], None, SETTINGS)
    aperture = SETTINGS.extraction.radii_px.index(4.5)
    fluxes, errors = [], []
    for cube, detection in zip(cubes, detections, strict=True):
        bands = measure(cube, detection, reference, SETTINGS).photometry[0].fluxes
        fluxes.append(bands.flux[:, aperture])
        errors.append(bands.sigma[:, aperture])
    return reference, np.array(fluxes), np.array(errors)


def _deviations(measured, same_channel):
    """Change of every pair's ratio between the nights, drifting channel on top, and its error."""
    reference, flux, error = measured
    relative = (error / flux) ** 2
    for i in range(len(reference.channel)):
        for j in range(len(reference.channel)):
            channels = reference.channel[i], reference.channel[j]
            wanted = i < j if same_channel else channels[0] == DRIFTING_CHANNEL
            if bool(channels[0] == channels[1]) == same_channel and wanted:
                ratio = flux[:, i] / flux[:, j]
                sigma = np.sqrt(relative[:, i].sum() + relative[:, j].sum())
                yield ratio[1] / ratio[0] - 1, sigma


def test_all_stars_are_found_on_their_channels(measured):
    reference, _, _ = measured
    assert sorted(reference.channel) == [12] * 5 + [13] * 5


def test_stars_on_different_channels_show_the_injected_change(measured):
    change, sigma = np.array(list(_deviations(measured, same_channel=False))).T
    assert len(change) == 25
    assert np.all(change / sigma > 5)  # every single pair sees it
    # 25 pairs of 10 stars: the mean is good to sigma of a star over sqrt 5, on either channel; the
    # rms of what every pair misses is its sigma
    assert change.mean() == pytest.approx(CHANGE, abs=3 * sigma.mean() / np.sqrt(5))
    assert np.sqrt(np.mean(((change - CHANGE) / sigma) ** 2)) < 2


def test_stars_on_one_channel_show_no_change(measured):
    change, sigma = np.array(list(_deviations(measured, same_channel=True))).T
    assert len(change) == 20
    # of 20 pairs the largest is expected at 2 sigma; 4 happens once in 800 nights
    assert np.abs(change / sigma).max() < 4
    assert np.abs(change).max() < CHANGE / 5
    assert abs(change.mean()) < 3 * sigma.mean() / np.sqrt(5)
    assert np.sqrt(np.mean((change / sigma) ** 2)) < 2


def _mean_square_of_rows(y_star, y_rows, fwhm_px):
    """Sum of the squared shares of a star's drops across the rows, which the average leaves out.

    A row falls on the same place of the voxels all along: rows of 1.06 spaxels change their place by
    0.4 of a voxel over an aperture, and do not average over all.
    """
    light = np.exp(-4 * np.log(2) * ((y_rows - y_star) / fwhm_px) ** 2)
    from_centre = np.abs(y_rows - np.round(y_rows))
    share = np.minimum((0.5 + PIXFRAC / 2 - from_centre) / PIXFRAC, 1.0)
    return np.average(share**2 + (1 - share) ** 2, weights=light)


def test_the_squared_shares_of_rows_average_to_those_of_all_places():
    far_apart = np.arange(-40, 40, 0.001)
    assert _mean_square_of_rows(0.0, far_apart, 20.0) == pytest.approx(MEAN_SQUARE, abs=1e-4)
    assert _mean_square_of_rows(0.0, np.arange(-9.0, 10.0), 4.0) == pytest.approx(1)
    assert _mean_square_of_rows(0.0, np.arange(-9.0, 10.0) + 0.5, 4.0) == pytest.approx(0.5)


def test_the_stated_errors_are_those_of_counted_photons(reduced, measured):
    """What counting photons and reading pixels leaves uncertain, from the scene alone.

    Across the rows the shares of drops are computed. Along them the slices of some five rows are
    displaced at random: of five places the mean square has a relative scatter of 0.26 / sqrt 5 = 0.11,
    so the error of a star 6 %; ten stars' scatter is below 10 % in 99.9 % of all draws.

    The grid of the cube begins at the lowest row, so the places of all rows are known. (By the positions
    of the stars they are known to 0.03 voxels, and that is 2 % of the error.) Found: 1.08 to 1.10 in two
    nights and two draws of the optics; which part of it is the scene's is not known.
    """
    reference, flux, error = measured
    band = load_band("I_Bessel")
    for night in (0, 1):
        scene, conditions = exposure_scene(reduced.campaign, night)
        truth = band_error(scene, conditions, (band.wave_aa, band.weight), 4.5)[:-1]
        places = np.stack([scene.x_field_px, scene.y_field_px], axis=1)[:-1]
        shift = np.median(reference.xy, axis=0) - np.median(places, axis=0)
        star = [np.hypot(*(places + shift - xy).T).argmin() for xy in reference.xy]
        assert sorted(star) == list(range(10))
        rows = np.unique([slice_positions(channel)[2] for channel in (12, 13)])
        lowest = rows.min()
        squares = [
            _mean_square_of_rows(y - lowest, rows - lowest, np.median(scene.fwhm_px))
            for y in places[star, 1]
        ]
        stated = error[night] / flux[night] * np.sqrt(MEAN_SQUARE / np.array(squares))
        ratio = truth[star] / stated
        assert ratio.mean() == pytest.approx(1, abs=0.1)
        assert ratio.std() < 0.1


def test_the_change_of_every_star_is_within_its_error(measured):
    """Chi squared of ten stars about their channels' means: 8 degrees of freedom."""
    reference, flux, error = measured
    change = flux[1] / flux[0]
    sigma = change * np.sqrt(((error / flux) ** 2).sum(axis=0))
    total = 0.0
    for channel in (12, 13):
        here = reference.channel == channel
        mean = np.average(change[here], weights=sigma[here] ** -2)
        total += (((change[here] - mean) / sigma[here]) ** 2).sum()
    # 26 is exceeded once in a thousand nights, 1.3 falls short of as rarely
    assert 0.8 < total < 26.1


def test_positions_are_those_of_the_sky_model(reduced, measured):
    reference, _, _ = measured
    scene, _ = exposure_scene(reduced.campaign, 0)
    order = np.argsort(scene.x_field_px[:-1])  # the standard is last
    truth = np.stack([scene.x_field_px, scene.y_field_px], axis=1)[:-1][order]
    found = reference.xy[np.argsort(reference.xy[:, 0])]
    difference = found - truth
    difference -= np.median(difference, axis=0)
    # rows of 1.061 px on a grid of 1 px: the drizzle moves a star by up to a tenth of a spaxel
    assert np.abs(difference).max() < 0.25
    assert ROW_HEIGHT_PX > 1


def _product_of(reduced, recipe, tag):
    """Channel 12's product of the first night."""
    calls = reduced.results[0].calls
    call = next(one for one in calls if one.startswith(f"{recipe}-") and one.endswith("-12"))
    (path,) = product_paths(reduced.workspace, call, tag)
    return path


def _flat_normalisation(reduced):
    """What the recipes make of an electron: they divide by the master flat, and multiply by its spectrum.

    The master flat is 1 in the mean over the whole CCD, dark gaps and dark ends included; its spectrum
    is the mean over what is lit. The quotient depends on the lamp and has no other meaning.
    """
    flat = fits.getdata(_product_of(reduced, "flat", "MASTER_FLAT"), "DATA")
    spectrum = fits.getdata(_product_of(reduced, "scibasic", "PIXTABLE_STD"), "PIXTABLE_FLAT_FIELD")
    wave, level = (spectrum.field(k).ravel() for k in (0, 1))
    lamp = flat_lamp("WFM-NOAO-N")
    channel, y, quotient = make_channel(12), 3000.0, []
    for s in range(48):
        x = float(channel.centre(s, np.array(y)))
        here = flat[int(y) - 4 : int(y) + 2, int(x) - 20 : int(x) + 20].mean()
        at = float(channel.wavelength(s, np.array(x), np.array(y)))
        lit = np.interp(at, GRID_AA, lamp) * channel.throughput[s]
        quotient.append(np.interp(at, wave, level) / np.interp(at, GRID_AA, lamp) / (here / lit))
    return np.mean(quotient)


def test_the_flux_scale_is_that_of_the_sky_model(reduced, measured):
    """Aperture flux over model flux, corrected for the encircled share of the profile.

    The scale of the recipes is the normalisation of their flats (which a response measured with
    muse_standard absorbs), times rows of 1.06 spaxels on a grid of 1, less what telluric bands take of
    the passband. Seeing changes over the band, the profile is taken at 8000 Angstrom: 3 % of tolerance.
    """
    _, flux, _ = measured
    exposure, band = reduced.campaign.exposures[0], load_band("I_Bessel")
    beyond = exposure.profile(8000.0).light_beyond(4.5)
    total = np.sort(reduced.campaign.fluxes[:-1]) * exposure.throughput
    ratio = np.median(np.sort(flux[0]) / total) / (1 - beyond)
    wave = np.arange(band.wave_aa[0], band.wave_aa[-1], 1.0)
    weight = np.interp(wave, band.wave_aa, band.weight)
    left = np.average(telluric_transmission(wave, np.mean(exposure.airmass)), weights=weight)
    assert 0.9 < left < 1
    assert ratio == pytest.approx(_flat_normalisation(reduced) * ROW_HEIGHT_PX * left, rel=0.03)


def test_both_cubes_are_on_one_grid(reduced):
    headers = [fits.getheader(result.cube, "DATA") for result in reduced.results]
    for key in ("NAXIS1", "NAXIS2", "NAXIS3", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CRVAL3"):
        assert headers[0][key] == pytest.approx(headers[1][key], abs=1e-9)


def test_wavelengths_are_those_of_the_simulated_optics(reduced):
    """Air wavelengths of WAVECAL_TABLE against the truth, at mid-height of every slice."""
    call = next(
        i for i in reduced.results[0].calls if i.startswith("wavecal-") and i.endswith("-12")
    )
    (path,) = product_paths(reduced.workspace, call, "WAVECAL_TABLE")
    table, channel = fits.getdata(path), make_channel(12)
    y = 2056.0
    for s in range(48):
        x = float(channel.centre(s, np.array(y)))
        found = sum(float(table[f"wlc{i}{j}"][s]) * x**i * y**j for i in range(3) for j in range(7))
        assert found == pytest.approx(
            float(channel.wavelength(s, np.array(x), np.array(y))), abs=0.02
        )


def test_the_simulated_origin_survives_the_recipes(reduced):
    assert fits.getheader(reduced.results[0].cube)["SIMULATED"] is True


def test_our_own_code_takes_less_than_five_percent(reduced):
    recipes = sum(
        float(record["cpu_s"])
        for result in reduced.results
        for record in call_records(reduced.workspace.folder, result.calls)
    )
    assert reduced.own_cpu_s < 0.05 * recipes


def test_a_second_run_runs_no_recipe(reduced):
    told = []
    again = reduce_exposures(
        reduced.reduction_requests(), reduced.workspace, reduced.settings, told.append
    )
    assert told == []
    assert [result.cube for result in again] == [result.cube for result in reduced.results]


def test_the_record_names_recipe_version_quality_and_cost(reduced):
    records = call_records(reduced.workspace.folder, reduced.results[0].calls)
    wavecal = next(record for record in records if record["recipe"] == "muse_wavecal")
    assert wavecal["provenance"]["pipeline"].startswith("muse/")
    assert wavecal["qc"]["ESO QC WAVECAL SLICE1 FIT RMS"] < 0.05
    assert wavecal["cpu_s"] > 1
    assert 300 < wavecal["peak_rss_mb"] < 2000


def _elsewhere(reduced, folder, runner=None):
    """A workspace that has the first night's master calibrations but neither table nor cube."""
    claim(folder, WORK)
    for source in sorted(reduced.workspace.folder.iterdir()):
        if source.is_dir() and source.name.split("-")[0] in ("bias", "flat", "wavecal"):
            linked(source, folder / source.name)
    return RecipeWorkspace(
        folder, reduced.workspace.raw, runner=runner or reduced.workspace.runner, jobs=2
    )


def test_python_cpl_and_esorex_make_the_same_cube(reduced, tmp_path):
    workspace = _elsewhere(reduced, tmp_path / "work", recipes_or_skip("python-cpl"))
    (result,) = reduce_exposures(reduced.reduction_requests(0), workspace, reduced.settings)
    assert result.error is None
    for name in ("DATA", "STAT"):
        one, other = (fits.getdata(path, name) for path in (result.cube, reduced.results[0].cube))
        np.testing.assert_array_equal(one, other)


def test_a_chip_that_is_not_its_masters_fails_its_exposure_only(reduced, tmp_path):
    workspace = _elsewhere(reduced, tmp_path / "work")
    raw = tmp_path / "raw"
    linked(workspace.raw, raw)
    name = f"{reduced.nights[0].standard}.fits"
    (raw / name).unlink()
    shutil.copyfile(workspace.raw / name, raw / name)
    with fits.open(raw / name, mode="update") as hdus:
        hdus["CHAN13"].header["ESO DET CHIP ID"] = "another-13"
    bad, good = reduce_exposures(
        reduced.reduction_requests(), replace(workspace, raw=raw), reduced.settings
    )
    assert isinstance(bad.error, RecipeFailed)
    assert "channel 13" in str(bad.error)
    assert good.error is None


def test_a_lamp_whose_shutter_is_closed_is_noticed(reduced, tmp_path):
    """The recipe ends well and delivers wavelengths that are wrong by many Angstrom."""
    workspace = _elsewhere(reduced, tmp_path / "work")
    for folder in (tmp_path / "work").glob("wavecal-*"):
        shutil.rmtree(folder)
    raw = tmp_path / "raw"
    linked(workspace.raw, raw)
    for frame in reduced.nights[0].frames.arc:
        name = f"{frame.dp_id}.fits"
        (raw / name).unlink()
        shutil.copyfile(workspace.raw / name, raw / name)
        if frame.lamp == "HgCd":
            fits.setval(raw / name, "ESO INS SHUT5 ST", value=False)
    (bad,) = reduce_exposures(
        reduced.reduction_requests(0), replace(workspace, raw=raw), reduced.settings
    )
    assert isinstance(bad.error, CalibrationRejected)
