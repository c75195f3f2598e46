"""What the archives know of a campaign enters it: Gaia sources of its stars, nights of its field."""

import dataclasses

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.archive.gaia import IDENTIFIED, not_identified
from pipeline.config.settings import TargetSettings
from pipeline.schema import make_table
from pipeline.sources import CubeFolder, PublishedRecord
from pipeline.tasks.identification import STARS, identification_name, star_lists, stars_digest
from pipeline.workflow import products

pytestmark = pytest.mark.slow

VARIABLE_STARS = (4, 9)
RA_DEG, DEC_DEG = 130.3, -32.9  # where Gaia has the stars, in a row


def measured(request):
    campaign = CubeFolder(request)
    campaign.measure()
    return campaign


def answer(campaign, *, stars=None, simulated=True, name="identification-cubes.ecsv"):
    """Leave an identification for a campaign, as the command ``identify`` does."""
    catalogue = campaign.summary.tables["catalogue"] if stars is None else stars
    n = len(catalogue)
    ids = np.asarray(catalogue["star_id"])
    table = make_table(
        "identification",
        {
            "star_id": ids,
            "source_id": [f"56000000000000000{star:02d}" for star in ids],
            "ra_deg": RA_DEG + 1e-4 * ids,
            "dec_deg": np.full(n, DEC_DEG),
            **dict.fromkeys(
                ("separation_arcsec", "g_mag", "bp_rp", "pm_ra_masyr", "pm_dec_masyr"), np.ones(n)
            ),
            "variable": np.where(np.isin(ids, VARIABLE_STARS), "VARIABLE", "NOT_AVAILABLE"),
            "status": [IDENTIFIED] * n,
            "reason": [""] * n,
        },
        **{STARS: stars_digest(catalogue), "simulated": simulated},
    )
    campaign.identification_store.folder.mkdir(parents=True, exist_ok=True)
    table.write(campaign.identification_store.folder / name, format="ascii.ecsv", overwrite=True)


def test_without_a_response_nothing_is_said_of_gaia(cube_folder, request_for):
    campaign = measured(request_for(cube_folder))
    assert "identification" not in campaign.summary.tables
    assert "identification" not in campaign.ingredients()["inputs"]
    assert not any("variable" in flags for flags in campaign.summary.tables["catalogue"]["flags"])
    assert [one.key for one in campaign.summary.numbers if one.key == "n_stars.variable"] == []


def test_a_new_identification_makes_the_summary_stale_and_nothing_else(cube_folder, request_for):
    request = request_for(cube_folder)
    before = measured(request)
    before.summary  # noqa: B018
    stamps = {path: path.read_bytes() for path in request.work.rglob("*.stamp.json")}
    answer(before)
    after = measured(request)
    reason = products.staleness(after.summary_product, after.ingredients())
    assert reason == "changed: inputs.identification"
    after.summary  # noqa: B018
    changed = [path for path, content in stamps.items() if path.read_bytes() != content]
    assert changed == [request.work / after.name / "summary" / "summary.json.stamp.json"]


def test_variable_stars_are_flagged_named_and_left_out_of_the_floor(cube_folder, request_for):
    request = request_for(cube_folder)
    before = measured(request)
    old = {one.key: one.value for one in before.summary.numbers}
    answer(before)
    summary = measured(request).summary
    flags = {int(row["star_id"]): str(row["flags"]) for row in summary.tables["catalogue"]}
    assert [star for star, flag in flags.items() if "variable" in flag.split()] == [4, 9]
    reasons = dict(zip(flags, summary.tables["catalogue"].meta["reasons"], strict=True))
    assert reasons[4].endswith("variable in Gaia DR3")
    new = {one.key: one.value for one in summary.numbers}
    assert new["n_stars.variable"] == 2
    assert new["n_stars.flagged"] == old["n_stars.flagged"] + 2
    n_pairs = {one.key: one.n for one in before.summary.numbers}["excess_std.bright"]
    assert {one.key: one.n for one in summary.numbers}["excess_std.bright"] < n_pairs
    # the pair is shown all the same, as it was: of fewer than five exposures without a number
    np.testing.assert_equal(new["std_published.4-6"], old["std_published.4-6"])
    (note,) = (note for note in summary.notes if "variable" in note)
    assert "2 of 25 stars variable (star 4, 9)" in note
    assert "so is the scatter of 4/6, 22/4" in note
    assert len(summary.tables["identification"]) == 25


def test_coordinates_and_targets_follow_gaia(cube_folder, request_for):
    wanted = TargetSettings("mine", RA_DEG + 7e-4, DEC_DEG)
    settings = dataclasses.replace(request_for(cube_folder).settings, targets=(wanted,))
    request = request_for(cube_folder, chosen=settings)
    before = measured(request)
    assert before.targets[0] == ()  # by the coordinates of the cube there is no star
    answer(before)
    after = measured(request)
    catalogue = after.summary.tables["catalogue"]
    ids = np.asarray(catalogue["star_id"])
    np.testing.assert_allclose(catalogue["ra_deg"].value, RA_DEG + 1e-4 * ids)
    assert [one.star_id for one in after.targets[0]] == [7]
    assert any("tied to Gaia DR3 by 25 of its sources" in note for note in after.summary.notes)


@pytest.mark.parametrize("wrong", ["other_stars", "real", "damaged"])
def test_an_identification_of_other_stars_identifies_none_and_says_why(
    cube_folder, request_for, wrong
):
    request = request_for(cube_folder)
    before = measured(request)
    stars = before.summary.tables["catalogue"].copy()
    if wrong == "other_stars":
        stars["x"] += 1 * stars["x"].unit
    answer(before, stars=stars, simulated=wrong != "real")
    if wrong == "damaged":
        (before.identification_store.folder / identification_name("cubes")).write_text("<html>")
    table = measured(request).summary.tables["identification"]
    assert set(table["status"]) == {"not identified"}
    said = {
        "other_stars": "made for another reference catalogue; run identify again",
        "real": "is of observed stars, these are not",
        "damaged": "cannot be read",
    }
    assert said[wrong] in table["reason"][0]


def test_the_published_record_takes_an_identification_of_its_positions(request_for):
    request = request_for(sources=("published",))
    record = PublishedRecord(request)
    plain = {one.key: one.value for one in record.summary.numbers}
    answer(record, simulated=False, name=identification_name())  # of a reader's own catalogue
    again = PublishedRecord(request)
    numbers = {one.key: one.value for one in again.summary.numbers}
    assert numbers["n_stars.variable"] == 2
    assert numbers["std_published.2-22"] == plain["std_published.2-22"]
    assert again.summary.notes[: len(record.summary.notes)] == record.summary.notes


def test_the_command_finds_the_stars_and_their_epoch_in_the_work_folder(
    cube_folder, request_for, settings
):
    request = request_for(cube_folder)
    campaign = measured(request)
    assert star_lists(request.work, settings, ("cubes", "archive")) == {}  # not summarised yet
    campaign.summary  # noqa: B018
    (stars,) = star_lists(request.work, settings, ("cubes", "archive")).values()
    assert stars.epoch_yr == pytest.approx(2019.19, abs=0.005)  # the reference, 2019-03-10
    assert stars.simulated
    assert stars_digest(stars.catalogue) == stars_digest(campaign.summary.tables["catalogue"])


@pytest.mark.parametrize("simulated", [True, False])
def test_the_nights_that_overview_found_are_shown_if_they_are_of_the_same_sky(
    cube_folder, request_for, simulated
):
    request = request_for(cube_folder)
    before = measured(request)
    before.summary  # noqa: B018
    masked = np.ma.MaskedArray(["SCI", "NOSCI"], mask=[False, True])
    columns = dict.fromkeys((f"wfm_{m}" for m in ("noao_n", "noao_e", "ao_n", "ao_e")), masked)
    table = make_table("availability", {"date": ["2019-03-09", "2019-03-10"], **columns})
    table.meta |= {"simulated": simulated, "years": [2019]}
    before.identification_store.folder.mkdir(parents=True)
    table.write(before.identification_store.folder / "availability.ecsv", format="ascii.ecsv")
    tables = measured(request).summary.tables
    assert ("availability" in tables) == simulated  # the cubes are simulated
    if simulated:
        assert list(tables["availability"]["date"]) == ["2019-03-09", "2019-03-10"]
        assert tables["availability"]["wfm_ao_n"].mask.tolist() == [False, True]


def test_cubes_with_the_label_make_a_simulated_campaign(cube_folder, request_for):
    request = request_for(cube_folder)
    assert CubeFolder(request).simulated
    assert not PublishedRecord(dataclasses.replace(request, sources=("published",))).simulated


def test_nobody_identified_leaves_every_flag_alone(cube_folder, request_for):
    request = request_for(cube_folder)
    before = measured(request)
    catalogue = before.summary.tables["catalogue"]
    table = not_identified(catalogue, "offline")
    table.meta |= {STARS: stars_digest(catalogue), "simulated": True}
    before.identification_store.folder.mkdir(parents=True)
    table.write(
        before.identification_store.folder / identification_name("cubes"), format="ascii.ecsv"
    )
    summary = measured(request).summary
    assert set(summary.tables["identification"]["reason"]) == {"offline"}
    assert list(summary.tables["catalogue"]["flags"]) == list(catalogue["flags"])
    assert isinstance(summary.tables["identification"], QTable)
