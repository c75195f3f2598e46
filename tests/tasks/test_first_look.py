"""What a folder holds: modes, fields, passbands, and what the brightest star is."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from pipeline.errors import ConfigError, SourceUnavailable
from pipeline.muse.modes import MODES
from pipeline.tasks import first_look
from pipeline.tasks.first_look import FieldExposures
from tests.muse.cubes import primary_header, small_cube
from tests.tasks.made import catalogue, entry


def many(**counts):
    """Entries by mode, underscores for hyphens."""
    return [
        entry(f"{mode} {k}", mode=mode.replace("_", "-"))
        for mode, n in counts.items()
        for k in range(n)
    ]


def test_the_modes_are_those_of_the_commonest_pixel_size_in_the_order_of_the_instrument():
    found = first_look._modes(many(WFM_AO_N=1, NFM_AO_N=3, WFM_NOAO_N=1))
    assert found == ("NFM-AO-N",)
    found = first_look._modes(many(WFM_AO_N=2, NFM_AO_N=3, WFM_NOAO_N=2))
    assert found == tuple(m for m in MODES if m in ("WFM-AO-N", "WFM-NOAO-N"))


@pytest.fixture
def pointing_at(monkeypatch):
    """Entries that point at places (ra, dec) in degrees, with OBJECT."""

    def make(*places):
        where = {
            f"E{k}": (SkyCoord(ra, dec, unit="deg"), name)
            for k, (ra, dec, name) in enumerate(places)
        }
        monkeypatch.setattr(first_look, "_where", lambda one: where[one.exposure_id])
        return [entry(name) for name in where]

    return make


def test_exposures_within_three_arcminutes_of_the_first_are_of_one_field(pointing_at):
    at = 2.99 / 60
    entries = pointing_at((10, 0, "A"), (10, at, "A"), (10, -at, "A"), (10, 3.01 / 60, "B"))
    first, second = first_look._pointings(entries, Path("f"))
    assert [one.exposure_id for one in first.entries] == ["E0", "E1", "E2"]
    assert [one.exposure_id for one in second.entries] == ["E3"]


def test_the_field_with_most_exposures_comes_first_and_equal_names_are_numbered(pointing_at):
    entries = pointing_at((10, 0, "A"), (20, 0, "A"), (20, 0, "A"), (30, 0, "B"))
    found = first_look._pointings(entries, Path("f"))
    assert [(one.name, len(one.entries)) for one in found] == [("A 1", 2), ("A 2", 1), ("B", 1)]


def test_a_field_is_centred_on_its_exposures_across_the_meridian_and_holds_them(pointing_at):
    (one,) = first_look._pointings(pointing_at((359.99, 0, "A"), (0.03, 0, "A")), Path("f"))
    assert one.ra_deg == pytest.approx(0.01, abs=1e-9)
    assert one.dec_deg == pytest.approx(0.0, abs=1e-9)
    assert one.radius_arcmin == 3.0  # 1.5 times 1.2 arcmin is less
    (one,) = first_look._pointings(
        pointing_at((10, 89.0, "A"), (10, 89.0 + 2.9 / 60, "A")), Path("f")
    )
    assert one.dec_deg == pytest.approx(89.0 + 1.45 / 60, abs=1e-6)


def test_a_wide_field_has_a_margin_of_half_its_size(pointing_at, monkeypatch):
    monkeypatch.setattr(first_look, "FIELD_ARCMIN", 9.0)
    (one,) = first_look._pointings(pointing_at((10, 0, "A"), (10, 0.14, "A")), Path("f"))
    assert one.radius_arcmin == 9.0
    monkeypatch.setattr(first_look, "FIELD_ARCMIN", 0.0)
    group = [
        (one, SkyCoord(10, dec, unit="deg"), "A") for one, dec in ((entry(), 0.0), (entry(), 0.2))
    ]
    assert first_look._pointing("A", group).radius_arcmin == 9.0  # 1.5 times 6 arcmin


@pytest.mark.parametrize(
    ("names", "folder", "expected"),
    [
        (["A", "B", "B"], "f", "B"),
        (["", "", "A"], "f", "A"),
        ([""], "my field", "my field"),
        ([""], "/", "field"),
        (["LTT3218", ""], "f", "LTT 3218"),
    ],
)
def test_a_field_is_called_by_its_commonest_object_else_by_the_folder(names, folder, expected):
    assert first_look._name([(None, None, name) for name in names], Path(folder)) == expected


def test_where_an_exposure_points_is_in_its_header_else_in_its_wcs(tmp_path):
    path = tmp_path / "a.fits"
    small_cube(path, primary=primary_header(RA=10.5, DEC=-20.25, OBJECT="  my   star "))
    where, name = first_look._where(entry(path=path))
    assert (where.ra.deg, where.dec.deg, name) == (10.5, -20.25, "my star")
    small_cube(tmp_path / "b.fits", primary=primary_header(RA=None, DEC=None))
    where, name = first_look._where(entry(path=tmp_path / "b.fits"))
    # CRPIX is half of the image, counted from 1: at most a pixel of 0.2 arcsec along each axis
    assert where.separation(SkyCoord(130.3854, -32.9428, unit="deg")).arcsec < 0.29
    assert name == ""


def test_a_cube_that_points_nowhere_is_named_with_the_remedy(tmp_path):
    from tests.muse.kinds import rewritten

    def without_wcs(hdus):
        for hdu in hdus[1:]:
            for key in ("CTYPE1", "CTYPE2", "CD1_1", "CD1_2", "CD2_1", "CD2_2", "CRVAL1", "CRVAL2"):
                hdu.header.remove(key, ignore_missing=True)

    small_cube(tmp_path / "b.fits", primary=primary_header(RA=None, DEC=None))
    rewritten(tmp_path / "b.fits", tmp_path / "c.fits", without_wcs)
    with pytest.raises(SourceUnavailable, match=r"c\.fits: neither RA and DEC .*field\.ra_deg"):
        first_look._where(entry(path=tmp_path / "c.fits"))


def cube(low, high):
    return SimpleNamespace(path=Path("c.fits"), wave_aa=np.array([low, (low + high) / 2, high]))


def test_passbands_are_those_inside_the_cube_and_beside_the_notch_of_every_mode():
    whole = first_look._bands(cube(4600, 9350), ("WFM-NOAO-N",))
    assert whole[:3] == ("I_Bessel", "R_Bessel", "V_Bessel")
    beside = first_look._bands(cube(4600, 9350), ("WFM-NOAO-N", "WFM-AO-N"))
    assert beside[0] == "I_Bessel"
    assert not {"R_Bessel", "V_Bessel"} & set(beside)
    first, last = first_look.load_band("I_Bessel").range_aa
    assert "I_Bessel" in first_look._bands(cube(first, last), ("WFM-NOAO-N",))
    for low, high in ((first + 1, last), (first, last - 1)):
        with pytest.raises(ConfigError, match=r"holds none of the passbands I_Bessel, R_Bessel"):
            first_look._bands(cube(low, high), ("WFM-NOAO-N",))


def at(ra_deg, dec_deg, name="A"):
    return FieldExposures(name, ra_deg, dec_deg, 3.0, ())


@pytest.mark.parametrize(("n_blended", "crowded"), [(0, False), (2, False), (3, True), (8, True)])
def test_a_field_is_crowded_where_more_than_a_quarter_of_the_stars_has_close_neighbours(
    n_blended, crowded
):
    flags = ("edge blended",) * n_blended + ("edge",) * (8 - n_blended)
    assert first_look._is_crowded(catalogue(range(1, 9), flags=flags)) is crowded


def test_the_brightest_star_is_the_target_if_the_telescope_points_at_it():
    radec = [[10, 0], [10, 9.9 / 3600], [10, 1], [10, 2]]
    stars = catalogue((7, 3, 9, 4), flux=[5, 50, 40, 30], radec=radec)
    assert first_look._suggested(stars, at(10, 0)) == (3, (3, 9, 4))
    assert first_look._suggested(stars, at(10, -0.2 / 3600)) == (0, (3, 9, 4))
    assert first_look._suggested(stars, at(10, 0, "LTT 3218")) == (0, (3, 9, 4))
    nowhere = catalogue((7, 3), flux=[5, 50])
    assert first_look._suggested(nowhere, at(10, 0)) == (0, (3, 7))


def test_settings_of_a_look_are_those_of_the_field_and_of_its_first_passband():
    found = first_look._settings(
        at(10, 20, "B"), ("WFM-NOAO-E",), ("I_Bessel", "V_Bessel"), "saturated"
    )
    assert (found.field.name, found.field.ra_deg, found.field.dec_deg) == ("B", 10, 20)
    assert (found.field.modes, found.field.star_registry) == (("WFM-NOAO-E",), "")
    assert found.detection.mask == "saturated"
    assert (found.photometry.bands, found.statistics.band) == (("I_Bessel", "V_Bessel"), "I_Bessel")
    assert found.statistics.pairs == ()
