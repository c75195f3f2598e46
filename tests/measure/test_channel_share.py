"""Shares of light on channels: symmetric cases first, then sums of rendered images, then the field."""

import numpy as np
import pytest

from pipeline.measure.apertures import aperture_weights
from pipeline.measure.channel_share import FieldPlace, find_field, light_share
from pipeline.measure.contamination import Moffat
from pipeline.muse.geometry import NARROW_FIELD, WIDE_FIELD, slice_address
from tests.measure.fields import FieldRecipe, clean_image

PSF = Moffat(4.0, 2.5)
CENTRE = (160.0, 155.0)
ROW = WIDE_FIELD.row_height_px
CHANNEL = WIDE_FIELD.rows_per_stack * ROW


def place(angle_deg=0.0, layout=WIDE_FIELD):
    return FieldPlace(CENTRE, angle_deg, layout)


def at(dx, dy):
    return np.array([(CENTRE[0] + dx, CENTRE[1] + dy)])


def test_a_star_in_the_middle_of_a_channel_is_on_it_alone():
    share = light_share(at(20.0, CHANNEL / 2), place(), PSF, 4.5)
    assert share.channels[0, 12] == pytest.approx(1.0, abs=1e-12)
    assert share.main_channel.tolist() == [13]


def test_a_star_on_a_border_is_half_on_either_channel():
    share = light_share(at(20.0, 0.0), place(), PSF, 4.5)
    np.testing.assert_allclose(share.channels[0, 11:13], 0.5, atol=5e-3)
    assert share.channels.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_star_on_the_corner_of_four_stacks_is_a_quarter_on_each():
    slices = light_share(at(0.0, 0.0), place(), PSF, 4.5).slices[0]
    lower = slices[11].reshape(4, 12).sum(axis=1)
    np.testing.assert_allclose(lower, [0, 0.25, 0.25, 0], atol=0.01)


def test_a_star_on_the_rim_sums_to_the_fraction_inside_the_field():
    share = light_share(at(WIDE_FIELD.width_px / 2, 30.0), place(), PSF, 4.5)
    assert share.channels.sum() == pytest.approx(0.5, abs=0.01)
    outside = light_share(at(WIDE_FIELD.width_px, 30.0), place(), PSF, 4.5)
    assert outside.channels.sum() == 0
    assert (outside.main_channel.item(), outside.main_slice.item()) == (0, 0)


def test_a_position_that_is_unknown_has_no_share():
    share = light_share(np.array([(np.nan, 3.0)]), place(), PSF, 4.5)
    assert share.channels.sum() == 0


def test_the_shares_are_those_of_an_images_spaxels():
    # The same by spaxels: those of a rendered star in an exact aperture, each on one channel. A
    # border cuts a spaxel, so that its light (at most 5 % of the star's) may go to either side.
    xy = at(33.3, 3 * CHANNEL + 1.0)
    image = clean_image(FieldRecipe((310, 320), xy, np.ones(1), 4.0, 2.5))
    weights = aperture_weights(xy, np.array([4.5]), image.shape, "exact")
    light = weights.weights[0, 0] * image.ravel()[weights.spaxels[0]]
    row, column = np.divmod(weights.spaxels[0], 320)
    channel = slice_address(*place().offsets(np.column_stack([column, row]))).channel
    expected = np.bincount(channel - 1, light / light.sum(), minlength=24)
    share = light_share(xy, place(), PSF, 4.5).channels[0]
    assert (expected > 0.05).sum() == 2
    np.testing.assert_allclose(share, expected, atol=0.08)


def test_worse_seeing_spreads_the_light():
    near = at(20.0, 0.3 * CHANNEL)
    sharp = light_share(near, place(), Moffat(2.5, 2.5), 4.5).channels[0]
    wide = light_share(near, place(), Moffat(7.0, 2.5), 4.5).channels[0]
    assert sharp[12] > wide[12] > 0.5
    assert wide[11] > sharp[11]


def test_slices_turn_with_the_position_angle():
    straight = light_share(at(10.0, 100.0), place(0.0), PSF, 4.5)
    turned = light_share(at(-100.0, 10.0), place(90.0), PSF, 4.5)
    np.testing.assert_allclose(turned.channels, straight.channels, atol=0.01)


def test_the_narrow_field_has_channels_of_its_own_size():
    height = NARROW_FIELD.row_height_px * 12
    share = light_share(at(20.0, 1.5 * height), place(layout=NARROW_FIELD), PSF, 4.5)
    assert share.main_channel.tolist() == [14]


def footprint(centre, angle_deg, shape):
    row, column = np.indices(shape)
    where = FieldPlace(centre, angle_deg)
    address = slice_address(*where.offsets(np.stack([column, row], axis=-1).astype(float)))
    return np.where(address.channel > 0, 1.0, np.nan)


@pytest.mark.parametrize("angle_deg", [0.0, 2.0, 33.0, 90.0])
def test_a_footprint_that_is_seen_whole_gives_its_centre(angle_deg):
    found = find_field(footprint((228.3, 222.1), angle_deg, (450, 460)), angle_deg)
    np.testing.assert_allclose(found.centre_xy, (228.3, 222.1), atol=0.6)


def test_an_image_that_cuts_off_a_side_leaves_the_other_to_tell_the_centre():
    whole = footprint((160.0, 160.0), 0.0, (330, 330))
    cut = whole[40:]  # thirty rows of the field are gone
    np.testing.assert_allclose(find_field(cut, 0.0).centre_xy, (160.0, 120.0), atol=0.6)


def test_stray_spaxels_do_not_move_the_field():
    image = footprint((200.0, 190.0), 0.0, (390, 400))
    image[380, 5] = image[2, 390] = 1.0
    np.testing.assert_allclose(find_field(image, 0.0).centre_xy, (200.0, 190.0), atol=0.6)


def test_an_image_without_data_is_taken_for_a_field_in_its_middle():
    assert find_field(np.full((11, 21), np.nan), 0.0).centre_xy == (10.0, 5.0)
