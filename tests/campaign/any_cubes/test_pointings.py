"""Two pointings that share a part of the field: each star is measured where it is covered."""

import numpy as np
import pytest

from tests.campaign.any_cubes.folder import fluxes_of, rows_of
from tests.muse.kinds import rewritten
from tests.reliability.cubes import SIDE_PX, STARS, write_exposure

pytestmark = pytest.mark.slow

OVERLAP = 0.4
STEP_PX = round((1 - OVERLAP) * SIDE_PX)  # from the first pointing upwards
ABOVE = (
    (24, 139, 3300.0),
    (51, 151, 2100.0),
    (78, 136, 2700.0),
    (100, 162, 1800.0),
    (33, 173, 3900.0),
)
FIELD = (*STARS, *((float(x), float(y), flux) for x, y, flux in ABOVE))
BRIGHTEST = '\n[detection]\nmask = "none"\n[matching]\nmax_false_alarm = 1e-3\n'
STEP_DEG = 0.2 / 3600
MARGIN_PX = 10.0  # farther in, an aperture is in the image whatever the shift of an exposure


def write(folder, number, *, upper, stars=FIELD):
    """An exposure of the lower or the upper pointing, its header with it."""
    moved = tuple((x, y - STEP_PX * upper, flux) for x, y, flux in stars)
    plain = write_exposure(folder / f"plain-{number}.part", number, stars=moved)

    def pointed(hdus):
        hdus[0].header["DEC"] += STEP_PX * upper * STEP_DEG
        for name in ("DATA", "STAT"):
            hdus[name].header["CRPIX2"] -= STEP_PX * upper

    rewritten(plain, folder / f"{number}.fits", pointed)
    plain.unlink()


def covered(upper):
    """The stars (x, y, flux) whose aperture a pointing holds."""
    low = STEP_PX * upper + MARGIN_PX
    return [one for one in FIELD if low < one[1] < low + SIDE_PX - 2 * MARGIN_PX]


def numbers_of(campaign):
    """Number of each star of the field in the catalogue of a campaign, by its place on the sky."""
    table = campaign.summary.tables["catalogue"]
    dec = np.array([row["dec_deg"].value for row in table])
    ra = np.array([row["ra_deg"].value for row in table])
    found = {}
    for x, y, flux in FIELD:
        # CRPIX of the lower pointing is SIDE_PX / 2, counted from 1
        up = (y - (SIDE_PX / 2 - 1)) * STEP_DEG - 32.9428
        left = 130.3854 - (x - (SIDE_PX / 2 - 1)) * STEP_DEG / np.cos(np.radians(up))
        apart = np.hypot((ra - left) * np.cos(np.radians(up)), dec - up) * 3600
        if apart.min() < 0.3:  # shifts of exposures are up to 0.5 px along each axis
            found[x, y, flux] = int(table["star_id"][apart.argmin()])
    return found


def test_two_pointings_with_40_per_cent_overlap_measure_each_star_where_it_is_covered(cubes, run):
    for number in range(6):
        write(cubes, number, upper=number % 2 == 1)
    campaign = run(BRIGHTEST, pairs="[]")
    assert [row["status"] for row in rows_of(campaign).values()] == ["ok"] * 6
    numbers = numbers_of(campaign)
    assert set(numbers) == set(FIELD)
    row = {int(star): k for k, star in enumerate(campaign.flux_array.star_ids)}
    radius = campaign.flux_array.aperture(4.5)
    for number, found in enumerate(fluxes_of(campaign).values()):
        inside, outside = covered(number % 2), covered(1 - number % 2)
        seen = {one: found[row[numbers[one]], radius, 0] for one in FIELD}
        assert np.isfinite([seen[one] for one in inside]).all()
        gone = [
            one
            for one in outside
            if not STEP_PX * (number % 2) - 5 < one[1] < STEP_PX * (number % 2) + SIDE_PX + 5
        ]
        assert gone
        assert np.isnan([seen[one] for one in gone]).all()
        # of a Gaussian 99 % is within the radius; noise of 64 spaxels in 20 layers: 0.2 % of the
        # faintest at most
        single = [one for one in inside if one[:2] not in {(27, 29), (91, 88), (88, 15), (107, 20)}]
        sky = 10.0 * np.pi * 4.5**2  # a layer; the mean weight of the layers is common to all
        light = np.array([0.99 * one[2] + sky for one in single])
        ratio = np.array([seen[one] for one in single]) / light
        np.testing.assert_allclose(ratio / np.median(ratio), 1.0, atol=0.01)


def test_numbers_of_stars_beyond_the_reference_stay_when_nights_are_added(cubes, run):
    for number in range(3):
        write(cubes, number, upper=number == 1)
    first = numbers_of(run(BRIGHTEST, pairs="[]"))
    assert set(first) == set(FIELD)
    extra = (
        12.0,
        180.0,
        3000.0,
    )  # a star that only the later nights show, lower left of the others
    for number in (3, 4):
        write(cubes, number, upper=True, stars=(*FIELD, extra))
    assert numbers_of(run(BRIGHTEST, pairs="[]")) == first


@pytest.mark.parametrize("n_upper", [0, 1])
def test_dithers_add_no_stars_and_one_exposure_of_another_pointing_does(cubes, run, n_upper):
    for number in range(3 + n_upper):
        write(cubes, number, upper=number == 3)
    numbers = numbers_of(run(BRIGHTEST, pairs="[]"))
    seen = [star for star in FIELD if star[1] < SIDE_PX - 5]
    assert set(numbers) == (set(FIELD) if n_upper else set(seen))
