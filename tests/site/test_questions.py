"""Ten questions that a reader brings, each answered in at most two clicks from the first page."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy.table import Table

from tests.site.explore_page import READY

pytestmark = pytest.mark.browser

MOST_CLICKS = 2
PER_CENT = r"\d+\.\d %"


class Reader:
    """A reader on the first page, whose clicks are counted; filling in a form is none."""

    def __init__(self, page: Any, base: str) -> None:
        self.page, self.clicks = page, 0
        page.goto(f"{base}index.html")

    def click(self, target: Any) -> None:
        self.clicks += 1
        target.click()
        self.page.wait_for_load_state("load")

    def tab(self, name: str) -> None:
        self.click(self.page.locator(".md-tabs").get_by_role("link", name=name))

    def reads(self, selector: str) -> str:
        """What is seen of the parts of the page that fit."""
        self.page.locator(f"{selector}:visible").first.wait_for()
        return " ".join(
            " ".join(part.inner_text().split())
            for part in self.page.locator(f"{selector}:visible").all()
        )


def how_stable_are_two_bright_stars(reader: Reader) -> None:
    assert re.search(rf"repeats to {PER_CENT} \(95 %: ", reader.reads(".rp-headline"))


def how_stable_are_two_of_snr_200(reader: Reader) -> None:
    reader.page.locator("input[name=snr1]:visible").fill("200")
    reader.page.locator("input[name=snr2]:visible").fill("200")
    assert re.search(rf"{PER_CENT} \(95 %: ", reader.reads(".rp-planner output"))


def is_star_4_drifting(reader: Reader) -> None:
    reader.tab("Stars")
    reader.click(reader.page.locator("tr:visible th a", has_text=re.compile("^4$")).first)
    reader.page.wait_for_url("**/stars/*/4.html")
    said = reader.reads("dl div:has(dt:text-is('Drift with time'))")
    assert re.search(r"(seen|not established); clearest in \S+, p = ", said)
    assert reader.page.locator("figure svg").count() > 0


def what_did_2019_04_27_do(reader: Reader) -> None:
    card = reader.page.locator(".rp-card", has_text="2019-04-27")
    said = " ".join(card.inner_text().split())
    assert "missed their stars" in said
    assert "agree to within a factor of" in said
    reader.click(card.get_by_role("link"))
    assert "2019-04-27" in reader.reads("#outlier")


def show_me_6_against_22_with_ao_only(reader: Reader) -> None:
    form = reader.page.locator("form.rp-show:visible")
    form.locator("[name=a]").select_option("6")
    form.locator("[name=b]").select_option("22")
    form.locator("[name=modes]").select_option(label="with AO only")
    reader.click(form.get_by_role("button"))
    reader.page.wait_for_selector(READY)
    assert reader.reads("#ex-title").startswith("6/22 scatters by")
    shown = reader.page.locator("#ex-modes button[aria-pressed=true]").all_inner_texts()
    assert shown
    assert all("-AO-" in mode for mode in shown)


def is_it_worse_between_channels_than_within_one(reader: Reader) -> None:
    said = reader.reads(".rp-questions div:has(dt:text('between channels'))")
    assert re.search(rf"on different channels and by {PER_CENT} on one|Not known here", said)


def does_ao_change_ratios(reader: Reader) -> None:
    reader.tab("Evidence")
    title = reader.reads("figure[id^=ao-offsets] figcaption strong")
    assert re.search(r"In the same nights AO changes \d+ of \d+ ratios|AO changes none of", title)


def how_does_it_depend_on_wavelength(reader: Reader) -> None:
    said = reader.reads(".rp-questions div:has(dt:text('wavelength'))")
    assert re.search(r"fluxes are in one band, \w+|Fluxes are in ", said)


def give_me_the_numbers_of_this_view(reader: Reader) -> None:
    reader.tab("Explore")
    reader.page.wait_for_selector(READY)
    with reader.page.expect_download() as waiting:
        reader.click(reader.page.locator("#ex-ecsv"))
    table = Table.read(Path(waiting.value.path()), format="ascii.ecsv")
    assert str(len(table[table["used"]])) == reader.reads("#ex-stat-n")


def how_do_i_cite_it_and_under_which_licence(reader: Reader) -> None:
    said = reader.reads(".rp-cite")
    assert "CC-BY-4.0" in said
    assert "Copy BibTeX" in said
    assert reader.page.locator("#cite-text").inner_text()


QUESTIONS: tuple[Callable[[Reader], None], ...] = (
    how_stable_are_two_bright_stars,
    how_stable_are_two_of_snr_200,
    is_star_4_drifting,
    what_did_2019_04_27_do,
    show_me_6_against_22_with_ao_only,
    is_it_worse_between_channels_than_within_one,
    does_ao_change_ratios,
    how_does_it_depend_on_wavelength,
    give_me_the_numbers_of_this_view,
    how_do_i_cite_it_and_under_which_licence,
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.__name__)
def test_a_question_is_answered_in_two_clicks(
    watched: Any, base: str, question: Callable[[Reader], None]
) -> None:
    one = watched()
    reader = Reader(one.page, base)
    question(reader)
    assert reader.clicks <= MOST_CLICKS
    one.clean()
