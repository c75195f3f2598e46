"""report.toml: what is accepted, and what each mistake is told."""

import dataclasses
from pathlib import Path

import pytest

from pipeline.config.loader import read_settings
from pipeline.config.settings import Settings
from pipeline.errors import ConfigError

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
            assert f"\n{key.name} = " in text


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
        ("[extraction]\nmask = 'round'\n", 'choose "center" or "exact"'),
        ("[statistics]\nradius_px = 4.0\n", "4.0 is not among extraction.radii_px"),
        ("[statistics]\nband = 'V'\n", "'V' is not among photometry.bands"),
        ("[photometry]\nbands = []\n", "name at least one passband"),
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


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read"):
        read_settings(tmp_path / "nowhere.toml")
