"""Files of a folder as inputs of a campaign."""

import pytest

from pipeline.config.cubes import CubeSettings
from pipeline.config.settings import Field, Settings
from pipeline.errors import CombinedCube, ConfigError, SourceUnavailable, UnknownMode
from pipeline.tasks import inputs
from pipeline.tasks.cube_files import cube_files
from pipeline.tasks.entry import CUBE, PRODUCT, RAW, SIMULATED, declare
from pipeline.tasks.inputs import cube_entry, cubes_by_field, cubes_in, simulated_entries
from pipeline.workflow.ownership import MARK
from tests.muse.cubes import primary_header, small_cube
from tests.tasks.made import START_MJD, entry

HERE = Field("here", 130.3854, -32.9428, 3.0, ("WFM-AO-N",), 0.2, "")
ELSEWHERE = Field("elsewhere", 10.0, 10.0, 3.0, ("WFM-AO-N",), 0.2, "")
NAME = "MUSE.2019-03-11T02:00:00.500"


def made(path, **cards):
    path.parent.mkdir(parents=True, exist_ok=True)
    small_cube(path, primary=primary_header(**cards), shape=(6, 8, 9))
    return path


def test_a_cube_is_an_entry_with_its_identity_and_field(tmp_path):
    path = made(tmp_path / "a.fits")
    one, number = cube_entry(path, [ELSEWHERE, HERE])
    assert (one.exposure_id, one.error, one.cube_path, one.origin, one.note, number) == (
        NAME, None, path, CUBE, "", 1
    )  # fmt: skip
    assert one.exposure.mode == "WFM-AO-N"


def test_a_cube_that_points_nowhere_asked_for_has_its_reason_and_no_field(tmp_path):
    one, number = cube_entry(made(tmp_path / "a.fits"), [ELSEWHERE])
    assert (one.exposure_id, number) == (NAME, None)
    assert one.error is not None


def test_another_mode_is_refused_in_its_field(tmp_path):
    path = made(tmp_path / "a.fits", **{"HIERARCH ESO INS MODE": "WFM-NOAO-E"})
    one, number = cube_entry(path, [HERE])
    assert isinstance(one.error, UnknownMode)
    assert (one.exposure_id, number) == (NAME, 0)


def test_what_is_no_cube_is_called_by_its_file(tmp_path):
    (tmp_path / "a b.fits").write_bytes(b"text")
    one, number = cube_entry(tmp_path / "a b.fits", [HERE])
    assert (one.exposure_id, one.exposure, number) == ("a b.fits", None, None)
    named, _ = cube_entry(tmp_path / "a b.fits", [HERE], label="folder/a b.fits")
    assert named.exposure_id == "folder/a b.fits"


def test_a_mode_of_the_settings_holds_where_the_header_has_none_and_the_table_wins(tmp_path):
    how = CubeSettings(mode="WFM-AO-N")
    path = made(tmp_path / "a.fits", **{"HIERARCH ESO INS MODE": None})
    one, _ = cube_entry(path, [HERE], how=how)
    assert (one.exposure.mode, one.declared) == ("WFM-AO-N", (("ESO INS MODE", "WFM-AO-N"),))
    told, _ = cube_entry(path, [HERE], declared=(("ESO INS MODE", "WFM-AO-E"),), how=how)
    assert told.exposure.mode == "WFM-AO-E"
    other = made(tmp_path / "b.fits")
    plain, _ = cube_entry(other, [HERE], how=CubeSettings(mode="WFM-AO-E"))
    assert (plain.exposure.mode, plain.declared) == ("WFM-AO-N", ())


def test_a_combined_cube_is_refused_unless_that_is_allowed(tmp_path):
    path = made(tmp_path / "a.fits", NCOMBINE=9)
    one, number = cube_entry(path, [HERE])
    assert isinstance(one.error, CombinedCube)
    assert (one.exposure_id, number) == ("a.fits", 0)
    taken, _ = cube_entry(path, [HERE], how=CubeSettings(allow_combined=True))
    assert taken.error is None
    assert taken.note.startswith("several exposures combined (")


def test_every_file_is_an_entry_of_one_field_and_the_unusable_are_of_the_first_with_a_cube(
    tmp_path,
):
    made(tmp_path / "b.fits")
    made(tmp_path / "a.fits", ARCFILE="MUSE.B.fits", **{"MJD-OBS": START_MJD - 5})
    (tmp_path / "c.fits").write_bytes(b"text")
    elsewhere, here = cubes_by_field(tmp_path, [ELSEWHERE, HERE])
    assert elsewhere == []
    assert [one.exposure_id for one in here] == [
        "MUSE.B",
        NAME,
        "c.fits",
    ]  # by time, then those without
    (all_,) = cubes_by_field(tmp_path, [ELSEWHERE])
    assert len(all_) == 3
    settings = Settings(field=HERE)
    assert [one.exposure_id for one in cubes_in(tmp_path, settings)] == ["MUSE.B", NAME, "c.fits"]


def test_a_table_of_exposures_is_named_by_the_settings_or_lies_beside_the_cubes(tmp_path):
    made(tmp_path / "cubes" / "a.fits", **{"HIERARCH ESO INS MODE": None})
    (tmp_path / "cubes" / "exposures.csv").write_text("file,mode\na.fits,WFM-AO-N\n")
    (tmp_path / "mine.csv").write_text("file,mode\na.fits,WFM-AO-E\n")
    folder = tmp_path / "cubes"
    ((one,),) = cubes_by_field(folder, [HERE])
    assert one.exposure.mode == "WFM-AO-N"
    ((one,),) = cubes_by_field(folder, [HERE], CubeSettings(table="mine.csv"), tmp_path)
    assert one.exposure.mode == "WFM-AO-E"
    with pytest.raises(ConfigError, match=r"cubes\.table = 'mine\.csv': no such file"):
        cubes_by_field(folder, [HERE], CubeSettings(table="mine.csv"))


def test_simulated_exposures_are_numbered_and_say_so():
    headers = [primary_header(), primary_header(ARCFILE="MUSE.B.fits")]
    found = simulated_entries(headers)
    assert [(one.exposure_id, one.simulation_index, one.origin) for one in found] == [
        (NAME, 0, SIMULATED), ("MUSE.B", 1, SIMULATED)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "mode", "excluded"),
    [(0, "WFM-AO-N", True), (1, "WFM-AO-N", True), (-1, "WFM-AO-N", True), (2, "WFM-AO-N", False),
     (-2, "WFM-AO-N", False), (0, "WFM-AO-E", False)],
)  # fmt: skip
def test_of_two_cubes_of_one_exposure_the_observatory_s_is_used(seconds, mode, excluded):
    theirs = entry("P", origin=PRODUCT)
    ours = entry("R", origin=RAW, mode=mode, mjd=START_MJD + seconds / 86400)
    found = inputs.without_doubles([ours, theirs])
    assert [one.exposure_id for one in found] == ["R", "P"]
    assert found[0].excluded == ("the observatory's reduction P of it is used" if excluded else "")
    assert found[1].excluded == ""


def test_only_what_was_reduced_here_gives_way():
    same = [entry("P", origin=PRODUCT), entry("C", origin=CUBE), entry("Q", origin=PRODUCT)]
    assert [one.excluded for one in inputs.without_doubles(same)] == ["", "", ""]
    lost = inputs.replace(entry("R", origin=RAW), exposure=None)
    assert inputs.without_doubles([lost, same[0]])[0].excluded == ""


def test_a_header_is_declared_on_a_copy_and_long_keywords_are_hierarchical():
    header = primary_header()
    found = declare(header, (("ESO INS MODE", "X"), ("EXPTIME", 5.0)))
    assert (found["ESO INS MODE"], found["EXPTIME"]) == ("X", 5.0)
    assert (header["ESO INS MODE"], header["EXPTIME"]) == ("WFM-AO-N", 40.0)
    assert declare(header, ()) is header


def test_fits_files_are_found_in_folders_but_not_in_hidden_ones_nor_in_ours(tmp_path):
    names = (
        "a.fits", "b.FIT", "c.fts.gz", "d.fits.fz", "e.fz", "one/two/f.fits", ".g.fits", ".h/i.fits",
        "work/j.fits", "k.txt", "l.fits.txt", "mfits", f"work/{MARK}",
    )  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty.fits").mkdir()
    (tmp_path / "full.fits").mkdir()
    (tmp_path / "full.fits" / "n.fits").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    found = cube_files(tmp_path)
    assert list(found.values()) == [
        "a.fits", "b.FIT", "c.fts.gz", "d.fits.fz", "e.fz", "empty.fits", "full.fits/n.fits",
        "one/two/f.fits",
    ]  # fmt: skip
    assert found[tmp_path / "one" / "two" / "f.fits"] == "one/two/f.fits"


def test_a_folder_that_is_not_there_or_holds_no_fits_file_is_named(tmp_path):
    with pytest.raises(SourceUnavailable, match="no such folder"):
        cube_files(tmp_path / "no")
    with pytest.raises(SourceUnavailable, match=r"holds no \.fits file"):
        cube_files(tmp_path)
