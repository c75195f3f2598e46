"""The standard in a tree must be the one that was asked for, and complete."""

from dataclasses import replace

import pytest
from astropy.io import fits

from pipeline.config.standards import same_star
from pipeline.errors import (
    AmbiguousStandard,
    AssociationRefused,
    CalibrationMissing,
    NoStandard,
    WrongStandard,
)
from pipeline.muse.association import File, parse_tree, tree_xml
from pipeline.reduction.association import RequestedStandard, check_standard, standard_calibrations
from tests.reduction.trees import OTHER, STD, bias, standard, tree


def standard_group(of, wanted):
    return standard_calibrations(of, wanted).group


def test_the_wanted_standard_is_found_below_its_science_exposure():
    assert standard_group(tree(standard()), RequestedStandard(STD)) == standard()


def test_a_tree_survives_the_way_through_xml():
    assert (
        standard_group(parse_tree(tree_xml(tree(standard()))), RequestedStandard(STD)) == standard()
    )


def test_of_two_standards_the_wanted_one_is_taken():
    both = tree(standard(name=OTHER), standard())
    assert standard_group(both, RequestedStandard(STD)) == standard()


def test_two_standards_are_ambiguous_if_none_is_named():
    with pytest.raises(AmbiguousStandard, match=OTHER):
        standard_group(tree(standard(name=OTHER), standard()), RequestedStandard(""))


def test_one_standard_with_two_sets_of_calibrations_is_ambiguous():
    with pytest.raises(AmbiguousStandard):
        standard_group(tree(standard(), standard(bias(30))), RequestedStandard(STD))


def test_the_same_standard_listed_twice_is_one():
    assert standard_group(tree(standard(), standard()), RequestedStandard(STD)) == standard()


def test_another_standard_than_the_wanted_one_is_refused():
    with pytest.raises(WrongStandard, match=f"asked for {STD}, the tree holds {OTHER}"):
        standard_group(tree(standard(name=OTHER)), RequestedStandard(STD))


def test_no_standard_reports_what_the_archive_says():
    with pytest.raises(NoStandard, match="not supported"):
        standard_group(tree(messages=("this file type is not supported",)), RequestedStandard(STD))


def test_a_standard_listed_again_with_too_little_is_not_ambiguous():
    both = tree(standard(without="ARC"), standard())
    assert standard_group(both, RequestedStandard(STD)) == standard()


def test_a_missing_kind_is_named_with_what_the_archive_says():
    with pytest.raises(CalibrationMissing, match=r"no BIAS \(at least 3 frames\).*only 2 frames"):
        standard_group(tree(_with_two_biases(standard())), RequestedStandard(STD))


def _with_two_biases(group):
    if group.files[0].category == "BIAS":
        told = ("only 2 frames",)
        return replace(group, files=group.files[:2], complete=False, messages=told)
    return replace(group, children=tuple(map(_with_two_biases, group.children)))


def test_a_static_table_that_neither_tree_nor_installation_has_is_named():
    lacking = tree(standard(without="EXTINCT_TABLE"))
    with pytest.raises(CalibrationMissing, match="EXTINCT_TABLE"):
        standard_calibrations(lacking, RequestedStandard(STD), installed=())
    found = standard_calibrations(lacking, RequestedStandard(STD), installed=("EXTINCT_TABLE",))
    assert "EXTINCT_TABLE is not in the tree: that of the recipes' installation" in found.notes[0]


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


WANTED = RequestedStandard(STD, "LTT 3218", 130.3854, -32.9428, 3.0)


@pytest.mark.parametrize("spelling", ["LTT3218", "LTT-3218", "ltt 3218", "WD 0839-327"])
def test_a_target_may_be_spelt_freely_or_have_another_name(spelling):
    assert check_standard(_header(spelling), WANTED) == ()


# The names that observers gave to standards which the headers' positions identify
REAL_NAMES = {
    "GJ 754.1A": ("GJ 754.1A", "EG131", "EG 131", "LAWD 74"),
    "CD-32 9927": ("CD-32 9927", "CD-32d9927", ""),
    "LTT 3218": ("GJ 318", "EG274", "CD-38 10980", ""),
}


@pytest.mark.parametrize("star", REAL_NAMES)
def test_position_decides_and_the_name_is_a_note(star):
    wanted = replace(WANTED, target=star)
    for name in REAL_NAMES[star]:
        notes = check_standard(_header(name), wanted)
        assert len(notes) == (0 if name and same_star(name, star) else 1)
    with pytest.raises(WrongStandard, match=r"60\.0 arcmin"):
        check_standard(_header(star, dec=-33.9428), wanted)


def test_without_a_position_to_ask_for_the_name_decides():
    nowhere = RequestedStandard(STD, "LTT 3218")
    with pytest.raises(WrongStandard, match="'EG274', not 'LTT 3218'"):
        check_standard(_header("EG274"), nowhere)
    assert len(check_standard(_header(""), nowhere)) == 1


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
    assert File(STD, "STD") in standard_group(own, RequestedStandard(STD)).files
