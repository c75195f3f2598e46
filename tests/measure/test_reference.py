"""The reference exposure is chosen by a stated rule, its stars keep their numbers and flags."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.config.settings import ReferenceSettings, Settings
from pipeline.config.star_registry import StarRegistry
from pipeline.errors import NoReferenceExposure
from pipeline.measure.catalogue import build_catalogue
from pipeline.measure.reference import (
    ReferenceCatalogue,
    Sharpness,
    choose_reference,
    reference_candidates,
)
from pipeline.muse.exposure import Exposure
from pipeline.muse.geometry import slice_address
from tests.measure.fields import STANDARD_XY, STUDY_XY

SHAPE = (304, 315)
SETTINGS = Settings()
REGISTRY = StarRegistry(np.arange(1, 26), STUDY_XY[:, 0], STUDY_XY[:, 1])


def exposure(exposure_id, *, mjd=58000.0, seeing=1.0, night="2019-01-01", mode="WFM-AO-N"):
    return Exposure(exposure_id, exposure_id, night, mode, mjd, 1.1, seeing, 120.0, False)


def catalogue(
    xy, *, image=None, registry=None, settings=SETTINGS, standard=STANDARD_XY, **keywords
):
    xy = np.asarray(xy, float)
    image = np.ones(SHAPE) if image is None else image
    keywords.setdefault("contamination", np.zeros(len(xy)))
    return build_catalogue(
        "E", image, xy, np.arange(len(xy)), standard, settings, registry=registry, **keywords
    )


def rule(**changes):
    return replace(ReferenceSettings(prefer=(), candidates=5), **changes)


def test_candidates_are_the_preferred_then_the_best_seeing():
    exposures = [
        exposure("a", seeing=0.9),
        exposure("b", seeing=0.5),
        exposure("c", seeing=np.nan),
        exposure("d", seeing=0.7, night="2019-03-10"),
        exposure("e", seeing=2.0, night="2019-03-11"),
    ]
    settings = rule(prefer=("2019-03-11 WFM-AO-N", "d"), candidates=3)
    assert reference_candidates(exposures, settings) == ("e", "d", "b", "a")
    assert reference_candidates(exposures, rule(candidates=99)) == ("b", "d", "a", "e", "c")


def test_candidates_do_not_depend_on_the_order_of_the_exposures():
    exposures = [exposure(name, mjd=58000.0 + k) for k, name in enumerate("abcdef")]
    assert reference_candidates(exposures[::-1], rule()) == reference_candidates(exposures, rule())


def test_most_detections_win_then_sharpness_then_time():
    exposures = [exposure(name, mjd=58000.0 - k) for k, name in enumerate("abcde")]
    detected = {
        "a": Sharpness(24, 2.0),
        "b": Sharpness(25, 4.0),
        "c": Sharpness(25, np.nan),
        "d": Sharpness(25, 3.0),
        "e": Sharpness(25, 3.0),  # earlier than d
    }
    assert choose_reference(exposures, detected, rule()) == "e"
    del detected["e"], detected["d"]
    assert choose_reference(exposures, detected, rule()) == "b"


def test_the_preferred_exposure_wins_if_it_shows_stars():
    exposures = [exposure("a"), exposure("b", night="2019-03-10"), exposure("c")]
    detected = {"a": Sharpness(30, 2.0), "b": Sharpness(3, 9.0)}
    settings = rule(prefer=("c", "2019-03-10 WFM-AO-N"))
    assert choose_reference(exposures, detected, settings) == "b"


def test_of_two_exposures_of_the_preferred_night_the_earlier_is_taken():
    exposures = [exposure("late", mjd=2.0), exposure("early", mjd=1.0)]
    detected = {"late": Sharpness(30, 2.0), "early": Sharpness(20, 2.0)}
    settings = rule(prefer=("2019-01-01 WFM-AO-N",))
    assert choose_reference(exposures, detected, settings) == "early"


def test_without_any_star_there_is_no_reference():
    with pytest.raises(NoReferenceExposure, match="none of 1 exposures shows stars"):
        choose_reference([exposure("a")], {}, rule())


def test_without_a_registry_stars_are_numbered_from_one_by_y():
    xy = STUDY_XY[::-1]
    out = catalogue(xy)
    np.testing.assert_array_equal(out.star_id, np.arange(1, 26))
    assert (np.diff(out.y) > 0).all()
    np.testing.assert_array_equal(out.flux, np.arange(25)[::-1])  # flux goes with its star


def test_stars_of_one_row_are_numbered_by_x():
    xy = np.array([(200.0, 100.0), (50.0, 100.0), (120.0, 40.0)])
    out = catalogue(xy)
    np.testing.assert_array_equal(out.x, [120.0, 50.0, 200.0])
    np.testing.assert_array_equal(out.star_id, [1, 2, 3])


def test_the_registry_gives_its_numbers_and_new_stars_follow_by_y():
    rng = np.random.default_rng(1)
    affine = np.array([[0.9991, 0.0027, -3.4], [-0.0027, 0.9985, 4.5]])
    xy = STUDY_XY @ affine[:, :2].T + affine[:, 2] + rng.normal(0, 0.1, (25, 2))
    new = np.array([(50.0, 250.0), (280.0, 60.0)])
    seen = np.concatenate([np.delete(xy, [3, 20], axis=0), new])
    out = catalogue(seen[rng.permutation(len(seen))], registry=REGISTRY)
    expected = [*np.delete(np.arange(1, 26), [3, 20]), 26, 27]
    np.testing.assert_array_equal(out.star_id, expected)
    np.testing.assert_array_equal(out.xy[:-2], np.delete(xy, [3, 20], axis=0))
    np.testing.assert_array_equal(out.xy[-2:], new[::-1])


def test_a_blend_that_has_moved_by_more_than_the_tolerance_keeps_its_number():
    xy = STUDY_XY.copy()
    xy[13] += (-1.3, 0.2)  # DAOFIND draws star 14 towards 15 in bad seeing
    out = catalogue(xy, registry=REGISTRY)
    np.testing.assert_array_equal(out.star_id, np.arange(1, 26))


def test_a_registry_of_another_field_is_refused_with_the_remedy():
    rng = np.random.default_rng(2)
    elsewhere = StarRegistry(np.arange(1, 26), *rng.uniform(0, 300, (2, 25)))
    with pytest.raises(
        NoReferenceExposure, match=r"field.star_registry .* number the stars from 1"
    ):
        catalogue(STUDY_XY, registry=elsewhere)


def test_each_flag_has_its_limit_and_its_reason():
    settings = SETTINGS  # edge 5.5 + 2.5 = 8 px, contamination 0.02, near the standard 30 px
    xy = [(100.0, 7.9), (100.0, 20.0), (200.0, 50.0), (215.0, 50.0), (187.3, 122.0), (50.0, 200.0)]
    change = np.array([0.0, 0.0, 0.0201, 0.02, 0.0, 0.0])
    out = catalogue(xy, settings=settings, image=np.ones((304, 315)), contamination=change)
    # the image ends at row -1: 8.9 px and 21 px away
    assert out.flags == ("", "", "blended", "", "near_standard", "")
    np.testing.assert_array_equal(out.contamination, change)
    image = np.ones(SHAPE)
    image[0] = np.nan
    out = catalogue(xy, image=image, contamination=change)
    assert out.flags[0] == "edge"
    assert out.reasons[0] == "7.9 px from the edge of the footprint, less than 8 px"
    assert out.reasons[2] == "neighbours can change ln F by 0.02, more than 0.02"
    assert out.reasons[4] == "29.4 px from the standard, less than 30 px"
    assert out.reasons[5] == ""


def test_a_star_may_carry_several_flags():
    out = catalogue(
        [(187.0, 8.0), (189.0, 8.0)],
        standard=(187.0, 20.0),
        image=np.ones((300, 300)),
        contamination=np.array([0.3, np.inf]),
    )
    assert out.flags == ("blended near_standard", "blended near_standard")
    assert out.reasons[0].count(";") == 1


def test_channel_and_slice_follow_from_the_centre_of_the_footprint():
    image = np.full((330, 340), np.nan)
    image[10:310, 20:320] = 1.0  # 300 x 300, centre at (169.5, 159.5)
    xy = np.array([(169.5 - 100, 159.5 - 100), (170.0, 300.0)])
    out = catalogue(xy, image=image)
    address = slice_address(np.array([-100.0, 0.5]), np.array([-100.0, 140.5]))
    np.testing.assert_array_equal(out.channel, address.channel)
    np.testing.assert_array_equal(out.slice, address.slice)
    assert out.channel[1] == 24


def test_a_rotated_field_turns_the_slices_with_it():
    image = np.ones((301, 301))  # centre (150, 150)
    turned = catalogue([(150.0, 250.0)], image=image, position_angle_deg=90.0)
    straight = catalogue([(250.0, 150.0)], image=image)
    np.testing.assert_array_equal(turned.channel, straight.channel)
    np.testing.assert_array_equal(turned.slice, straight.slice)


def test_the_table_is_the_schema_and_gives_the_catalogue_back(tmp_path):
    image = np.ones(SHAPE)
    image[:, :6] = np.nan
    out = catalogue(STUDY_XY, registry=REGISTRY, image=image)
    out.table().write(tmp_path / "catalogue.ecsv")
    back = ReferenceCatalogue.from_table(QTable.read(tmp_path / "catalogue.ecsv"))
    for name in out.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(back, name), getattr(out, name))
    assert out.table()["x"].unit == "pix"
    assert "edge" in out.flags
