"""Names of versions: which may be published, how they are ordered, where each is served."""

import pytest

from pipeline.errors import ConfigError
from pipeline.schema.labels import is_version, newest, order, version_url


@pytest.mark.parametrize("label", ["v2026.01", "v2026.12", "v2026.11.1", "v2026.11.9999"])
def test_a_year_a_month_and_a_number_make_a_version(label):
    assert is_version(label) is True


@pytest.mark.parametrize(
    "label", ["", "2026.11", "v2026.13", "v2026.00", "v2026.11.0", "v1926.11", "v2026.11.1.1", "v2026.11 "]
)  # fmt: skip
def test_anything_else_is_no_version(label):
    assert is_version(label) is False
    with pytest.raises(ValueError, match=r"is not of the form vYYYY\.MM"):
        order(label)


def test_versions_are_ordered_by_year_month_and_number_as_numbers():
    labels = ["v2026.11", "v2026.11.1", "v2026.11.2", "v2026.11.10", "v2026.12", "v2027.01"]
    assert [order(label) for label in labels] == [
        (2026, 11, 0), (2026, 11, 1), (2026, 11, 2), (2026, 11, 10), (2026, 12, 0), (2027, 1, 0)
    ]  # fmt: skip
    assert sorted(labels, key=order) == labels


def test_the_newest_before_a_version_is_never_that_version_itself():
    labels = ["v2026.11.2", "v2026.9", "v2026.11.10", "v2026.11"]
    labels[1] = "v2026.09"
    assert newest(labels) == "v2026.11.10"
    assert newest(labels, before="v2026.11.10") == "v2026.11.2"
    assert newest(labels, before="v2026.11") == "v2026.09"
    assert newest(labels, before="v2026.09") == ""
    assert newest([]) == ""


def test_a_version_has_an_address_below_that_of_all_versions():
    assert version_url("https://host.org/a/", "v2026.11") == "https://host.org/a/v2026.11/"
    assert version_url("http://host.org:8000", "v2026.11") == "http://host.org:8000/v2026.11/"
    assert version_url("", "any") == ""


@pytest.mark.parametrize(
    "address", ["host.org", "ftp://host.org", "https://host.org/?q", "https://host.org/#a"]
)
def test_an_address_that_no_page_can_be_served_under_is_refused(address):
    with pytest.raises(ConfigError, match=r"--site-url .* without query and fragment"):
        version_url(address, "v2026.11")


def test_a_version_with_an_address_needs_a_name_of_the_form():
    with pytest.raises(ConfigError, match=r"--version-label 'draft'.*vYYYY\.MM"):
        version_url("https://host.org/", "draft")
