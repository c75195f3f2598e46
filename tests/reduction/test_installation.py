"""Recipes are found where packages and kits put them, and mixed ones are refused."""

import shutil
import stat
from pathlib import Path

import pytest

from pipeline.errors import ParameterUnknown, RecipesMissing
from pipeline.reduction.installation import find_installation, plugin_versions, static_folders
from pipeline.reduction.runners import EsorexRunner, check_parameters, recipes_version
from pipeline.reduction.statics import installed_tables, tables_for
from pipeline.simulation.raw.static import write_static_tables
from tests.reduction.conftest import recipes_or_skip

KIT_FOLDERS = {
    "ESO": "lib/esopipes-plugins/muse-2.10.14",
    "Homebrew": "lib/esopipes-plugins/muse-2.10.14",
    "RPM": "lib64/esopipes-plugins/muse-2.10.14",
    "Debian": "lib/x86_64-linux-gnu/cpl/plugins/muse-2.10.14",
}
STATICS = {
    "ESO": "calib/muse-2.10.14/cal",
    "Homebrew": "share/esopipes/datastatic/muse-2.10.14",
    "RPM": "share/esopipes/datastatic/muse-2.10.14",
    "Debian": "share/esopipes/datastatic/muse-2.10.14",
}


def esorex(path, version, parameters="nifu saveimage skymethod save"):
    """An esorex whose recipes say that they are of a version and have these parameters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = "".join(f" echo '  {name} : 0'\n" for name in parameters.split())
    path.write_text(
        '#!/bin/sh\nfor option; do case "$option" in\n'
        f"--man-page) echo '  muse_bias -- version {version}';;\n"
        f"--params) echo 'Recipe Parameters :'\n{listed};;\n"
        "esac; done\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


def kit(prefix, folder, version="2.10.14"):
    """A kit: esorex and one folder of recipes below a prefix."""
    plugins = prefix / folder
    plugins.mkdir(parents=True)
    (plugins / "muse_bias.so").touch()
    return esorex(prefix / "bin" / "esorex", version), plugins


def variables(home, *, path="", **more):
    """An environment in which nothing else is found."""
    return {"HOME": str(home), "PATH": str(path), **more}


@pytest.mark.parametrize("layout", KIT_FOLDERS)
def test_a_kit_is_found_by_the_esorex_on_the_path(tmp_path, layout):
    program, plugins = kit(tmp_path / "kit", KIT_FOLDERS[layout])
    found = find_installation(environment=variables(tmp_path, path=program.parent))
    assert (found.program, found.plugins, found.version) == (program, plugins, "2.10.14")
    assert found.found_by == "path"


def test_homebrews_links_lead_to_its_cellar(tmp_path):
    """PREFIX/bin and PREFIX/lib are links into one folder a package and version."""
    prefix, cellar = tmp_path / "homebrew", tmp_path / "homebrew" / "Cellar"
    program = esorex(cellar / "esorex/3.13.8/bin/esorex", "2.10.14")
    plugins = cellar / "esopipe-muse/2.10.14/lib/esopipes-plugins/muse-2.10.14"
    plugins.mkdir(parents=True)
    (plugins / "muse_bias.so").touch()
    for link, target in (
        ("bin/esorex", program),
        ("lib/esopipes-plugins/muse-2.10.14", plugins),
    ):
        (prefix / link).parent.mkdir(parents=True, exist_ok=True)
        (prefix / link).symlink_to(target)
    found = find_installation(environment=variables(tmp_path, path=prefix / "bin"))
    assert found.version == "2.10.14"
    assert found.plugins == prefix / "lib/esopipes-plugins/muse-2.10.14"


def test_conda_is_found_by_its_own_variable(tmp_path):
    program, plugins = kit(tmp_path / "env", KIT_FOLDERS["ESO"])
    found = find_installation(environment=variables(tmp_path, CONDA_PREFIX=str(tmp_path / "env")))
    assert (found.program, found.plugins) == (program, plugins)


def test_the_setting_goes_before_environment_configuration_and_path(tmp_path):
    kits = {name: kit(tmp_path / name, KIT_FOLDERS["ESO"]) for name in ("set", "env", "rc", "path")}
    (tmp_path / ".esorex").mkdir()
    (tmp_path / ".esorex" / "esorex.rc").write_text(
        "# recipes\nesorex.caller.recipe-dir=/nowhere:" + str(kits["rc"][1].parent) + "\n"
    )
    told = variables(
        tmp_path, path=kits["path"][0].parent, ESOREX_PLUGIN_DIR=str(kits["env"][1].parent)
    )
    assert find_installation(str(kits["set"][1]), told).plugins == kits["set"][1]
    assert find_installation(environment=told).plugins == kits["env"][1]
    del told["ESOREX_PLUGIN_DIR"]
    found = find_installation(environment=told)
    assert (found.plugins, found.found_by) == (kits["rc"][1], "configuration")
    (tmp_path / ".esorex" / "esorex.rc").unlink()
    assert find_installation(environment=told).plugins == kits["path"][1]


def test_a_configuration_named_in_the_environment_is_read(tmp_path):
    program, plugins = kit(tmp_path / "kit", KIT_FOLDERS["ESO"])
    named = tmp_path / "mine.rc"
    named.write_text(f"esorex.caller.recipe-dir={plugins}\n")
    told = variables(tmp_path, path=program.parent, ESOREX_CONFIG=str(named))
    assert find_installation(environment=told).found_by == "configuration"


def test_of_two_versions_beside_each_other_the_newer_is_used(tmp_path):
    _, plugins = kit(tmp_path / "kit", KIT_FOLDERS["ESO"])
    older = plugins.with_name("muse-2.8.7")
    older.mkdir()
    (older / "muse_bias.so").touch()
    assert plugin_versions(plugins.parent) == [older, plugins]  # and not in the order of letters
    found = find_installation(str(plugins.parent), variables(tmp_path))
    assert found.plugins == plugins


def test_an_esorex_of_one_kit_with_recipes_of_another_is_refused(tmp_path):
    program, _ = kit(tmp_path / "kit", KIT_FOLDERS["ESO"])
    lonely = tmp_path / "other" / KIT_FOLDERS["ESO"]
    lonely.mkdir(parents=True)
    (lonely / "muse_bias.so").touch()
    with pytest.raises(RecipesMissing, match="of different installations"):
        find_installation(str(lonely), variables(tmp_path, path=program.parent))


def test_recipes_that_say_another_version_than_their_folder_are_refused(tmp_path):
    program, _ = kit(tmp_path / "kit", KIT_FOLDERS["ESO"], version="2.8.7")
    with pytest.raises(RecipesMissing, match=r"version 2\.8\.7: versions are mixed"):
        find_installation(environment=variables(tmp_path, path=program.parent))


def test_a_setting_that_leads_nowhere_is_said(tmp_path):
    with pytest.raises(RecipesMissing, match="no recipes of MUSE in it"):
        find_installation(str(tmp_path), variables(tmp_path))


def test_an_esorex_that_cannot_load_the_recipes_is_said(tmp_path):
    program, _ = kit(tmp_path / "kit", KIT_FOLDERS["ESO"])
    program.write_text("#!/bin/sh\necho 'undefined symbol: cpl_x' >&2\n")
    with pytest.raises(RecipesMissing, match="undefined symbol"):
        find_installation(environment=variables(tmp_path, path=program.parent))


@pytest.mark.parametrize("layout", STATICS)
def test_static_tables_of_a_kit_are_found_by_their_kind(tmp_path, layout):
    _, plugins = kit(tmp_path / "kit", KIT_FOLDERS[layout])
    folder = tmp_path / "kit" / STATICS[layout]
    folder.mkdir(parents=True)
    write_static_tables(folder, "WFM-NOAO-N", ("LTT3218", 130.4, -32.9))
    assert static_folders(plugins, "2.10.14")
    tables = installed_tables(plugins, "2.10.14")
    assert {"EXTINCT_TABLE", "GEOMETRY_TABLE", "FILTER_LIST", "LINE_CATALOG"} <= set(tables)
    assert "STD_RESPONSE" not in tables
    assert installed_tables(plugins, "2.8.7") == {}
    assert installed_tables(tmp_path, "2.8.7", str(folder)) == tables


def test_of_tables_that_change_the_nearest_in_time_of_the_field_is_used(tmp_path):
    from astropy.io import fits

    def table(name, category, mjd, mode):
        header = fits.Header({"MJD-OBS": mjd})
        header["HIERARCH ESO PRO CATG"] = category
        header["HIERARCH ESO INS MODE"] = mode
        path = tmp_path / f"{name}.fits"
        fits.PrimaryHDU(header=header).writeto(path)
        return path

    table("geometry_table_wfm_2014", "GEOMETRY_TABLE", 56900.0, "WFM-NOAO-N")
    near = table("geometry_table_wfm_2017", "GEOMETRY_TABLE", 57900.0, "WFM-NOAO-N")
    narrow = table("geometry_table_nfm_2018", "GEOMETRY_TABLE", 58300.0, "")
    both = table("extinct_table", "EXTINCT_TABLE", 55000.0, "")
    tables = installed_tables(tmp_path, "", str(tmp_path))
    assert tables_for(tables, "WFM-AO-N", 58000.0) == {
        "GEOMETRY_TABLE": near,
        "EXTINCT_TABLE": both,
    }
    assert tables_for(tables, "NFM-AO-N", 57000.0)["GEOMETRY_TABLE"] == narrow


def test_a_renamed_parameter_is_reported_with_what_it_may_be_now(tmp_path):
    program = esorex(tmp_path / "esorex", "2.10.14", "nifu saveimg skymethod save")
    runner = EsorexRunner(tmp_path, str(program), "2.10.14")
    check_parameters(runner, ("muse_scipost.save=cube",))
    with pytest.raises(ParameterUnknown, match=r"muse-2\.10\.14 .*saveimage \(it has saveimg"):
        check_parameters(runner, ("muse_scibasic.saveimage=false",))
    with pytest.raises(ParameterUnknown, match="muse_scipst"):
        check_parameters(runner, ("muse_scipst.save=cube",))


def _linked_debian(tmp_path, name, folder):
    """A kit made of links to the installed files, under another prefix and folder."""
    program = shutil.which("esorex")
    installed = recipes_or_skip("esorex").plugins
    prefix = tmp_path / name
    plugins = prefix / folder
    plugins.mkdir(parents=True)
    for library in installed.glob("*.so"):
        (plugins / library.name).symlink_to(library)
    (prefix / "bin").mkdir()
    (prefix / "bin" / "esorex").symlink_to(Path(program).resolve())
    return prefix, plugins


@pytest.mark.recipes
@pytest.mark.parametrize("layout", ["ESO", "Homebrew", "RPM"])
def test_a_kit_of_links_to_the_installed_recipes_runs_them(tmp_path, layout):
    version = recipes_or_skip("esorex").version
    folder = KIT_FOLDERS[layout].replace("2.10.14", version)
    prefix, plugins = _linked_debian(tmp_path, "kit", folder)
    found = find_installation(environment=variables(tmp_path, path=prefix / "bin"))
    assert (found.plugins, found.version) == (plugins, version)
    runner = EsorexRunner(found.plugins, str(found.program), found.version)
    assert recipes_version(runner) == f"muse-{version}"
    assert {"nifu", "merge", "yorder"} <= runner.parameter_names("muse_wavecal")


@pytest.mark.recipes
def test_links_to_the_installed_recipes_under_a_wrong_version_are_refused(tmp_path):
    recipes_or_skip("esorex")
    prefix, _ = _linked_debian(tmp_path, "kit", "lib/esopipes-plugins/muse-9.9.9")
    with pytest.raises(RecipesMissing, match="versions are mixed"):
        find_installation(environment=variables(tmp_path, path=prefix / "bin"))


@pytest.mark.recipes
@pytest.mark.parametrize("name", ["esorex", "python-cpl"])
def test_the_installed_recipes_have_every_parameter_that_is_set(name):
    from pipeline.config.settings import ReductionSettings

    runner = recipes_or_skip(name)
    check_parameters(runner, ReductionSettings().parameters)
    with pytest.raises(ParameterUnknown, match=r"muse_scipost\.skymetod \(it has skymethod"):
        check_parameters(runner, ("muse_scipost.skymetod=none",))
