"""The standard in a tree must be the one that was asked for, and complete."""

from dataclasses import replace

import pytest
from astropy.io import fits

from pipeline.errors import (
    AmbiguousStandard,
    AssociationRefused,
    CalibrationMissing,
    NoStandard,
    UnknownCategory,
    WrongStandard,
)
from pipeline.muse.association import File, parse_tree, tree_xml
from pipeline.reduction.association import Wanted, check_standard, standard_group
from tests.reduction.trees import OTHER, STD, bias, standard, static, tree


def test_the_wanted_standard_is_found_below_its_science_exposure():
    assert standard_group(tree(standard()), Wanted(STD)) == standard()


def test_a_tree_survives_the_way_through_xml():
    assert standard_group(parse_tree(tree_xml(tree(standard()))), Wanted(STD)) == standard()


def test_of_two_standards_the_wanted_one_is_taken():
    both = tree(standard(name=OTHER), standard())
    assert standard_group(both, Wanted(STD)) == standard()


def test_two_standards_are_ambiguous_if_none_is_named():
    with pytest.raises(AmbiguousStandard, match=OTHER):
        standard_group(tree(standard(name=OTHER), standard()), Wanted(""))


def test_one_standard_with_two_sets_of_calibrations_is_ambiguous():
    with pytest.raises(AmbiguousStandard):
        standard_group(tree(standard(), standard(bias(30))), Wanted(STD))


def test_the_same_standard_listed_twice_is_one():
    assert standard_group(tree(standard(), standard()), Wanted(STD)) == standard()


def test_another_standard_than_the_wanted_one_is_refused():
    with pytest.raises(WrongStandard, match=f"asked for {STD}, the tree holds {OTHER}"):
        standard_group(tree(standard(name=OTHER)), Wanted(STD))


def test_no_standard_reports_what_the_archive_says():
    with pytest.raises(NoStandard, match="not supported"):
        standard_group(tree(messages=("this file type is not supported",)), Wanted(STD))


def test_an_incomplete_group_anywhere_below_the_standard_is_refused():
    broken = replace(bias(), complete=False, messages=("only 2 frames",))
    with pytest.raises(CalibrationMissing, match=r"BIAS incomplete \(only 2 frames"):
        standard_group(tree(standard(broken)), Wanted(STD))


@pytest.mark.parametrize("group", ["EXTINCT_TABLE"])
def test_a_missing_category_is_named(group):
    with pytest.raises(CalibrationMissing, match=group):
        standard_group(tree(standard(without=group)), Wanted(STD))


def test_an_unknown_category_is_refused_and_named():
    with pytest.raises(UnknownCategory, match="FANCY_TABLE"):
        standard_group(tree(standard(static("FANCY_TABLE"))), Wanted(STD))


@pytest.mark.parametrize(
    "document",
    [
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><association>&b;</association>",
        b"<association><mainFiles><file category='STD' name='../../etc/passwd'/></mainFiles></association>",
        b"<association>" * 100 + b"</association>" * 100,
        b"<association category='STD'>",
        b"not XML",
    ],
    ids=["entity", "path", "depth", "open", "text"],
)
def test_a_hostile_tree_is_refused(document):
    with pytest.raises(AssociationRefused):
        parse_tree(document)


def _header(target="LTT3218", ra=130.3854, dec=-32.9428):
    header = fits.Header({"RA": ra, "DEC": dec})
    header["HIERARCH ESO OBS TARG NAME"] = target
    return header


WANTED = Wanted(STD, "LTT 3218", 130.3854, -32.9428, 3.0)


@pytest.mark.parametrize("spelling", ["LTT3218", "LTT-3218", "ltt 3218"])
def test_a_target_may_be_spelt_freely(spelling):
    check_standard(_header(spelling), WANTED)


def test_another_target_is_refused():
    with pytest.raises(WrongStandard, match="'EG274', not 'LTT 3218'"):
        check_standard(_header("EG274"), WANTED)


def test_another_position_is_refused_with_the_distance():
    with pytest.raises(WrongStandard, match=r"6\.0 arcmin"):
        check_standard(_header(dec=-32.9428 + 0.1), WANTED)


def test_a_frame_without_coordinates_is_refused():
    header = _header()
    del header["RA"]
    with pytest.raises(WrongStandard, match="no RA and DEC"):
        check_standard(header, WANTED)


def test_the_standard_may_be_the_root_itself():
    own = replace(tree(), root=standard())
    assert File(STD, "STD") in standard_group(own, Wanted(STD)).files
