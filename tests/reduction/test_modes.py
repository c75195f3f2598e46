"""The real recipes in a mode with laser notch and extended range, in a field that is turned."""

import numpy as np
import pytest
from astropy.io import fits

from pipeline.config.passbands import load_band
from pipeline.config.settings import ReductionSettings, Settings
from pipeline.measure import detect
from pipeline.muse.cube import open_cube
from pipeline.reduction.association import RequestedStandard
from pipeline.reduction.exposures import ReductionRequest, reduce_exposures
from pipeline.reduction.workspace import RecipeWorkspace
from pipeline.simulation.raw.campaign import to_field
from pipeline.simulation.raw.demo import demo_campaign, write_demo
from tests.reduction.conftest import recipes_or_skip

pytestmark = [pytest.mark.recipes, pytest.mark.nightly]

CHANNEL, MODE, ANGLE_DEG = 12, "WFM-AO-E", 40.0
# Blue end, notch and a bit of red: a third of the layers
RANGE = ("muse_scipost.lambdamin=4600", "muse_scipost.lambdamax=7600")


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """One exposure with one channel, from photons to cube: campaign, reduction."""
    runner = recipes_or_skip("esorex")
    base = tmp_path_factory.mktemp("turned")
    settings, band = Settings(), load_band("I_Bessel")
    campaign = demo_campaign(
        settings.field,
        settings.simulation,
        (band.wave_aa, band.weight),
        mode=MODE,
        nights=("2019-03-09",),
        position_angle_deg=ANGLE_DEG,
    )
    (night,) = write_demo(base / "raw", campaign, channels=(CHANNEL,), position_angle_deg=ANGLE_DEG)
    reduction = ReductionSettings(
        channels=(CHANNEL,),
        response=str(night.tables["STD_RESPONSE"]),
        parameters=(*ReductionSettings().parameters, *RANGE),
    )
    workspace = RecipeWorkspace(base / "work", base / "raw", runner=runner, jobs=2)
    order = ReductionRequest(
        night.tree.read_bytes(), RequestedStandard(night.standard, settings.field.name)
    )
    (result,) = reduce_exposures([order], workspace, reduction)
    return campaign, result


def test_the_recipes_take_the_mode(turned):
    _, result = turned
    assert result.error is None
    assert fits.getheader(result.cube)["ESO INS MODE"] == MODE


def test_north_is_up_in_the_cube_of_a_turned_field(turned):
    campaign, result = turned
    found = detect(open_cube(result.cube), Settings()).sources.xy
    truth = np.stack(to_field(campaign.exposures[0], campaign.star_xy(0)), axis=1)[:5]
    assert len(found) >= 4  # of the channel's five: the channel's edge may hide one
    # a constant offset is the grid's; rows are 1.06 spaxels, the grid's are 1
    distance = np.hypot(*(found[:, None] - truth[None] - _offset(found, truth)).transpose(2, 0, 1))
    assert np.all(distance.min(axis=1) < 0.25)
    assert len(set(distance.argmin(axis=1))) == len(found)


def _offset(found, truth):
    """The shift that puts most detections on stars: rotation is not among what it can mend."""
    shifts = (found[:, None] - truth[None]).reshape(-1, 2)
    near = np.hypot(*(shifts[:, None] - shifts[None]).transpose(2, 0, 1)) < 0.5
    best = near[near.sum(axis=1).argmax()]
    return np.median(shifts[best], axis=0)


def test_light_of_the_laser_notch_is_missing_and_blue_light_is_there(turned):
    _, result = turned
    cube = open_cube(result.cube)
    data = fits.getdata(result.cube, "DATA")

    def n_finite(low_aa, high_aa):
        layers = data[(cube.wave_aa > low_aa) & (cube.wave_aa < high_aa)]
        return np.isfinite(layers).sum(axis=(1, 2))

    field = np.median(n_finite(6200, 6300))
    assert field > 1000
    # 4650 Angstrom and on are lit in the extended range; no flat lamp, hence no flux, in the notch
    assert np.median(n_finite(4700, 4780)) == pytest.approx(field, rel=0.1)
    assert n_finite(5850, 5900).max() < 0.1 * field
