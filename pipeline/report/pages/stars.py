"""The page of stars: the field, all its stars, and how well each is measured."""

from typing import Any

from pipeline.report.pages.base import PageInputs, PageNumbering, PageType
from pipeline.report.pages.detection import detection_of
from pipeline.report.pages.snr import snr_groups


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """The reference catalogue of every campaign, and the SNR of all stars in all apertures."""
    found = [detection_of(one, numbering) for one in inputs.campaigns if "catalogue" in one.tables]
    return {"shown": found, "groups": snr_groups(inputs.campaigns, numbering)}


PAGE = PageType(
    name="stars",
    title="All stars",
    tab="Stars",
    position=300,
    description="The stars of the field, where each falls on the instrument, and how well it is measured.",
    wide=True,
    guide="Every star with its place, signal to noise, flags and a page of its own.",
    context=context,
)
