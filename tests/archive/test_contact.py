"""First contact: what holds, each way to differ alone, and a recording that can be replayed."""

import json

import pytest

from pipeline.archive.contact import HELD, NOT_CHECKED, make_contact, read_recording
from pipeline.cli.archive import CHECKS
from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from tests.archive.deviations import DEVIATIONS
from tests.archive.recording import Replay
from tests.archive.server import DATA, LOGIN, TestArchive
from tests.archive.world import MODES, World

GAIA_ROW = {
    "source_id": 5_640_000_000_000_000_000, "ra": 130.3854, "dec": -32.9428, "pmra": 1.0,
    "pmdec": 2.0, "phot_g_mean_mag": 12.0, "bp_rp": 1.0, "phot_variable_flag": "NOT_AVAILABLE",
}  # fmt: skip


def contacted():
    """A world that holds something for every check."""
    world = World()
    for mode in MODES:
        world.night("2019-03-09", mode).product("2019-03-09", mode)
    world.night("2019-03-10", "WFM-AO-N")
    for name, row in world.rows.items():
        row["access_estsize"] = round(len(world.file(name) or b"") / 1000)
    return TestArchive(world, gaia=[GAIA_ROW])


def findings_of(archive, workspace, **changes):
    settings = read_settings(workspace.point_at(archive, attempts=2, **changes).config)
    findings, _ = make_contact(settings, CHECKS)
    return {one.name: one for one in findings}


def test_against_an_archive_as_it_is_assumed_everything_holds(workspace, capsys):
    recording = workspace.folder / "contact.json"
    with contacted() as archive:
        workspace.point_at(archive)
        assert workspace.run("contact", "--output", str(recording)) == 0
        assert len(archive.requests) < 30
        downloaded = [path for _, path, _, _ in archive.requests if path.startswith(DATA)]
        assert len(downloaded) == 3  # a small file, the rest of it, the head of a raw frame
    said = capsys.readouterr().out
    assert f"{len(CHECKS)} assumptions: {len(CHECKS)} held, 0 differs, 0 not checked" in said
    assert "held         tree flags" in said


def test_there_are_deviations_for_every_check_and_at_least_twenty():
    assert {check for check, _ in DEVIATIONS.values()} == {one.name for one in CHECKS}
    assert len(DEVIATIONS) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_deviation_is_named_and_no_other(workspace, name):
    check, change = DEVIATIONS[name]
    archive = contacted()
    change(archive)
    with archive:
        findings = findings_of(archive, workspace)
    states = {one.name: one.state for one in findings.values() if one.state != HELD}
    assert [key for key, state in states.items() if state != NOT_CHECKED] == [check]
    assert findings[check].seen
    needing = {check}
    for one in CHECKS:  # what is not checked stands on the one that differs
        if needing & set(one.needs):
            needing.add(one.name)
    assert set(states) == needing


def test_the_exit_status_and_the_table_tell_of_a_difference(workspace, capsys):
    archive = contacted()
    DEVIATIONS["the login takes only get"][1](archive)
    with archive:
        workspace.point_at(archive)
        output = workspace.folder / "out.json"
        assert workspace.run("contact", "--output", str(output)) == 1
    said = capsys.readouterr().out
    assert "differs      login" in said
    assert "it takes GET only" in said


def test_no_archive_at_all_is_a_table_of_differences_and_status_one(workspace, capsys):
    with contacted() as archive:
        workspace.point_at(archive, attempts=1)
    assert workspace.run("contact", "--output", str(workspace.folder / "out.json")) == 1
    said = capsys.readouterr().out
    assert "connection refused" in said
    assert f"{len(CHECKS)} assumptions: 0 held, 3 differs" in said


@pytest.mark.parametrize("name", ["", "trees hold master calibrations", "sizes are in bytes"])
def test_a_recording_that_is_replayed_leads_to_the_same_findings(workspace, name):
    recording = workspace.folder / "contact.json"
    archive = contacted()
    if name:
        DEVIATIONS[name][1](archive)
    with archive:
        workspace.point_at(archive)
        workspace.run("contact", "--output", str(recording))
    with Replay(recording) as replay:
        lines = [f'{key} = "{value}"' for key, value in replay.settings().items()]
        workspace.config.write_text("\n".join(["[archive]", *lines]))
        findings, _ = make_contact(read_settings(workspace.config), CHECKS)
    recorded = {one.name: one.state for one in replay.findings}
    assert {one.name: one.state for one in findings} == recorded
    assert not replay.unknown


def test_a_recording_holds_nothing_that_says_who_made_it(workspace, monkeypatch):
    monkeypatch.setenv("ESO_USERNAME", "tester")
    monkeypatch.setenv("ESO_PASSWORD", "s3cret-pa55")
    recording = workspace.folder / "contact.json"
    archive = contacted()
    page = b"<p>Your address 203.0.113.77 was refused, write to someone@eso.example</p>"

    def alter(path, status, headers, body):
        if path.startswith(LOGIN):
            return 403, {"Content-Type": "text/html", "Set-Cookie": "id=77"}, page
        return status, headers, body

    archive.alter = alter
    with archive:
        workspace.point_at(archive)
        assert workspace.run("contact", "--output", str(recording)) == 1
        assert not [head for *_, head in archive.requests if "Authorization" in head]
    text = recording.read_text()
    secrets = ("tester", "s3cret-pa55", "203.0.113.77", "someone@eso", "id=77", "User-Agent")
    assert not [secret for secret in (*secrets, str(workspace.folder)) if secret in text]
    assert "was refused" in text
    assert len(read_recording(recording)[1]) > 15
    assert json.loads(text)["version"] == 1


def test_a_file_that_is_no_recording_is_refused(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match="not a recording"):
        read_recording(path)


def test_the_page_explains_every_check_in_order():
    page = (ROOT / "site_src" / "archive.md").read_text(encoding="utf-8")
    table = page.partition("| check | assumption |\n|---|---|\n")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
    assert rows == [[one.name, one.assumption] for one in CHECKS]
