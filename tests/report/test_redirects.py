"""Addresses of the last version stay good."""

from pathlib import Path

from pipeline.report.site.redirects import MOVED, redirects

ADDRESSES = Path(__file__).parent / "addresses_of_the_last_version.txt"


def addresses() -> list[str]:
    return ADDRESSES.read_text(encoding="utf-8").split()


def test_every_page_of_the_last_version_is_there_or_leads_on(docs: Path) -> None:
    pages = {f"{path.stem}.html" for path in docs.glob("*.md")} | {"404.html"}
    found = redirects(pages)
    assert set(found.values()) <= pages
    old = [one for one in addresses() if one.endswith(".html")]
    assert len(old) == 19
    assert [one for one in old if one not in pages and one not in found] == []


def test_an_old_anchor_is_on_the_page_that_the_old_address_leads_to(docs: Path) -> None:
    exposures = (docs / "exposures.md").read_text(encoding="utf-8")
    stars = (docs / "stars.md").read_text(encoding="utf-8")
    assert MOVED["data.html"] == ("exposures.html",)
    assert 'id="record-published-ltt3218.2019-03-10.wfm-ao-n"' in exposures
    assert MOVED["detection.html"] == ("stars.html",)
    assert 'id="demo-simulated-star-4"' in stars


def test_of_several_places_the_first_that_is_there_is_taken() -> None:
    assert redirects({"explore.html", "pairs.html"})["timelines.html"] == "explore.html"
    assert redirects({"pairs.html"})["timelines.html"] == "pairs.html"
    assert "timelines.html" not in redirects({"timelines.html", "pairs.html"})
    assert redirects(set()) == {}
