"""The flux array: its product, its exports, and what the statistics take from it."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from pipeline.schema.flux_array import ARRAYS, MISSING, FluxArray, flag_words
from pipeline.statistics.fluxes import Fluxes, fluxes_from_tables
from pipeline.statistics.selection import select_fluxes, without_flagged
from pipeline.tasks.exports import photometry_table, snr_table
from pipeline.tasks.flux_product import keep_fluxes, read_fluxes, write_fluxes
from tests.report.tables import fill

AXES = (3, 2, 4, 2)  # exposure, star, aperture, band


def array(seed: int = 1) -> FluxArray:
    """Three exposures, the last of which failed; two stars, four apertures, two bands."""
    rng = np.random.default_rng(seed)
    flux = rng.lognormal(5, 1, AXES)
    flux_err = flux / rng.uniform(50, 500, AXES)
    coverage = np.ones(AXES)
    flags = np.full(AXES, "", dtype=object)
    flags[1, 0, 3], flags[0, 1, :, 1], flags[1, 1, 3] = "edge", "gap", "edge gap"
    flux[0, 1, :, 1] = np.nan
    for values, empty in ((flux, np.nan), (flux_err, np.nan), (coverage, 0.0), (flags, MISSING)):
        values[2] = empty
    return FluxArray(
        ("b", "a", "c"),
        (7, 3),
        (1.5, 2.0, 3.25, 4.5),
        ("I_Bessel", "R_Bessel"),
        flux,
        flux_err,
        coverage,
        flags.astype(str),
        flux_published=2 * flux,
        noise_source=np.where(flux > 150, "STAT", "blank sky"),
        background_std=0.1 * flux_err,
        method="exact",
        passbands="I_Bessel: a paper",
    )


def tables():
    exposures = fill(
        "exposures",
        3,
        exposure_id=["b", "a", "c"],
        night=["2019-01-01", "2019-01-02", "2019-01-03"],
        mode=["WFM-AO-N"] * 3,
        mjd_mid=[58485.25, 58486.25, np.nan],
        status=["ok", "excluded", "failed"],
    )
    catalogue = fill("catalogue", 2, star_id=[7, 3], x=[1.0, 2.0], y=[3.0, 4.0], channel=[1, 2])
    return exposures, catalogue


def test_what_is_written_is_read_back_bit_by_bit(tmp_path: Path) -> None:
    one = array()
    write_fluxes(tmp_path / "fluxes.fits", one)
    back = read_fluxes(tmp_path / "fluxes.fits")
    for name in ("exposure_ids", "star_ids", "radii_px", "bands", "method", "passbands"):
        assert getattr(back, name) == getattr(one, name), name
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(back, name), getattr(one, name), err_msg=name)


def test_the_file_names_its_axes_flags_and_units_and_depends_on_content_alone(
    tmp_path: Path,
) -> None:
    for name in ("one.fits", "two.fits"):
        write_fluxes(tmp_path / name, array())
    assert (tmp_path / "one.fits").read_bytes() == (tmp_path / "two.fits").read_bytes()
    with fits.open(tmp_path / "one.fits") as hdus:
        header = hdus["FLUX"].header
        assert [header[f"AXIS{n}"] for n in (4, 3, 2, 1)] == [
            "exposure",
            "star",
            "aperture",
            "band",
        ]
        assert hdus["FLUX"].data.shape == AXES
        assert [hdus["FLAGS"].header[f"FLAG{bit}"] for bit in range(3)] == ["edge", "gap", MISSING]
        assert hdus["FLAGS"].data[1, 1, 3, 0] == 0b011
        assert hdus["APERTURE"].columns["radius_px"].unit == "pix"
        hdus.verify("exception")


def test_the_product_is_collected_once_and_again_when_an_input_changes(tmp_path: Path) -> None:
    calls = []

    def collect() -> FluxArray:
        calls.append(1)
        return array()

    product = tmp_path / "fluxes.fits"
    keep_fluxes(product, {"inputs": "a"}, collect)
    keep_fluxes(product, {"inputs": "a"}, collect)
    assert len(calls) == 1
    keep_fluxes(product, {"inputs": "b"}, collect)
    assert len(calls) == 2


def test_photometry_is_an_export_with_a_row_for_everything_that_was_measured() -> None:
    one = array()
    table = photometry_table(one)
    assert len(table) == 2 * 2 * 4 * 2  # the failed exposure has none
    assert table.meta["passbands"] == "I_Bessel: a paper"
    for row in table:
        place = (
            one.exposure_ids.index(row["exposure_id"]),
            one.star_ids.index(row["star_id"]),
            one.aperture(row["radius_px"].value),
            one.band(row["band"]),
        )
        np.testing.assert_equal(row["flux"], one.flux[place])
        np.testing.assert_equal(row["snr"], one.flux[place] / one.flux_err[place])
        assert row["flags"] == one.flags[place]
        assert (row["method"], row["noise_source"]) == ("exact", one.noise_source[place])
        np.testing.assert_equal(row["background_std"], one.background_std[place])


def test_the_snr_table_has_a_column_for_each_radius() -> None:
    one = array()
    table = snr_table(one, "a", "R_Bessel")
    assert table.colnames == ["star_id", "r1.5", "r2.0", "r3.25", "r4.5"]
    np.testing.assert_allclose(table["r3.25"], (one.flux / one.flux_err)[1, :, 2, 1])
    assert np.isnan(snr_table(one, "c", "R_Bessel")["r4.5"]).all()


@pytest.mark.parametrize(("band", "radius_px"), [("I_Bessel", 4.5), ("R_Bessel", 3.25)])
def test_what_statistics_take_equals_what_the_published_tables_say(
    band: str, radius_px: float
) -> None:
    one, (exposures, catalogue) = array(), tables()
    taken = select_fluxes(
        one, exposures, catalogue, band=band, radius_px=radius_px, reference_exposure="b"
    )
    published = one.flux_published[:, :, one.aperture(radius_px), one.band(band)]
    read = fluxes_from_tables(
        exposures,
        catalogue,
        photometry_table(one),
        snr_table(one, "b", band),
        band=band,
        radius_px=radius_px,
        flux_published=published,
    )
    for name in Fluxes.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(taken, name), getattr(read, name), err_msg=name)


def test_an_aperture_or_band_that_was_not_measured_is_named() -> None:
    with pytest.raises(KeyError, match=r"radius 5 px is not among \[1.5, 2.0, 3.25, 4.5\]"):
        array().aperture(5.0)
    with pytest.raises(KeyError, match="band V_Bessel is not among"):
        array().band("V_Bessel")


def test_arrays_of_another_shape_are_refused() -> None:
    one = array()
    with pytest.raises(ValueError, match=r"flux_err has shape .* expected"):
        FluxArray(**{**one.__dict__, "flux_err": one.flux_err[:2]})


def test_flag_words_keep_their_order_and_unknown_ones_come_last() -> None:
    flags = np.array(["gap", "edge gap", "zebra", "apple", ""])
    assert flag_words(flags) == ("edge", "gap", "apple", "zebra")


def test_bad_exposures_and_flagged_stars_are_marked_and_what_was_marked_before_keeps_its_word() -> (
    None
):
    exposures, catalogue = tables()
    catalogue["flags"] = ["", "edge"]
    exposures["bad_probability"] = [0.99, 0.991, 0.999]
    fluxes = select_fluxes(
        array(), exposures, catalogue, band="I_Bessel", radius_px=2.0, reference_exposure="b"
    )
    found = without_flagged(fluxes, exposures, catalogue)
    assert found.exposure_flags.tolist() == ["", "excluded", "failed"]
    exposures["status"] = ["ok", "ok", "failed"]
    fluxes = select_fluxes(
        array(), exposures, catalogue, band="I_Bessel", radius_px=2.0, reference_exposure="b"
    )
    found = without_flagged(fluxes, exposures, catalogue)
    assert found.exposure_flags.tolist() == ["", "outlier", "failed"]
    before, after = fluxes.flux_flags, found.flux_flags
    assert (after[:, 0] == before[:, 0]).all()
    expected = np.where(before[:, 1] == "", "flagged star", before[:, 1])
    assert after[:, 1].tolist() == expected.tolist()
