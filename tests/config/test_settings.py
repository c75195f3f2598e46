"""report.toml: what is accepted, and what each mistake is told."""

import dataclasses
import tomllib
from pathlib import Path

import pytest

from pipeline.config.documentation import setting_rows, settings_markdown
from pipeline.config.loader import parse_section, read_settings
from pipeline.config.setting import Section, setting
from pipeline.config.settings import Settings
from pipeline.errors import ConfigError
from pipeline.published import PAIRS

FOLLOWS = (("field", "pixel_scale_arcsec"),)  # from another setting, unless given
HOW_TO_WRITE = "python -m pipeline.config.documentation > site_src/settings.md"
SHIPPED = Path(__file__).parents[2] / "report.toml"


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "report.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_shipped_file_states_every_default():
    assert read_settings(SHIPPED) == Settings()
    text = SHIPPED.read_text(encoding="utf-8")
    for section in dataclasses.fields(Settings):
        assert f"[{section.name}]" in text
        if not dataclasses.is_dataclass(section.type):
            continue  # [[more_fields]]: there are none by default
        for key in dataclasses.fields(section.type):
            assert f"\n{key.name} = " in text or (section.name, key.name) in FOLLOWS


def test_a_key_that_is_left_out_keeps_its_default(toml):
    settings = read_settings(toml("[detection]\nfwhm_px = 4\n"))
    assert settings.detection.fwhm_px == 4.0
    assert settings.detection.threshold_sigma == Settings().detection.threshold_sigma


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[detektion]\n", "unknown section 'detektion'; known are: campaign, field"),
        (
            "[detection]\nfwhm = 5\n",
            r"unknown key 'detection.fwhm'; known are: .*detection.fwhm_px",
        ),
        ("[detection]\nfwhm_px = '5'\n", "detection.fwhm_px = '5': float expected, not str"),
        ("[simulation]\nseed = true\n", "simulation.seed = True: int expected, not bool"),
        ("[simulation]\nseed = 1.5\n", "simulation.seed = 1.5: int expected, not float"),
        ("[detection]\nfwhm_px = nan\n", "not finite"),
        ("detection = 3\n", r"detection must be a section, \[detection\]"),
        ("[statistics]\npairs = [[2]]\n", r"statistics.pairs = \[2\]: 2 values expected"),
        ("[statistics]\npairs = [[2, 2]]\n", r"pairs holds \[2, 2\]"),
        ("[statistics]\npairs = 2\n", "statistics.pairs = 2: a list expected"),
        ("[extraction]\nradii_px = [3.5, 1.5]\n", "must increase"),
        ("[extraction]\nmask = 'round'\n", 'choose "center", "exact" or "psf"'),
        ("[statistics]\nradius_px = 4.0\n", "4.0 is not among extraction.radii_px"),
        ("[statistics]\nband = 'V'\n", "'V' is not among photometry.bands"),
        ("[photometry]\nbands = []\n", "photometry.bands is empty: name at least one"),
        ("[campaign]\nname = '../x'\n", "use up to 64 letters"),
        ("[field]\nra_deg = 400\n", "outside 0 to 360"),
        ("[detection\n", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_file_key_and_remedy(toml, text, message):
    path = toml(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_settings(path)
    assert str(path) in str(caught.value)


def test_the_default_pairs_are_those_of_the_study():
    assert Settings().statistics.pairs == PAIRS


def test_a_renamed_key_is_accepted_with_a_warning(toml, caplog):
    settings = read_settings(toml('[extraction]\nmask = "exact"\n'))
    assert settings.extraction.method == "exact"
    assert "extraction.mask is now called extraction.method" in caplog.text
    with pytest.raises(ConfigError, match="both are given"):
        read_settings(toml('[extraction]\nmask = "exact"\nmethod = "exact"\n'))
    with pytest.raises(ConfigError, match=r"extraction\.method = 'round': choose"):
        read_settings(toml('[extraction]\nmask = "round"\n'))


def test_a_key_of_today_is_accepted_without_a_word(toml, caplog):
    assert read_settings(toml('[extraction]\nmethod = "exact"\n')).extraction.method == "exact"
    assert not caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[photometry]\nbands = ["V_Bessel", "I_Bessel"]\n'
            '[field]\nmodes = ["WFM-NOAO-N", "WFM-AO-N"]\n',
            "'V_Bessel', 4700-7000 A, which is inside no mode of field.modes: WFM-NOAO-N 4750-9350 A",
        ),
        ('[photometry]\nbands = ["J", "I_Bessel"]\n', "'J' is unknown; known are: I_Bessel, R_"),
        ('[photometry]\nbands = ["I_Bessel", "I_Bessel"]\n', "named twice"),
        (
            "[statistics]\npairs = [[2, 22], [3, 77], [78, 3]]\n",
            "names star 77, 78, which field.star",
        ),
        ("[statistics]\npairs = [[2, 22], [2, 22]]\n", "more than once"),
        ('[field]\nstar_registry = "nowhere.ecsv"\n', "columns id, x, y is needed"),
        ('[field]\nmodes = ["WFM-AO-N", "NFM-AO-N"]\n', r"pixels of \[0.025, 0.2\] arcsec"),
        ('[field]\nmodes = ["MFM"]\n', 'choose "WFM-NOAO-N", "WFM-NOAO-E"'),
        ("[field]\nmodes = []\n", "field.modes is empty"),
    ],
)
def test_a_combination_that_cannot_work_is_refused_before_any_cube_is_read(toml, text, message):
    with pytest.raises(ConfigError, match=message):
        read_settings(toml(text))


def test_a_band_of_the_blue_modes_only_is_accepted_with_them(toml):
    settings = read_settings(toml('[photometry]\nbands = ["V_Bessel", "I_Bessel"]\n'))
    assert settings.photometry.bands == ("V_Bessel", "I_Bessel")


def test_the_pixel_scale_follows_from_the_modes_unless_it_is_given(toml):
    narrow = '[field]\nmodes = ["NFM-AO-N"]\n'
    assert read_settings(toml("")).field.pixel_scale_arcsec == 0.2
    assert read_settings(toml(narrow)).field.pixel_scale_arcsec == 0.025
    assert (
        read_settings(toml(narrow + "pixel_scale_arcsec = 0.05\n")).field.pixel_scale_arcsec == 0.05
    )


def test_pairs_that_are_left_out_beside_another_registry_are_chosen_by_rule(toml):
    assert read_settings(toml('[field]\nstar_registry = ""\n')).statistics.pairs == ()
    text = '[field]\nstar_registry = ""\n[statistics]\npairs = [[1, 2]]\n'
    assert read_settings(toml(text)).statistics.pairs == ((1, 2),)


def test_a_registry_beside_the_configuration_is_read_and_a_number_in_it_twice_is_refused(toml):
    path = toml('[field]\nstar_registry = "mine.ecsv"\n[statistics]\npairs = [[7, 9]]\n')
    head = "# %ECSV 1.0\n# ---\n# datatype:\n" + "".join(
        f"# - {{name: {name}, datatype: {kind}}}\n"
        for name, kind in (("id", "int64"), ("x", "float64"), ("y", "float64"))
    )
    registry = path.with_name("mine.ecsv")
    registry.write_text(head + "id x y\n7 1.0 2.0\n9 30.0 40.0\n")
    assert read_settings(path).statistics.pairs == ((7, 9),)
    registry.write_text(head + "id x y\n7 1.0 2.0\n7 30.0 40.0\n")
    with pytest.raises(ConfigError, match="star 7 is in it twice"):
        read_settings(path)


def test_a_section_may_hold_lists_of_tables():
    @dataclasses.dataclass(frozen=True)
    class Target(Section):
        section = "targets"
        name: str = setting("", "its name", stages=("reference",), required=True)
        ra_deg: float = setting(0.0, "where it is", stages=("reference",), low=0, below=360)

    @dataclasses.dataclass(frozen=True)
    class Sky(Section):
        section = "sky"
        targets: tuple[Target, ...] = setting((), "what is shown", stages=("reference",))

    hints = {"Target": Target}
    parsed = parse_section({"targets": [{"name": "A", "ra_deg": 5}, {"name": "B"}]}, Sky, hints)
    assert parsed == Sky((Target("A", 5.0), Target("B")))
    with pytest.raises(ConfigError, match=r"sky\.targets\.name is missing"):
        parse_section({"targets": [{}]}, Sky, hints)
    with pytest.raises(ConfigError, match=r"targets.ra_deg = 400.0: outside 0 to 360"):
        parse_section({"targets": [{"name": "A", "ra_deg": 400}]}, Sky, hints)


def test_the_reference_of_settings_is_made_from_their_definitions():
    page = (SHIPPED.parent / "site_src" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_markdown(), HOW_TO_WRITE
    rows = {(row.section, row.key): row for row in setting_rows()}
    assert rows["statistics", "radius_px"].default == "4.5"
    assert rows["extraction", "method"].former_names == ("extraction.mask",)
    assert rows["more_fields", "name"].default == ""
    assert "`pairs` | list of (whole number, whole number)" in page


@pytest.mark.parametrize(
    "path", sorted(SHIPPED.parent.glob("examples/*.toml")), ids=lambda path: path.name
)
def test_examples_use_the_names_of_today(path, caplog):
    read_settings(path)
    assert caplog.messages == []


def test_every_default_in_the_reference_is_what_the_shipped_file_states():
    shipped = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    for row in setting_rows():
        if row.section in shipped and row.key in shipped[row.section]:
            assert tomllib.loads(f"x = {row.default}")["x"] == shipped[row.section][row.key]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        read_settings(tmp_path / "nowhere.toml")
