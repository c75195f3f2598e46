"""A folder of cubes as people have them: what is measured, what is not an exposure, and why."""

import gzip
import re
import shutil

import numpy as np
import pytest
from astropy.io import fits

from pipeline.errors import ConfigError, NoReferenceExposure, SourceUnavailable
from pipeline.workflow import products
from pipeline.workflow.ownership import MARK
from tests.campaign.any_cubes.folder import fluxes_of, put, rows_of, with_cards
from tests.muse.kinds import rewritten
from tests.reliability.cubes import night_header

N = 4


@pytest.mark.slow
def test_one_folder_for_each_exposure_compressed_or_not_gives_the_fluxes_of_plain_files(
    made, cubes, run, plain_fluxes
):
    for number, path in enumerate(made):
        (cubes / f"exposure {number}").mkdir()
        target = cubes / f"exposure {number}" / "DATACUBE_FINAL.fits"
        if number == 1:
            target.with_name("DATACUBE_FINAL.fits.gz").write_bytes(
                gzip.compress(path.read_bytes(), 1)
            )
        elif number == 2:
            rewritten(path, target.with_name("DATACUBE_FINAL.fits.fz"), packed)
        else:
            shutil.copy2(path, target)
    campaign = run()
    assert [row["status"] for row in rows_of(campaign).values()] == ["ok"] * N
    found = fluxes_of(campaign)
    assert found.keys() == plain_fluxes.keys()
    for name, fluxes in found.items():
        np.testing.assert_allclose(fluxes, plain_fluxes[name], rtol=1e-6)
    work = campaign.workspace
    assert not list(work.rglob("*expanded*"))
    assert (campaign.unit(), f"{N} exposures, {N} ok") == (
        "10**(-20)*erg/s/cm**2/Angstrom", campaign.exit_summary().partition(": ")[2],
    )  # fmt: skip


def packed(hdus):
    for name in ("DATA", "STAT"):
        number = hdus.index_of(name)
        hdus[number] = fits.CompImageHDU(
            hdus[name].data, hdus[name].header, compression_type="GZIP_1",
            quantize_level=0, name=name,
        )  # fmt: skip


def test_files_of_this_program_and_hidden_folders_are_no_cubes_of_the_reader(made, cubes, run):
    put(made, cubes)
    for name in (".trash", "work"):
        (cubes / name).mkdir()
        shutil.copy2(made[0], cubes / name / "old.fits")
    (cubes / "work" / MARK).write_text("{}")
    (cubes / "loop").symlink_to(cubes)
    assert len(rows_of(run())) == N


def image(header_cards, n_axes=2):
    def write(path, primary):
        header = primary.copy()
        for key, value in header_cards.items():
            header[f"HIERARCH {key}" if " " in key else key] = value
        data = np.ones((4,) * n_axes, "f4") if n_axes else None
        extension = [fits.ImageHDU(data, name="DATA")] if n_axes else []
        fits.HDUList([fits.PrimaryHDU(header=header), *extension]).writeto(path)

    return write


def table(path, primary):
    rows = fits.BinTableHDU.from_columns([fits.Column("factor", "E", array=np.ones(3))])
    fits.HDUList([fits.PrimaryHDU(header=primary), rows]).writeto(path)


NOT_CUBES = {
    "no-such-category.fits": (image({"ESO PRO CATG": "SOMETHING_NEW"}), "images have 2 axes"),
    "ADP.white.fits": (image({"PRODCATG": "ANCILLARY.IMAGE.WHITELIGHT"}), "a white-light image"),
    "ADP.expmap.fits": (image({"PRODCATG": "ANCILLARY.EXPMAP"}, 3), "an exposure map"),
    "AUTOCAL_FACTORS.fits": (table, "it holds no image"),
    "IMAGE_FOV_0001.fits": (image({"ESO PRO CATG": "IMAGE_FOV"}), "an image of the field of view"),
    "PIXTABLE_REDUCED_0001.fits": (image({"ESO PRO CATG": "PIXTABLE_REDUCED"}), "a pixel table"),
    "mpdaf-image.fits": (image({}), "images have 2 axes, a cube has 3"),
    "raw.fits.fz": (image({"ESO DPR CATG": "SCIENCE"}), "a raw frame"),
    "SKY_SPECTRUM_0001.fits": (image({"ESO PRO CATG": "SKY_SPECTRUM"}, 1), "sky subtraction"),
    "header-only.fits": (image({}, 0), "it holds no image"),
}


@pytest.mark.slow
def test_companions_of_cubes_are_named_as_no_cubes_and_take_no_exposure_s_place(made, cubes, run):
    put(made, cubes)
    for name, (write, _) in NOT_CUBES.items():
        write(cubes / name, night_header(0))  # the header of an exposure, as recipes write it
    campaign = run()
    rows = rows_of(campaign)
    assert sum(row["status"] == "ok" for row in rows.values()) == N
    for name, (_, what) in NOT_CUBES.items():
        assert rows[name]["status"] == "excluded"
        assert re.search(rf"^not a cube: {re.escape(name)}: .*{what}", str(rows[name]["reason"])), (
            name
        )
    said = campaign.exit_summary()
    assert f"{N} exposures, {N} ok; {len(NOT_CUBES)} other file(s)" in said
    assert all(name in said for name in NOT_CUBES)


def test_a_file_that_says_it_is_a_cube_and_holds_none_has_failed(made, cubes, run):
    put(made, cubes)
    image({"ESO PRO CATG": "DATACUBE_FINAL"})(cubes / "broken.fits", night_header(9))
    row = next(row for row in rows_of(run()).values() if row["status"] != "ok")
    assert row["status"] == "failed"
    assert "2 axes instead of 3" in row["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("names", [("a.fits", "b.fits"), ("ADP.2020.fits", "cube-1.fits")])
def test_the_same_light_under_two_identities_is_one_exposure(made, cubes, run, names):
    put([made[0], made[2], made[3]], cubes)
    start = night_header(1)["MJD-OBS"]
    shutil.copy2(made[1], cubes / names[0])
    with_cards(
        made[1],
        cubes / names[1],
        {"ARCFILE": "ADP.2020-02-02.fits", "MJD-OBS": start + 0.9 / 86400},
    )
    rows = rows_of(run())
    assert sum(row["status"] == "ok" for row in rows.values()) == N
    taken = next(row for row in rows.values() if row["notes"])
    assert "of 2 files of this light" in taken["notes"]
    other = rows[names[1]]
    assert (other["status"], "comes first by name" in other["reason"]) == ("excluded", True)


@pytest.mark.slow
def test_two_seconds_or_another_mode_are_another_exposure(made, cubes, run):
    put(made, cubes)
    start = night_header(1)["MJD-OBS"]
    later = {"ARCFILE": "one.fits", "MJD-OBS": start + 2 / 86400}
    with_cards(made[1], cubes / "later.fits", later)
    with_cards(made[1], cubes / "mode.fits", {"ARCFILE": "two.fits", "ESO INS MODE": "WFM-AO-E"})
    rows = rows_of(run())
    assert [row["status"] for row in rows.values()] == ["ok"] * (N + 2)


def cropped(hdus):
    for name in ("DATA", "STAT"):
        hdus[name].data = np.array(hdus[name].data[:, :80])


def blanked(hdus):
    hdus["DATA"].data[:] = np.nan


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "virtue"), [(cropped, "has more data"), (blanked, "has more data")]
)
def test_of_two_files_of_one_light_the_better_is_taken_whatever_it_is_called(
    made, cubes, run, spoil, virtue
):
    put(made, cubes)
    rewritten(made[1], cubes / "a-worse-copy.fits", spoil)
    rows = rows_of(run())
    assert sum(row["status"] == "ok" for row in rows.values()) == N
    assert f"cube-1.fits (MUSE.{night_header(1)['DATE-OBS']}), which {virtue}" in str(
        rows["a-worse-copy.fits"]["reason"]
    )


@pytest.mark.slow
def test_a_cube_of_several_exposures_is_no_epoch_unless_that_is_allowed(made, cubes, run):
    put(made[:3], cubes)
    day = night_header(8)["MJD-OBS"]
    cards = {"ARCFILE": "deep.fits", "MJD-OBS": day, "EXPTIME": 600.0, "MJD-END": day + 0.1}
    with_cards(made[3], cubes / "deep-field.fits", cards)
    row = rows_of(run())["deep-field.fits"]
    assert row["status"] == "excluded"
    assert re.search(
        r"^CombinedCube: deep-field.fits: several exposures combined \(8640 s from MJD-OBS to MJD-END.*"
        r"cubes\.allow_combined = true", str(row["reason"]),
    )  # fmt: skip
    row = rows_of(run("[cubes]\nallow_combined = true\n"))["deep"]
    assert row["status"] == "ok"
    assert row["mjd_mid"].value == pytest.approx(day + 0.05, abs=1e-9)  # not start + EXPTIME / 2
    assert "several exposures combined (8640 s" in row["notes"]


@pytest.mark.slow
def test_a_combined_cube_does_not_take_the_place_of_its_first_exposure(made, cubes, run):
    put(made, cubes)
    with_cards(made[1], cubes / "a-deep.fits", {"NCOMBINE": 9})
    for more in ("", "[cubes]\nallow_combined = true\n"):
        rows = rows_of(run(more))
        assert sum(row["status"] == "ok" for row in rows.values()) == N
        assert rows["a-deep.fits"]["status"] == "excluded"


def bare(source, target):
    """The cube without any keyword of ESO, in folders of its own."""
    target.parent.mkdir()
    return with_cards(
        source,
        target,
        {},
        drop=("ARCFILE", "DATE-OBS", "MJD-OBS", "EXPTIME", "ESO INS MODE", "RA", "DEC"),
    )


@pytest.mark.slow
def test_what_headers_do_not_say_is_in_a_table_beside_the_cubes(made, cubes, run, plain_fluxes):
    names = [f"night {n}/cube.fits" for n in range(N)]
    for path, name in zip(made, names, strict=True):
        bare(path, cubes / name)
    with pytest.raises(
        NoReferenceExposure, match=r"ESO INS MODE = ''; .*exposures\.ecsv .*cubes\.mode"
    ):
        run()
    with pytest.raises(NoReferenceExposure, match=r"MJD-OBS nor DATE-OBS .*exposures\.ecsv"):
        run('[cubes]\nmode = "WFM-AO-N"\n')
    starts = [night_header(n)["DATE-OBS"] for n in range(N)]
    rows = [f"{name},{start},40" for name, start in zip(names, starts, strict=True)]
    (cubes / "exposures.csv").write_text("\n".join(["file,start,exptime_s", *rows]) + "\n")
    campaign = run('[cubes]\nmode = "WFM-AO-N"\n')
    found = rows_of(campaign)
    assert list(found) == names
    first = found[names[0]]
    assert (first["status"], first["mode"], first["exptime_s"].value) == ("ok", "WFM-AO-N", 40.0)
    assert first["mjd_mid"].value == pytest.approx(
        night_header(0)["MJD-OBS"] + 20 / 86400, abs=1e-7
    )
    for mine, plain in zip(fluxes_of(campaign).values(), plain_fluxes.values(), strict=True):
        np.testing.assert_array_equal(mine, plain)
    stamp = products.read_stamp(campaign.jobs[0].detection)
    assert stamp.ingredients["declared"]["ESO INS MODE"] == "WFM-AO-N"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,colour\na.fits,red\n", "columns out of file, mode, start, .* not file, colour"),
        ("mode\nWFM-AO-N\n", "columns out of file"),
        ("file,mode\na.fits,WFM\n", r"a\.fits: mode = 'WFM'; known are"),
        ("file,start\na.fits,2020-01-01\n", "a time as 2024-03-01T02:03:04"),
        ("file,start\na.fits,yesterday\n", "a time as 2024-03-01T02:03:04"),
        ("file,exptime_s\na.fits,-4\n", "exptime_s = -4; 0.001 to 1e"),
        ("file,exptime_s\na.fits,4\na.fits,5\n", "is in it twice"),
    ],
)
def test_a_table_that_is_none_is_refused_with_what_is_wrong(made, cubes, run, content, message):
    put(made[:1], cubes)
    (cubes / "exposures.csv").write_text(content)
    with pytest.raises(ConfigError, match=rf"exposures\.csv.*{message}"):
        run()


def test_a_table_that_is_not_there_is_named(made, cubes, run):
    put(made[:1], cubes)
    with pytest.raises(ConfigError, match=r"cubes\.table = 'no\.ecsv': no such file"):
        run('[cubes]\ntable = "no.ecsv"\n')


def test_a_folder_of_folders_without_cubes_is_named(cubes, run):
    (cubes / "one" / "two").mkdir(parents=True)
    (cubes / "one" / "notes.txt").touch()
    with pytest.raises(SourceUnavailable, match=r"holds no \.fits file"):
        run()
