"""Headers of cubes that hold several exposures, and of some that do not."""

import pytest

from pipeline.muse.combined import mid_time, why_combined
from tests.muse.cubes import primary_header

START = primary_header()["MJD-OBS"]

COMBINED = {
    "SINGLEXP": ({"SINGLEXP": False}, "SINGLEXP = F"),
    "NCOMBINE": ({"NCOMBINE": 12}, "NCOMBINE = 12"),
    "NFILES": ({"NFILES": 3}, "NFILES = 3"),
    "OBID2": ({"OBID1": 1, "OBID2": 2}, "OBID2"),
    "PROV": ({"PROV1": "MUSE.2020-01-01T01:00:00.1.fits", "PROV2": "MUSE.2020-01-01T02:00:00.1.fits.fz"},
             "made of 2 exposures"),
    "recipe": ({"ESO PRO REC1 ID": "muse_exp_combine"}, "made by muse_exp_combine"),
    "pixel tables": ({
        "ESO PRO REC1 RAW1 NAME": "PIXTABLE_OBJECT_0001-01.fits", "ESO PRO REC1 RAW1 CATG": "PIXTABLE_OBJECT",
        "ESO PRO REC1 RAW2 NAME": "PIXTABLE_OBJECT_0002-01.fits", "ESO PRO REC1 RAW2 CATG": "PIXTABLE_OBJECT",
    }, "made of 2 exposures"),
    "mosaic": ({"EXPTIME": 600.0, "TEXPTIME": 2400.0}, "TEXPTIME = 2400 s"),
    "span": ({"EXPTIME": 600.0, "MJD-END": START + 0.1}, "from MJD-OBS to MJD-END"),
    "hours": ({"EXPTIME": 36000.0}, "EXPTIME = 36000 s"),
}  # fmt: skip
SINGLE = {
    "one of each": {"SINGLEXP": True, "NCOMBINE": 1, "OBID1": 7, "PROV1": "MUSE.2020-01-01T01:00:00.1.fits",
                    "TEXPTIME": 40.0, "MJD-END": START + 60 / 86400},
    "channels": {
        "ESO PRO REC1 RAW1 NAME": "PIXTABLE_OBJECT_0001-01.fits", "ESO PRO REC1 RAW1 CATG": "PIXTABLE_OBJECT",
        "ESO PRO REC1 RAW2 NAME": "PIXTABLE_OBJECT_0001-02.fits", "ESO PRO REC1 RAW2 CATG": "PIXTABLE_OBJECT",
    },
}  # fmt: skip


def header_with(cards):
    return primary_header(**{f"HIERARCH {k}" if " " in k else k: v for k, v in cards.items()})


@pytest.mark.parametrize("name", COMBINED)
def test_what_combining_leaves_in_a_header_is_recognised(name):
    cards, why = COMBINED[name]
    assert why in why_combined(header_with(cards))


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_exposure_is_none_whatever_its_product_lists(name):
    assert why_combined(header_with(SINGLE[name])) == ""


def test_the_middle_of_a_combined_cube_is_half_way_to_its_end():
    cards = {"EXPTIME": 600.0, "MJD-END": START + 0.1}
    assert mid_time(header_with(cards), START, 600.0) == pytest.approx(START + 0.05, abs=1e-10)
    single = {"EXPTIME": 600.0, "MJD-END": START + 700 / 86400}
    assert mid_time(header_with(single), START, 600.0) == START + 300 / 86400
