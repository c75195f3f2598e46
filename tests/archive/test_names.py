"""Positions of objects by name: the table of standards, then SIMBAD."""

import io
import json

import pytest
from astropy.table import MaskedColumn, Table

from pipeline.archive.names import name_adql
from pipeline.config.loader import read_settings
from tests.archive.server import TestArchive
from tests.archive.world import World

SIMBAD = "/simbad/sim-tap"


def votable(rows):
    """A table as SIMBAD sends it; a position that it lacks is empty."""
    names, ra, dec = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    table = Table()
    table["main_id"] = names or MaskedColumn([], dtype="U20")
    for key, values in (("ra", ra), ("dec", dec)):
        mask = [value is None for value in values]
        table[key] = MaskedColumn([value or 0.0 for value in values], mask=mask, dtype=float)
    text = io.BytesIO()
    table.write(text, format="votable")
    return text.getvalue()


class Simbad(TestArchive):
    """A test archive that knows some objects, too."""

    def __init__(self, known, status=200):
        super().__init__(World())
        self.known, self.status = known, status
        self.alter = self.answer

    def settings(self, **changes):
        return super().settings(**changes) | {"simbad_url": f"{self.base}{SIMBAD}"}

    def answer(self, path, status, headers, body):
        if not path.startswith(SIMBAD):
            return status, headers, body
        rows = self.known if isinstance(self.known, bytes) else votable(self.known)
        return self.status, {"Content-Type": "application/x-votable+xml"}, rows


def locate(workspace, archive, name, **changes):
    with archive:
        workspace.point_at(archive, **changes)
        return workspace.run("locate", name)


def test_the_lines_that_are_printed_make_a_field(workspace, capsys):
    archive = Simbad([("NGC   300", 13.722833, -37.684389)])
    assert locate(workspace, archive, "NGC 300") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# NGC   300, ICRS\n[[more_fields]]\n")
    workspace.config.write_text(printed)
    field = read_settings(workspace.config).campaigns()[1].field
    assert (field.name, field.ra_deg, field.dec_deg) == ("NGC 300", 13.722833, -37.684389)


def test_the_query_is_astroquerys_and_a_quote_stays_part_of_the_name():
    query = name_adql("Barnard's star")
    assert query.endswith("WHERE id = 'Barnard''s star'")
    assert 'basic."ra"' in query


def test_a_known_standard_needs_no_service(workspace, capsys):
    archive = Simbad([])
    assert locate(workspace, archive, "EG274") == 0
    assert "ra_deg = 245.891000" in capsys.readouterr().out
    assert archive.count(SIMBAD) == 0


@pytest.mark.parametrize("rows", [[], [("an X-ray source", None, None)]], ids=["none", "nowhere"])
def test_a_name_without_position_is_said(workspace, capsys, rows):
    assert locate(workspace, Simbad(rows), "nonesuch") == 2
    assert "'nonesuch': SIMBAD knows no position of that name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (b"<p>maintenance</p>", 200, "simbad"),
        (b"gone", 404, "simbad"),
        (votable([("x", 1.0, 2.0)]).replace(b'"dec"', b'"declination"'), 200, "not the table"),
    ],
)
def test_what_is_no_table_of_positions_is_refused_in_words(
    workspace, capsys, answer, status, reason
):
    assert locate(workspace, Simbad(answer, status), "NGC 300", attempts=1) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert "Traceback" not in said


def test_a_field_that_is_not_known_leads_to_the_command(workspace, capsys):
    with Simbad([]) as archive:
        workspace.point_at(archive)
        assert workspace.run("retrieve", "--field", "NGC 300") == 2
    assert "`python -m pipeline locate 'NGC 300'` prints it" in capsys.readouterr().err


def test_the_answer_is_kept_with_its_query(workspace):
    assert locate(workspace, Simbad([("x", 1.0, 2.0)]), 'V* "é" & Co') == 0
    (path,) = (workspace.campaign / "responses").glob("*.json")
    assert json.loads(path.read_text())["query"].endswith("""WHERE id = 'V* "é" & Co'""")
