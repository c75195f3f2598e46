"""Arrays from tables: nothing lost, nothing mixed up."""

from pathlib import Path

import numpy as np
import pytest
from astropy.table import QTable

from pipeline.schema import TABLES, make_table
from pipeline.statistics.fluxes import Fluxes, fluxes_from_tables, mjd_of_nights
from tests.statistics.factory import campaign, nights_of


def _column(name: str, n: int) -> np.ndarray:
    kind = {c.name: c.dtype for t in ("exposures", "catalogue") for c in TABLES[t]}[name]
    return np.full(n, {"str": "", "bool": False, "i8": 0, "f8": np.nan}[kind])


def _tables() -> dict[str, QTable]:
    """Two exposures, two stars, two radii; one measurement is missing, one is flagged."""
    exposures = {c.name: _column(c.name, 2) for c in TABLES["exposures"]}
    exposures |= {
        "exposure_id": ["b", "a"],
        "night": ["2019-01-01", "2019-01-02"],
        "mode": ["WFM-AO-N"] * 2,
        "status": ["ok", "excluded"],
        "mjd_mid": [58485.25, np.nan],
    }
    catalogue = {c.name: _column(c.name, 2) for c in TABLES["catalogue"]}
    catalogue |= {"star_id": [7, 3], "x": [1.0, 2.0], "y": [3.0, 4.0], "channel": [1, 2]}
    rows = [
        ("a", 3, 4.5, 30.0, ""),
        ("b", 7, 4.5, 70.0, "edge"),
        ("b", 3, 4.5, 31.0, ""),
        ("b", 3, 2.5, 99.0, ""),
    ]
    photometry = {
        "exposure_id": [row[0] for row in rows],
        "star_id": [row[1] for row in rows],
        "band": ["I_Bessel"] * 4,
        "radius_px": [row[2] for row in rows],
        "flux": [row[3] for row in rows],
        "flux_err": [1.0] * 4,
        "snr": [row[3] for row in rows],
        "coverage": [1.0] * 4,
        "flags": [row[4] for row in rows],
        "method": ["exact"] * 4,
        "noise_source": ["STAT"] * 4,
        "background_std": [0.0] * 4,
    }
    snr = {"star_id": [3], **{f"r{radius}": [radius] for radius in (1.5, 2.5, 3.5, 4.5, 5.5)}}
    return {
        "exposures": make_table("exposures", exposures),
        "catalogue": make_table("catalogue", catalogue),
        "photometry": make_table("photometry", photometry),
        "snr": make_table("snr", snr, band="I_Bessel", exposure="a"),
    }


def test_tables_become_arrays_in_the_order_of_exposures_and_catalogue() -> None:
    fluxes = fluxes_from_tables(**_tables())
    np.testing.assert_array_equal(fluxes.flux, [[70, 31], [np.nan, 30]])
    assert fluxes.flux_flags.tolist() == [["edge", ""], ["missing", ""]]
    assert fluxes.exposure_flags.tolist() == ["", "excluded"]
    assert fluxes.usable.tolist() == [[False, True], [False, False]]
    np.testing.assert_array_equal(fluxes.snr, [np.nan, 4.5])
    np.testing.assert_array_equal(fluxes.xy, [[1, 3], [2, 4]])
    np.testing.assert_allclose(fluxes.mjd, [58485.25, 58486.0])  # midnight after 2019-01-02


def test_tables_read_back_from_ecsv_give_the_same(tmp_path: Path) -> None:
    """Empty strings come back masked."""
    tables = _tables()
    for name, table in tables.items():
        table.write(tmp_path / f"{name}.ecsv")
    again = fluxes_from_tables(**{name: QTable.read(tmp_path / f"{name}.ecsv") for name in tables})
    before = fluxes_from_tables(**tables)
    assert again.flux_flags.tolist() == before.flux_flags.tolist()
    assert again.usable.tolist() == before.usable.tolist()
    np.testing.assert_array_equal(again.flux, before.flux)


def test_the_midnight_of_a_night_ends_its_date() -> None:
    """2019-01-01 0 h UT is MJD 58484; the night of 2019-01-01 has its midnight a day later."""
    assert mjd_of_nights(np.array(["2019-01-01"]))[0] == 58485


def test_a_night_that_is_not_known_has_no_time() -> None:
    np.testing.assert_array_equal(mjd_of_nights(np.array(["", "2019-01-01"])), [np.nan, 58485])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flux": np.ones(3)}, "flux has 1 axes"),
        ({"nights": nights_of(4)}, "nights has shape"),
        ({"snr": np.ones(9)}, "snr has shape"),
        ({"flux_flags": np.full((1, 1), "")}, "flux_flags has shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    given = {"flux": np.ones((3, 2)), "flux_err": np.ones((3, 2)), "nights": nights_of(3)}
    with pytest.raises(ValueError, match=message):
        Fluxes(**(given | change))


def test_selecting_exposures_keeps_everything_together() -> None:
    fluxes = campaign(n_exposures=5, n_stars=2)
    part = fluxes.select(np.array([3, 1]))
    np.testing.assert_array_equal(part.flux, fluxes.flux[[3, 1]])
    assert part.nights.tolist() == fluxes.nights[[3, 1]].tolist()
    np.testing.assert_array_equal(part.mjd, fluxes.mjd[[3, 1]])
