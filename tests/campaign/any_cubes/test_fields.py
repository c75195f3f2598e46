"""Exposures as they lie on the sky, and what they hold of it."""

import dataclasses
import re

import numpy as np
import pytest

from pipeline.errors import NoReferenceExposure
from pipeline.tasks.fits_products import read_measurement
from tests.campaign.any_cubes.folder import N, fluxes_of, put, rows_of
from tests.muse.kinds import rewritten
from tests.reliability.cubes import STARS, write_exposure


def turned(hdus):
    """The same sky on a grid turned by a quarter, its WCS with it."""
    for name in ("DATA", "STAT"):
        header, side = hdus[name].header, hdus[name].data.shape[-1]
        cd = np.array([[header["CD1_1"], header["CD1_2"]], [header["CD2_1"], header["CD2_2"]]])
        pixel = np.array([header["CRPIX1"], header["CRPIX2"]]) - 1
        hdus[name].data = np.ascontiguousarray(np.rot90(hdus[name].data, axes=(1, 2)))
        header["CRPIX1"], header["CRPIX2"] = pixel[1] + 1, side - 1 - pixel[0] + 1
        for (i, j), value in np.ndenumerate(cd @ np.array([[0, -1], [1, 0]])):
            header[f"CD{i + 1}_{j + 1}"] = value


def flipped(hdus):
    for name in ("DATA", "STAT"):
        header, side = hdus[name].header, hdus[name].data.shape[-1]
        hdus[name].data = np.ascontiguousarray(hdus[name].data[:, :, ::-1])
        header["CRPIX1"] = side + 1 - header["CRPIX1"]
        header["CD1_1"], header["CD2_1"] = -header["CD1_1"], -header["CD2_1"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [turned, flipped])
def test_a_turned_or_mirrored_exposure_is_measured_at_the_same_stars_and_channels(
    made, cubes, run, plain_fluxes, change
):
    put(made, cubes)
    (cubes / "cube-2.fits").unlink()
    rewritten(made[2], cubes / "cube-2.fits", change)
    campaign = run()
    found, name = fluxes_of(campaign), list(plain_fluxes)[2]
    assert campaign.summary.reference_exposure != name
    # positions follow from a match to other pixels of the same stars: 0.01 px of a star of FWHM 3.5
    np.testing.assert_allclose(found[name], plain_fluxes[name], rtol=2e-3)
    shares = [job.measurement for job in campaign.jobs]
    channels = [read_measurement(path).light.main_channel for path in shares]
    np.testing.assert_array_equal(channels[2], channels[1])


@pytest.mark.slow
def test_exposures_that_overlap_in_part_are_measured_where_they_show_a_star(cubes, run):
    for number in range(N):
        moved = STARS if number < 2 else tuple((x, y - 48.0, flux) for x, y, flux in STARS)
        path = cubes / f"{number}.fits"
        write_exposure(path, number, stars=moved)
    campaign = run("\n[matching]\nmax_false_alarm = 1e-3\n")
    rows = rows_of(campaign)
    found = fluxes_of(campaign)
    reference = campaign.summary.reference_exposure
    other = [name for name in found if (rows[name]["n_matched"] < len(STARS))]
    assert [row["status"] for row in rows.values()] == ["ok"] * N
    assert reference not in other
    for name in other:
        seen = np.isfinite(found[name][:, 0, 0])
        assert 6 <= seen.sum() < len(STARS)


@pytest.mark.parametrize("n_stars", [0, 1, 2])
def test_a_field_of_fewer_than_three_stars_ends_in_words(cubes, run, n_stars):
    for number in range(3):
        write_exposure(cubes / f"{number}.fits", number, stars=STARS[:n_stars])
    if n_stars == 0:
        with pytest.raises(NoReferenceExposure, match="none of 3 exposures shows stars"):
            run()
        return
    for row in rows_of(run("", pairs="[]")).values():
        assert re.match(
            r"NoStarsMatched: .*4 stars .* are the least, 3 if .* celestial coordinates",
            str(row["reason"]),
        )


def test_three_stars_are_measured_by_their_places_on_the_sky(cubes, run):
    for number in range(3):
        write_exposure(cubes / f"{number}.fits", number, stars=STARS[:3])
    campaign = run("", pairs="[]")
    rows = rows_of(campaign).values()
    assert [(row["status"], row["n_matched"]) for row in rows] == [("ok", 3)] * 3
    light = campaign.flux_array.flux[:, :, campaign.flux_array.aperture(4.5), 0]
    ratio = light[:, 1:] / light[:, :1]
    # 1800 to 3000 counts a layer against 8 of noise, in 20 layers: 0.1 to 0.2 % of each flux
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio.mean(axis=0), ratio.shape), rtol=0.01)


def test_a_narrow_field_is_a_campaign_of_its_own(made, cubes, run):
    def change(hdus):
        hdus[0].header["ESO INS MODE"] = "NFM-AO-N"
        for name in ("DATA", "STAT"):
            for key in ("CD1_1", "CD2_2"):
                hdus[name].header[key] /= 8

    for path in made[:3]:
        rewritten(path, cubes / path.name, change)
    with pytest.raises(
        NoReferenceExposure, match=r"'NFM-AO-N' is not among field\.modes .* add it there"
    ):
        run()
    narrow = run(modes='["NFM-AO-N"]')
    assert [row["status"] for row in rows_of(narrow).values()] == ["ok"] * 3
    assert narrow.settings.field.pixel_scale_arcsec == 0.025


@pytest.mark.slow
def test_a_band_beyond_one_cube_is_missing_there_and_nowhere_else(made, cubes, run, plain_fluxes):
    put(made, cubes)

    def change(hdus):
        for name in ("DATA", "STAT"):
            hdus[name].data = np.array(hdus[name].data[:12])

    (cubes / "cube-2.fits").unlink()
    rewritten(made[2], cubes / "cube-2.fits", change)
    campaign = run()
    names = list(plain_fluxes)
    assert [row["status"] for row in rows_of(campaign).values()] == ["ok"] * N
    found, array = fluxes_of(campaign), campaign.flux_array
    assert np.isnan(found[names[2]]).all()
    assert set(array.flags[2].ravel()) == {"gap"}
    for name in (names[0], names[1], names[3]):
        np.testing.assert_allclose(found[name], plain_fluxes[name], rtol=1e-12)


def test_the_settings_that_admit_cubes_are_those_of_the_folder(run, made, cubes):
    put(made[:2], cubes)
    campaign = run()
    assert dataclasses.asdict(campaign.settings.cubes) == campaign.used_settings()["cubes"]
