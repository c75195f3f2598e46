"""Which Gaia source a star is, and what is said when nobody can be asked."""

import subprocess
import sys

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.archive.gaia import (
    GaiaSources,
    StarList,
    identify,
    not_identified,
    sky_of_offsets,
)
from pipeline.config.settings import Field
from tests.archive.server import GAIA, TestArchive
from tests.archive.world import LTT3218, World

EPOCH_YR = 2019.2
N_STARS = 25


def sky(rng, n):
    """Rows of Gaia's table around the field, and where they are at the epoch [arcsec, east north]."""
    ra_0, dec_0 = LTT3218
    offsets = rng.uniform(-60, 60, (n, 2))
    motion = rng.normal(0, 30, (n, 2))  # mas a year
    motion[0] = 900, -1300  # moves 5 arcsec between the epochs
    moved = offsets + motion * (EPOCH_YR - 2016.0) / 1000
    rows = [
        {
            "source_id": 5_600_000_000_000_000_000 + index,
            "ra": ra_0 + east / 3600 / np.cos(np.radians(dec_0)),
            "dec": dec_0 + north / 3600,
            "pmra": pm_east,
            "pmdec": pm_north,
            "phot_g_mean_mag": 14.0 + 0.05 * index,
            "bp_rp": 0.8 if index % 5 else None,
            "phot_variable_flag": "VARIABLE" if index == 7 else "NOT_AVAILABLE",
        }
        for index, ((east, north), (pm_east, pm_north)) in enumerate(
            zip(offsets, motion, strict=True)
        )
    ]
    return rows, moved


def seen(moved, rng, angle_deg=40.0):
    """A catalogue of the brighter ones: rotated, shifted, with errors; star_id = index + 1."""
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    xy = (np.column_stack([-moved[:, 0], moved[:, 1]]) / 0.2) @ turn.T + (163.0, 158.0)
    xy = xy[:N_STARS] + rng.normal(0, 0.1, (N_STARS, 2))
    columns = {"star_id": np.arange(1, N_STARS + 1), "x": xy[:, 0], "y": xy[:, 1]}
    return QTable(columns, meta={"simulated": True})


def test_every_star_is_found_whatever_the_rotation_and_the_proper_motion(workspace, capsys):
    rng = np.random.default_rng(11)
    rows, moved = sky(rng, 120)
    catalogue = seen(moved, rng)
    catalogue.write(workspace.folder / "catalogue.ecsv")
    with TestArchive(World(), gaia=rows) as archive:
        workspace.point_at(archive)
        options = ("--catalogue", str(workspace.folder / "catalogue.ecsv"), "--epoch", "2019.2")
        assert workspace.run("identify", *options) == 0
        assert archive.count(GAIA) == 1
    table = QTable.read(workspace.campaign / "identification.ecsv")
    expected = [str(5_600_000_000_000_000_000 + index) for index in range(N_STARS)]
    assert [str(value) for value in table["source_id"]] == expected  # every digit
    assert set(table["status"]) == {"identified"}
    assert table["separation_arcsec"].max().value < 0.4
    # at the epoch, not at Gaia's: the first has moved by 5 arcsec; positions have errors of 0.02 arcsec
    ra_0, dec_0 = LTT3218
    dec = dec_0 + moved[:N_STARS, 1] / 3600
    east = (table["ra_deg"].value - ra_0) * np.cos(np.radians(dec)) * 3600
    scale = np.cos(np.radians(dec)) / np.cos(
        np.radians(dec_0)
    )  # rows lie on the parallel of the centre
    np.testing.assert_allclose(east, moved[:N_STARS, 0] * scale, atol=0.1)
    np.testing.assert_allclose(table["dec_deg"].value, dec, atol=0.1 / 3600)
    assert [str(value) for value in table["variable"]].index("VARIABLE") == 7
    assert table["pm_dec_masyr"][0].value == pytest.approx(-1300)
    assert np.isnan(table["bp_rp"][5].value)
    assert "25 of 25 stars identified; variable: 8" in capsys.readouterr().out


def test_a_star_without_a_source_is_not_identified():
    rng = np.random.default_rng(12)
    rows, moved = sky(rng, 60)
    catalogue = seen(moved, rng)
    rows = [row for index, row in enumerate(rows) if index != 3]
    table = identify(StarList(catalogue, EPOCH_YR), sources_of(rows), Field())
    assert list(table["star_id"][table["status"] != "identified"]) == [4]
    assert table["reason"][3] == "no source within the tolerance"
    assert np.isfinite(table["ra_deg"]).all()  # the field is matched, so its place is known, too
    assert table["source_id"][3] == ""


def test_an_unrelated_sky_identifies_nobody():
    rng = np.random.default_rng(13)
    rows, _ = sky(rng, 60)
    _, other = sky(rng, 60)
    table = identify(StarList(seen(other, rng), EPOCH_YR), sources_of(rows), Field())
    assert set(table["status"]) == {"not identified"}
    assert "no agreement" in table["reason"][0]


@pytest.mark.parametrize("simulated", [True, False])
def test_real_stars_and_simulated_sources_never_meet_however_well_they_match(simulated):
    rng = np.random.default_rng(15)
    rows, moved = sky(rng, 60)
    stars = StarList(seen(moved, rng), EPOCH_YR, simulated)
    assert set(identify(stars, sources_of(rows, simulated), Field())["status"]) == {"identified"}
    table = identify(stars, sources_of(rows, not simulated), Field())
    assert set(table["status"]) == {"not identified"}
    assert "simulated" in table["reason"][0]
    assert set(table["source_id"]) == {""}


def sources_of(rows, simulated=False):
    columns = ("ra", "dec", "pmra", "pmdec", "phot_g_mean_mag", "bp_rp")
    numbers = [np.array([row[name] for row in rows], float) for name in columns]
    flags = [row["phot_variable_flag"] for row in rows]
    return GaiaSources([str(row["source_id"]) for row in rows], *numbers, flags, simulated)


@pytest.mark.parametrize("answer", ["html", "404", "down", "off"])
def test_offline_the_stars_are_not_identified_and_the_command_still_ends_well(
    workspace, capsys, answer
):
    rng = np.random.default_rng(14)
    rows, moved = sky(rng, 60)
    seen(moved, rng).write(workspace.folder / "catalogue.ecsv")
    options = ("--catalogue", str(workspace.folder / "catalogue.ecsv"), "--epoch", "2019.2")
    with TestArchive(World(), gaia=rows) as archive:
        archive.faults.queue[GAIA] = [answer] if answer in ("html", "404") else []
        changes = {"gaia_url": ""} if answer == "off" else {}
        workspace.point_at(archive, attempts=2, **changes)
        if answer != "down":
            assert workspace.run("identify", *options) == 0
    if answer == "down":
        assert workspace.run("identify", *options) == 0
    table = QTable.read(workspace.campaign / "identification.ecsv")
    assert set(table["status"]) == {"not identified"}
    said = capsys.readouterr()
    assert "0 of 25 stars identified" in said.out
    assert "not identified: " in said.err


def test_an_offline_table_has_a_row_for_every_star():
    table = not_identified(QTable({"star_id": [1, 2], "x": [0.0, 1.0], "y": [0.0, 1.0]}), "offline")
    assert list(table["star_id"]) == [1, 2]
    assert set(table["reason"]) == {"offline"}


def test_offsets_on_the_tangent_plane_are_gnomonic_and_move_with_the_star():
    ra_0, dec_0 = LTT3218
    xi, eta = np.radians([[30.0, -20.0, 0.0], [10.0, 45.0, 0.0]]) / 3600
    # inverse of the gnomonic projection
    rho = np.hypot(xi, eta)
    c = np.arctan(rho)
    dec = np.radians(dec_0)
    ratio = np.where(rho > 0, np.sin(c) / np.where(rho > 0, rho, 1), 1)
    star_dec = np.arcsin(np.cos(c) * np.sin(dec) + eta * ratio * np.cos(dec))
    star_ra = np.radians(ra_0) + np.arctan2(
        xi * ratio, np.cos(dec) * np.cos(c) - eta * ratio * np.sin(dec)
    )
    none = np.zeros(3)
    still = GaiaSources([], np.degrees(star_ra), np.degrees(star_dec), none, none, none, none, [])
    west, north = still.offsets_arcsec(ra_0, dec_0, EPOCH_YR).T
    np.testing.assert_allclose(west, -np.degrees(xi) * 3600, atol=1e-6)
    np.testing.assert_allclose(north, np.degrees(eta) * 3600, atol=1e-6)
    motion = np.array([1000.0, np.nan, -2000.0])
    moving = GaiaSources(
        [], np.degrees(star_ra), np.degrees(star_dec), motion, motion, none, none, []
    )
    shift = moving.offsets_arcsec(ra_0, dec_0, EPOCH_YR) - np.column_stack([west, north])
    found = sky_of_offsets(np.column_stack([west, north]), ra_0, dec_0)
    np.testing.assert_allclose(found, np.degrees([star_ra, star_dec]), atol=1e-11)
    years = EPOCH_YR - 2016.0
    # the tangent plane's scale differs from one by the square of 45 arcsec: 5e-8
    np.testing.assert_allclose(shift[:, 1], np.nan_to_num(motion) / 1000 * years, atol=2e-3)
    np.testing.assert_allclose(shift[:, 0], -np.nan_to_num(motion) / 1000 * years, atol=2e-3)


def test_a_table_of_gaia_that_was_cut_off_is_refused(workspace, capsys, monkeypatch):
    rng = np.random.default_rng(16)
    rows, moved = sky(rng, 60)
    seen(moved, rng).write(workspace.folder / "catalogue.ecsv")
    options = ("--catalogue", str(workspace.folder / "catalogue.ecsv"), "--epoch", "2019.2")
    monkeypatch.setattr("pipeline.archive.gaia.MAX_SOURCES", 40)
    with TestArchive(World(), gaia=rows) as archive:
        assert workspace.point_at(archive).run("identify", *options) == 0
    assert "cut off after 40 rows" in capsys.readouterr().err


def test_the_import_of_astroquery_contacts_nobody_and_prints_nothing():
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise SystemExit('contact')\n"
        "socket.create_connection = refuse\n"
        "from pipeline.archive.gaia_tap import _no_contact\n"
        "with _no_contact():\n"
        "    from astroquery.gaia import GaiaClass\n"
        "from astroquery.utils.tap.conn.tapconn import ConnectionHandler\n"
        "print(ConnectionHandler.get_connection_secure.__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "get_connection_secure\n"), done.stderr
