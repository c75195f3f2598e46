"""No number of a page is written twice by hand: with other data every one of them is another.

The campaigns are rendered three times: as they are, with every measured number changed, and with fewer
exposures, stars and other counts. A number that stays the same in the same sentence is none of the
data. It must be a name, a date, a setting's or definition's own, a value of the literature or of the real
instrument, or stand in the list of exceptions with its reason.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.settings import Settings
from pipeline.published.observed import channel_flats, literature, repeatability, slice_rows
from pipeline.report import render, rows
from pipeline.report.downloads.table_formats import LARGE_DIGITS
from pipeline.report.figures.spectra import smoothing_window
from pipeline.report.pages.cut_outs import CUT_PX
from pipeline.report.site import rendering
from pipeline.schema import TABLES
from pipeline.schema.definitions import DEFINITIONS
from tests.report import factory
from tests.report.other_numbers import fewer_rows, other_values
from tests.report.test_language import listed

CHANGELOG = "changelog.md"  # holds numbers of former versions, which the gate of numbers checks
FIRST_SEED = 1  # with which no count of stars comes out the same by chance
EXCEPTIONS = Path(__file__).parent / "numbers_written_by_hand.txt"
OF_PAGES = "page: "  # begins the exceptions that this test needs
BLOCKS = {"p", "li", "dd", "dt", "figcaption", "h1", "h2", "h3", "td", "th", "option", "summary"}
SILENT = {"code", "pre", "script", "style", "svg", "math"}
VOID = {"br", "img", "input", "meta", "link", "source", "hr", "path", "circle"}
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*\d)")
Shapes = dict[str, dict[str, list[tuple[str, ...]]]]  # page -> sentence without numbers -> numbers
# Names and dates that hold digits: not numbers of a result.
NAMES = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+)?|v\d{4}\.\d{2}|\d{4}\.\d{2}\b|MUSE\.\S+|LTT ?\d+\S*|NGC ?\d+|"
    r"\b\d{1,3}/\d{1,3}\b|(?:[Ss]tars?|[Cc]hannels?|Figure|Table|DR|UCD|VOTable|BINARY|sha|SHA-?)(?: |-)?"
    r"(?:\d+(?:, | and )?)+|\b(?:19|20)\d\d\b|10\.\d{4,}/\S+|https?://\S+"
)


CELL = re.compile(
    r"^[\s#±+\-−–,.×()%/]*(?:[kM]B|Å|px|s|W/m|yr)?[\s#±+\-−–,.()%]*$"
)  # nothing but numbers


class Text(HTMLParser):
    """The words of a page, block by block."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.blocks: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        self._open.append(tag)
        if tag in BLOCKS:
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not SILENT & set(self._open) and self.blocks and BLOCKS & set(self._open):
            self.blocks[-1] += data


def sentences(path: Path) -> Iterator[str]:
    """Every block of a page in plain words, headings of Markdown among them."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        body = text.split("---\n", 2)[-1]
        yield from (
            re.sub(r"\{.*\}$|^#+(?: \d+\.)?|&#\d+;", "", line)
            for line in body.splitlines()
            if line[:1] == "#"
        )
        text = body
    for block in Text(text).blocks:
        plain = " ".join(html.unescape(block).split())
        if plain:
            yield plain


def masked(sentence: str) -> tuple[str, tuple[str, ...]]:
    """A sentence without its numbers, and they."""
    bare = NAMES.sub(" ", sentence)
    return NUMBER.sub("#", bare), tuple(NUMBER.findall(bare))


def shapes(docs: Path) -> Shapes:
    """Page -> sentence without numbers -> its numbers, once for each time that it stands there."""
    found: Shapes = {}
    written = [one for one in docs.glob("*.md") if one.name != CHANGELOG]
    pages = [*written, *docs.glob("stars/*/*.html"), *docs.glob("exposures/*/*.html")]
    for path in sorted(pages):
        key = path.name if path.suffix == ".md" else path.parts[-3]
        for sentence in sentences(path):
            shape, numbers = masked(sentence)
            if numbers:
                found.setdefault(key, {}).setdefault(shape, []).append(numbers)
    return found


@pytest.fixture(scope="module")
def renderings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shapes]:
    """Sentences and numbers of the report as it is, with other values, and with fewer rows."""
    base = [factory.published(), factory.campaign()]
    kinds = {
        "as it is": base,
        "other values": [other_values(one, seed) for seed, one in enumerate(base, FIRST_SEED)],
        "fewer rows": [fewer_rows(one) for one in base],
    }
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for slow in (
            "write_figures",
            "_write_preview",
        ):  # pictures hold no number that a text lacks
            patch.setattr(rendering, slow, lambda *_: None)
        for name, campaigns in kinds.items():
            docs = tmp_path_factory.mktemp("numbers") / "docs"
            render(campaigns, factory.build_info(), docs)
            found[name] = shapes(docs)
    return found


def staying(renderings: dict[str, Shapes]) -> Iterator[tuple[str, str, str, str]]:
    """Page, sentence without numbers, sentence, and number of each that no change of data changes."""
    one, *others = renderings.values()
    for page, known in one.items():
        for shape, stands in known.items():
            for k, numbers in enumerate(stands):
                found = [other.get(page, {}).get(shape, []) for other in others]
                seen = [rows_of[k] for rows_of in found if k < len(rows_of)]
                for i, number in enumerate(numbers):
                    if seen and all(row[i] == number for row in seen):
                        yield page, shape, filled(shape, numbers), number


def filled(shape: str, numbers: tuple[str, ...]) -> str:
    """The sentence with its numbers again."""
    parts = shape.split("#")
    return "".join(f"{part}{number}" for part, number in zip(parts, (*numbers, ""), strict=False))


def registered_texts() -> list[str]:
    """What is defined once and printed as it stands: definitions, columns, notes of other work."""
    texts = [
        text
        for one in DEFINITIONS.values()
        for text in (one.name, one.formula, one.entered, one.interval, one.label)
    ]
    texts += [column.description for table in TABLES.values() for column in table]
    texts += [text for one in literature() for text in (one.as_given, one.what, one.source)]
    texts += [str(row[name]) for row in repeatability() for name in ("what", "source")]
    for results in (factory.published(), factory.campaign()):
        texts += results.notes
        for table in results.tables.values():
            words = [name for name in table.colnames if table[name].dtype.kind == "U"]
            texts += [str(one) for name in words for one in set(table[name].tolist())]

    whole = {bare(text) for text in texts if NUMBER.search(text) and len(text.split()) > 1}
    return sorted(whole, key=len, reverse=True)


def bare(text: str) -> str:
    return " ".join(NAMES.sub(" ", text).split())


def registered_numbers() -> list[float]:
    """Settings, values of the literature and of the real instrument, and how many there are of what."""
    numbers = list(leaves(asdict(Settings())))
    numbers += [one.per_cent for one in literature()]
    for row in repeatability():
        numbers += [float(row[name]) for name in ("rms_percent", "largest_percent")]
    flats, slices = channel_flats(), slice_rows()
    channel, lamp = np.asarray(flats["channel"]), rows.plain(flats["lamp_percent"])
    numbers.append(max(float(np.ptp(lamp[channel == one])) for one in set(channel.tolist())))
    reach = [
        np.abs(rows.plain(slices[f"{end}_percent"])) for end in ("lowest", "highest", "median")
    ]
    numbers.append(float(np.max(reach)))
    numbers += [float(np.ptp(rows.plain(channel_flats()["temperature_c"]))), 2 * CUT_PX + 1]
    step_aa = float(np.diff(next(iter(factory.campaign().spectra.values())).wave_aa)[0])
    numbers += [LARGE_DIGITS, step_aa * smoothing_window(step_aa)]
    for results in (factory.published(), factory.campaign()):
        exposures = results.tables["exposures"]
        numbers += [len(table) for table in results.tables.values()]
        numbers += [
            len(set(exposures["night"].tolist())),
            len(results.numbers),
            len(results.tables),
        ]
        for name in ("mode", "status"):
            numbers += list(Counter(exposures[name].tolist()).values())
        numbers += [
            len(rows.headline_pairs(results)),
            len(results.settings.get("extraction", {}).get("radii_px", ())),
        ]
    return numbers


def leaves(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def values_of_tables() -> np.ndarray:
    """Every number in every table, for cells that hold nothing but numbers."""
    found = []
    for results in (factory.published(), factory.campaign()):
        for table in results.tables.values():
            for name in table.colnames:
                values = (
                    rows.plain(table[name])
                    if np.asarray(getattr(table[name], "value", table[name])).dtype.kind in "if"
                    else np.array([])
                )
                found.append(values[np.isfinite(values)])
    return np.concatenate(found)


def prints(number: str, values: np.ndarray) -> bool:
    """Whether one of the values, or it in per cent, is printed so."""
    digits = len(number.partition(".")[2])
    half = 0.5 * 10.0**-digits * (1 + 1e-9)
    wanted = float(number)
    return bool((np.abs(np.concatenate([values, 100 * values]) - wanted) <= half).any())


def test_every_number_of_every_page_comes_from_the_data_or_is_registered(
    renderings: dict[str, Shapes],
) -> None:
    texts, numbers = registered_texts(), np.array(registered_numbers())
    cells = np.abs(values_of_tables())
    exceptions = [text.removeprefix(OF_PAGES) for text in listed(EXCEPTIONS)]
    needed: set[str] = set()
    untraced: set[tuple[str, str]] = set()
    for page, shape, sentence, number in staying(renderings):
        rest = sentence
        for text in texts:
            rest = rest.replace(text, " ")
        if number not in NUMBER.findall(rest):
            continue
        if CELL.match(shape) and prints(number, np.concatenate([cells, numbers])):
            continue
        if prints(number, numbers):
            continue
        fits = {text for text in exceptions if text in f"{page}: {sentence}"}
        needed |= fits
        if not fits:
            untraced.add((page, sentence))
    assert sorted(untraced) == []
    ours = {text.removeprefix(OF_PAGES) for text in listed(EXCEPTIONS) if text.startswith(OF_PAGES)}
    assert ours - needed == set(), "exceptions that nothing needs"


def test_most_numbers_change_with_the_data(renderings: dict[str, Shapes]) -> None:
    one = renderings["as it is"]
    total = sum(
        len(numbers) for known in one.values() for rows_of in known.values() for numbers in rows_of
    )
    seen = {
        (page, shape)
        for name in ("other values", "fewer rows")
        for page, known in renderings[name].items()
        for shape in known
    }
    unmatched = sum(
        len(numbers)
        for page, known in one.items()
        for shape, rows_of in known.items()
        if (page, shape) not in seen
        for numbers in rows_of
    )
    assert total > 3000
    assert unmatched < 0.1 * total, "sentences whose words change with the data"


def test_a_number_written_by_hand_would_be_found(renderings: dict[str, Shapes]) -> None:
    added = {
        name: {**known, "x.md": {"scatters by # %": [("7.31",)]}}
        for name, known in renderings.items()
    }
    found = [number for page, _, _, number in staying(added) if page == "x.md"]
    assert found == ["7.31"]
    assert not prints("7.31", np.array(registered_numbers()))
