"""The configuration that a first look proposes: every word of it, and that it can be read."""

import tomllib

import numpy as np
import pytest

from pipeline.tasks.first_look import FieldExposures, FirstLook
from pipeline.tasks.proposal import MAX_LISTED, proposal
from tests.tasks.made import catalogue, entry


def look(**changes):
    entries = changes.pop(
        "entries",
        (
            entry("A", night="2019-03-10"), entry("B", night="2019-03-10", mode="WFM-NOAO-N"),
            entry("C", night="2020-01-02"), entry("D", night="2019-03-10"),
        ),
    )  # fmt: skip
    first = FieldExposures(changes.pop("name", "My Field!"), 10.123456, -20.5, 4.5, entries)
    radec = [[10.0, 20.0], [11.0, 21.0], [np.nan, np.nan], [13.0, 23.0]]
    values = {
        "pointings": (first, *changes.pop("more", ())), "modes": ("WFM-AO-N",), "unused": (),
        "bands": ("I_Bessel", "V_Bessel"), "mask": "saturated",
        "crowded": False,
        "catalogue": catalogue(radec=radec, name="D"), "pairs": ((1, 2), (3, 4)),
        "central_star": 2, "brightest": (2, 3),
    }  # fmt: skip
    return FirstLook(**{**values, **changes})


def lines(text):
    return text.splitlines()


def test_what_is_certain_is_set():
    found = tomllib.loads(proposal(look()))
    assert found["campaign"] == {
        "name": "my-field-2019-2020", "title": "My Field! with MUSE, 2019-2020"
    }  # fmt: skip
    field = found["field"]
    assert (field["name"], field["ra_deg"], field["dec_deg"]) == ("My Field!", 10.12346, -20.5)
    assert (field["radius_arcmin"], field["modes"], field["star_registry"]) == (
        4.5,
        ["WFM-AO-N"],
        "",
    )
    assert found["detection"] == {"mask": "saturated"}
    assert found["extraction"] == {"method": "exact"}
    assert found["reference"] == {"prefer": ["D"]}
    assert found["photometry"] == {"bands": ["I_Bessel", "V_Bessel"]}
    assert found["statistics"] == {"band": "I_Bessel", "pairs": []}
    assert found["targets"] == [{"name": "My Field!", "ra_deg": 11.0, "dec_deg": 21.0}]


@pytest.mark.parametrize(
    ("crowded", "comment"), [(True, "apertures; stars crowd: "), (False, 'apertures; "psf" fits')]
)
def test_apertures_are_proposed_and_a_crowded_field_is_told_what_is_done_about_neighbours(
    crowded, comment
):
    text = proposal(look(crowded=crowded))
    assert tomllib.loads(text)["extraction"] == {"method": "exact"}
    assert f'method = "exact"    # {comment}' in text


def test_a_campaign_of_one_year_is_called_by_that_year():
    found = tomllib.loads(proposal(look(entries=(entry(night="2019-03-10"),), name="..")))
    assert found["campaign"]["name"] == "field-2019"
    long = tomllib.loads(proposal(look(name="x" * 80)))["campaign"]["name"]
    assert long == f"{'x' * 50}-2019-2020"


def test_nights_are_listed_with_the_number_of_exposures_in_each_mode():
    text = lines(proposal(look()))
    at = text.index("# 4 exposures in 2 nights:")
    assert text[at + 1 : at + 3] == [
        "# 2019-03-10  2 WFM-AO-N, 1 WFM-NOAO-N", "# 2020-01-02  1 WFM-AO-N"
    ]  # fmt: skip


@pytest.mark.parametrize(("extra", "last"), [(0, "# f19: no"), (2, "# and 2 more")])
def test_a_long_list_of_files_ends_with_how_many_more_there_are(extra, last):
    unused = tuple(f"f{k}: no" for k in range(MAX_LISTED + extra))
    text = lines(proposal(look(unused=unused)))
    at = text.index(f"# {len(unused)} files cannot be used:")
    listed = [line for line in text[at + 1 :] if line.startswith(("# f", "# and"))]
    assert listed[MAX_LISTED - 1] == "# f19: no"
    assert listed[-1] == last
    assert len(listed) == MAX_LISTED + (extra > 0)


def test_without_files_that_cannot_be_used_nothing_is_said_of_them():
    assert "cannot be used" not in proposal(look())


def test_bright_stars_are_suggested_and_only_the_one_that_is_pointed_at_is_set():
    text = proposal(look())
    assert "# Star 2, the brightest star, which the telescope points at:\n[[targets]]\n" in text
    assert '# Star 3, a bright star:\n# [[targets]]\n# name = "star 3"\n# star_id = 3\n' in text
    assert "targets" not in tomllib.loads(proposal(look(central_star=0)))


def test_pairs_of_the_rule_are_named():
    assert "# different channels; of this exposure 1/2, 3/4." in proposal(look())
    assert "of this exposure none." in proposal(look(pairs=()))


def test_other_fields_are_listed_by_themselves():
    other = FieldExposures("Other", 30.0, 40.0, 3.0, (entry("E"), entry("F")))
    text = proposal(look(more=(other,)))
    assert "# 2 exposures point elsewhere: a field of its own." in text
    assert tomllib.loads(text)["more_fields"] == [
        {"name": "Other", "ra_deg": 30.0, "dec_deg": 40.0}
    ]
