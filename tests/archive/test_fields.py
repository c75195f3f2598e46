"""More fields: by the name of a standard star, or by name and coordinates."""

import pytest

from pipeline.config.loader import read_settings
from pipeline.config.settings import Settings
from pipeline.config.standards import find_standard, known_standards, same_star
from pipeline.errors import ConfigError


@pytest.fixture
def settings_of(tmp_path):
    def read(text):
        path = tmp_path / "report.toml"
        path.write_text(text, encoding="utf-8")
        return read_settings(path)

    return read


def test_one_field_is_one_campaign():
    settings = Settings()
    assert settings.campaigns() == (settings,)


def test_a_known_standard_needs_its_name_only(settings_of):
    first, second = settings_of('[[more_fields]]\nname = "EG 274"\n').campaigns()
    assert first.field.name == "LTT 3218"
    assert (second.field.name, second.field.ra_deg) == ("EG 274", 245.891)
    assert second.campaign.name == "eg-274-2019"
    assert second.field.radius_arcmin == first.field.radius_arcmin


def test_what_names_stars_or_exposures_of_the_first_field_is_not_taken_over(settings_of):
    _, second = settings_of('[[more_fields]]\nname = "EG 274"\npairs = [[1, 2]]\n').campaigns()
    assert second.reference.prefer == ()
    assert second.field.star_registry == ""
    assert second.statistics.pairs == ((1, 2),)


def test_any_other_field_needs_coordinates(settings_of):
    text = '[[more_fields]]\nname = "My star"\nra_deg = 10\ndec_deg = -20.5\n'
    assert settings_of(text).campaigns()[1].field.dec_deg == -20.5
    with pytest.raises(ConfigError, match="not in the table of standard stars; known are LTT 3218"):
        settings_of('[[more_fields]]\nname = "My star"\n')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[more_fields]]\nra_deg = 1\n", "more_fields.name is missing"),
        ("[more_fields]\nname = 'EG 274'\n", "list of sections"),
        ("[[more_fields]]\nname = 'EG 274'\ncolour = 1\n", "unknown key"),
        ("[[more_fields]]\nname = 'EG 274'\n" * 2, "share the campaign name"),
        ("[[more_fields]]\nname = 'X'\nra_deg = 400\ndec_deg = 0\n", "outside 0 to 360"),
        ("[archive]\nyears = [1998]\n", "MUSE observes since 2014"),
        ("[archive]\ntap_url = 'ftp://x'\n", "https:// or http://"),
        ("[archive]\ndata_url = 'https://user:secret@host/x'\n", "https:// or http://"),
        ("[archive]\nconnections = 50\n", "outside 1 to 8"),
    ],
)
def test_each_mistake_is_reported(settings_of, text, message):
    with pytest.raises(ConfigError, match=message):
        settings_of(text)


def test_star_names_are_compared_by_alias_and_without_spelling():
    assert same_star("LTT3218", "WD-0839-327")
    assert same_star("lawd74", "EG 131")
    assert same_star("My Star", "my-star")
    assert not same_star("EG 274", "EG 21")
    assert find_standard("nonesuch") is None
    assert len(known_standards()) == 13
