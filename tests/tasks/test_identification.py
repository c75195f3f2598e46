"""What the archives said of a campaign: which file counts, and for which stars."""

import json

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn
from astropy.time import Time

from pipeline.archive.tap import SIMULATED
from pipeline.config.settings import Settings
from pipeline.schema.availability import availability_table
from pipeline.tasks.identification import (
    STARS,
    IdentificationStore,
    identification_name,
    star_lists,
    stars_digest,
    tied_to_gaia,
    with_identifications,
)
from pipeline.tasks.kept_tables import write_kept
from pipeline.workflow import products
from tests.report.tables import fill
from tests.tasks.made import catalogue


@pytest.fixture
def store(tmp_path):
    return IdentificationStore(tmp_path, "cubes", simulated=False)


def identified(stars, *, simulated=False, variable=()):
    """The table ``identification`` that Gaia's sources give for a catalogue."""
    ids = stars.star_id.tolist()
    table = fill(
        "identification", len(ids), star_id=ids, status=["identified"] * len(ids),
        variable=["VARIABLE" if star in variable else "NOT_AVAILABLE" for star in ids],
    )  # fmt: skip
    table.meta |= {STARS: stars_digest(stars.table()), SIMULATED: simulated}
    return table


def write(store, table, name="identification-cubes.ecsv"):
    table.write(store.folder / name, format="ascii.ecsv", overwrite=True)


def nights(*, simulated=False, n=2):
    column = MaskedColumn(["", "1"][:n], mask=[True, False][:n], dtype="U5")
    table = availability_table(["2019-01-01", "2019-01-03"][:n], {"wfm_ao_n": column})
    table.meta[SIMULATED] = simulated
    return table


def test_without_a_response_nothing_is_known(store):
    assert store.identification(catalogue().table()) is None
    assert store.availability() is None
    assert store.digests(with_availability=True) == {}


def test_the_response_for_a_source_comes_before_that_for_a_catalogue_of_the_reader_s(store):
    assert identification_name() == "identification.ecsv"
    assert identification_name("cubes") == "identification-cubes.ecsv"
    stars = catalogue()
    write(store, identified(stars, variable=(2,)), "identification.ecsv")
    assert store.identification(stars.table())["variable"].tolist().count("VARIABLE") == 1
    write(store, identified(stars))
    assert store.identification(stars.table())["variable"].tolist().count("VARIABLE") == 0
    path = store.folder / "identification-cubes.ecsv"
    assert store.digests(with_availability=False) == {"identification": products.file_sha256(path)}


def test_nights_count_for_the_summary_where_they_are_shown(store):
    write(store, nights(), "availability.ecsv")
    path = store.folder / "availability.ecsv"
    assert store.digests(with_availability=True) == {"availability": products.file_sha256(path)}
    assert store.digests(with_availability=False) == {}


def reasons(table):
    assert set(table["status"]) == {"not identified"}
    (reason,) = set(table["reason"])
    return reason


def test_what_was_made_for_other_stars_identifies_none_of_these(store):
    write(store, identified(catalogue((1, 2, 3))))
    found = store.identification(catalogue((1, 2, 4)).table())
    assert "was made for another reference catalogue; run identify again" in reasons(found)


@pytest.mark.parametrize(("said", "is_simulated"), [("observed", True), ("simulated", False)])
def test_sources_of_the_other_kind_of_stars_identify_none(tmp_path, said, is_simulated):
    store = IdentificationStore(tmp_path, "cubes", simulated=is_simulated)
    stars = catalogue()
    write(store, identified(stars, simulated=not is_simulated))
    assert f"is of {said} stars, these are not" in reasons(store.identification(stars.table()))
    write(store, identified(stars, simulated=is_simulated))
    assert set(store.identification(stars.table())["status"]) == {"identified"}


def test_a_damaged_response_is_said(store):
    (store.folder / "identification-cubes.ecsv").write_text("no table")
    assert "identification-cubes.ecsv cannot be read" in reasons(
        store.identification(catalogue().table())
    )


def test_nights_come_back_with_the_modes_that_were_not_observed_masked(store):
    write(store, nights(), "availability.ecsv")
    found = store.availability()
    assert found["date"].tolist() == ["2019-01-01", "2019-01-03"]
    assert found["wfm_ao_n"].mask.tolist() == [True, False]
    assert found["wfm_noao_n"].mask.all()


def test_no_nights_and_nights_of_the_other_kind_are_none(store):
    write(store, nights(n=0), "availability.ecsv")
    assert store.availability() is None
    write(store, nights(simulated=True), "availability.ecsv")
    assert store.availability() is None


def summarised(folder, *, mjd=58552.5, simulated=False):
    """A summary of two exposures, of which the second is the reference."""
    folder.mkdir(parents=True)
    record = {"reference_exposure": "B"}
    (folder / "summary.json").write_text(json.dumps(record))
    rows = fill(
        "exposures", 2, exposure_id=["A", "B"], mjd_mid=[51544.5, mjd],
        night=["2000-01-01", "2019-07-02"], simulated=[not simulated, simulated],
    )  # fmt: skip
    write_kept(folder / "exposures.npz", rows)
    write_kept(folder / "catalogue.npz", catalogue((7, 9)).table())


@pytest.mark.parametrize("simulated", [True, False])
def test_stars_of_a_source_are_those_of_its_reference_at_its_epoch(tmp_path, simulated):
    settings = Settings()
    summarised(tmp_path / settings.campaign.of_source("cubes") / "summary", simulated=simulated)
    found = star_lists(tmp_path, settings, ["cubes", "archive"])
    assert list(found) == ["cubes"]
    stars = found["cubes"]
    assert stars.catalogue["star_id"].tolist() == [7, 9]
    assert stars.epoch_yr == pytest.approx(Time(58552.5, format="mjd").jyear, abs=1e-9)
    assert stars.simulated is simulated


def test_a_record_without_times_has_the_epoch_of_its_night(tmp_path):
    settings = Settings()
    summarised(tmp_path / settings.campaign.of_source("cubes") / "summary", mjd=np.nan)
    found = star_lists(tmp_path, settings, ["cubes"])["cubes"]
    assert found.epoch_yr == pytest.approx(2019.5, abs=0.003)


def test_a_campaign_takes_what_the_archives_say_of_it(store):
    stars = catalogue()
    tables = {"catalogue": stars.table(), "pairs": None}
    unchanged, notes = with_identifications(tables, store, [(1, 2)], with_availability=True)
    assert (unchanged, notes) == (tables, ())
    write(store, identified(stars, variable=(2,)))
    write(store, nights(), "availability.ecsv")
    found, (note,) = with_identifications(tables, store, [(1, 2)], with_availability=True)
    assert found["catalogue"]["flags"].tolist() == ["", "variable", "", ""]
    assert found["identification"]["star_id"].tolist() == [1, 2, 3, 4]
    assert len(found["availability"]) == 2
    assert "calls 1 of 4 stars variable" in note
    assert "scatter of 1/2" in note
    without, _ = with_identifications(tables, store, [(1, 2)], with_availability=False)
    assert "availability" not in without


def test_coordinates_tied_to_gaia_are_its_own_and_the_shift_is_told_across_the_origin_too():
    """Three stars beside right ascension 0; the cube is 0.4 arcsec off in declination."""
    table = catalogue().table()[:3]
    gaia_ra, gaia_dec = np.array([359.9999, 0.0001, np.nan]), np.array([10.0, 10.001, np.nan])
    table["ra_deg"][:] = np.array([359.9999 - 360, 0.0001, 5.0]) % 360 * u.deg
    table["dec_deg"][:] = np.array([10.0 + 0.4 / 3600, 10.001 + 0.4 / 3600, 11.0]) * u.deg
    found = fill(
        "identification", 3, star_id=table["star_id"], ra_deg=gaia_ra, dec_deg=gaia_dec,
        status=["identified", "identified", "unmatched"],
    )  # fmt: skip
    tied, said = tied_to_gaia(table, found)
    np.testing.assert_allclose(tied["ra_deg"].to_value(u.deg), [359.9999, 0.0001, 5.0])
    np.testing.assert_allclose(tied["dec_deg"].to_value(u.deg), [10.0, 10.001, 11.0])
    assert said == (
        "Coordinates of stars are tied to Gaia DR3 by 2 of its sources, 0.4 arcsec from those of the cube."
    )
    assert tied_to_gaia(table, None) == (table, "")
