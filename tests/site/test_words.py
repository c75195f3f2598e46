"""Language of the built pages, those written by hand among them: what a reader reads, in plain words."""

import html
import re
from pathlib import Path

import pytest

from pipeline.report.site.redirects import MOVED
from pipeline.schema import TABLES
from tests.report.test_language import LONGEST, SENTENCES, Prose

# There columns are what the pages are about.
ON_COLUMNS = {"downloads.html", "use_in_python.html", "settings.html", "changelog.html"}
DETAILS = 6  # pages of single stars and exposures that are read


def pages(site: Path) -> list[Path]:
    found = [path for path in sorted(site.glob("*.html")) if path.name not in MOVED]
    for kind in ("stars", "exposures"):
        for folder in sorted(site.glob(f"{kind}/*")):
            found += sorted(folder.glob("*.html"))[:DETAILS]
    return found


@pytest.fixture(scope="module")
def words(site: Path) -> dict[str, Prose]:
    """Prose of every page, within what the theme puts around it."""
    found = {}
    for path in pages(site):
        text = path.read_text(encoding="utf-8")
        body = re.search(r"<(?:article|main)\b.*?</(?:article|main)>", text, re.DOTALL)
        assert body, path
        found[path.relative_to(site).as_posix()] = Prose(body[0])
    return found


def test_no_page_holds_a_sentence_that_readers_could_not_follow(site: Path) -> None:
    for path in pages(site):
        plain = html.unescape(path.read_text(encoding="utf-8"))
        assert [one for one in SENTENCES if one in plain] == [], path.name


def test_no_prose_holds_the_name_of_a_column(words: dict[str, Prose]) -> None:
    columns = {column.name for table in TABLES.values() for column in table if "_" in column.name}
    found = {
        (name, word)
        for name, prose in words.items()
        if name not in ON_COLUMNS
        for word in re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b", " ".join(prose.prose))
        if word in columns
    }
    assert found == set()


def test_sentences_of_captions_are_short(words: dict[str, Prose]) -> None:
    found = [
        (name, len(sentence.split()), sentence)
        for name, prose in words.items()
        for caption in prose.captions
        for sentence in re.split(r"(?<=[.:;?!])\s+", " ".join(caption.split()))
        if len(sentence.split()) > LONGEST
    ]
    assert found == []
