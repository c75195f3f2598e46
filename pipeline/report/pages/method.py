"""The page on the method: every step with its formula and the settings of this build."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.config.settings import Settings
from pipeline.report.pages.base import PageInputs, PageNumbering, PageType
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import significant
from pipeline.schema.definitions import (
    BAD_PROBABILITY,
    DEFINITIONS,
    OUTLIER_SIGMA,
    Definition,
)
from pipeline.schema.results import PUBLISHED, Results
from pipeline.statistics.conditions import SIGNIFICANT_P

SMALL = 1e-4  # below it a setting is printed with a power of ten


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """The whole chain with its formulas and the values that this build used."""
    measured = next((one for one in inputs.campaigns if one.is_measured), None)
    chosen = measured or (inputs.campaigns[0] if inputs.campaigns else None)
    standard = any(one.of_standard for one in inputs.campaigns)
    return {
        "settings": _Choices(chosen.settings if chosen else {}),
        "passbands": _passbands(chosen),
        "definitions": [
            one
            for one in DEFINITIONS.values()
            if _is_explained(one) and (standard or one.convention != PUBLISHED)
        ],
        "bad_probability": f"{BAD_PROBABILITY:g}",
        "removed_below": f"{SIGNIFICANT_P:g}",
        "outlier_sigma": f"{OUTLIER_SIGMA:g}",
        "tables": [
            numbering.table(_settings_table(group)) for group in _by_settings(inputs.campaigns)
        ],
    }


def _passbands(results: Results | None) -> str:
    """Where the campaign's passbands are from."""
    photometry = results.tables.get("photometry") if results else None
    return "" if photometry is None else str(photometry.meta.get("passbands", ""))


def _is_explained(known: Definition) -> bool:
    """Whether the page explains a quantity; counts explain themselves."""
    return bool(known.symbol) and known.symbol != "N"


class _Choices:
    """Settings as ``settings("detection", "fwhm_px")``: of the campaign, else the default."""

    def __init__(self, sections: Mapping[str, Mapping[str, object]]) -> None:
        self._sections = sections
        self._default = Settings()

    def __call__(self, section: str, key: str) -> Any:
        value = self._sections.get(section, {}).get(key)
        return plain_value(
            getattr(getattr(self._default, section), key) if value is None else value
        )


def flattened(settings: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every single setting with its full name; sections in a list are numbered from 1."""
    parts: Iterable[tuple[str, object]]
    if isinstance(settings, Mapping):
        parts = settings.items()
    elif isinstance(settings, list | tuple) and any(isinstance(one, Mapping) for one in settings):
        parts = ((str(number), one) for number, one in enumerate(settings, start=1))
    else:
        yield prefix, settings
        return
    for key, value in parts:
        yield from flattened(value, f"{prefix}.{key}" if prefix else str(key))


def plain_value(value: object) -> str:
    """A setting as a reader would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if value == 0 or abs(value) >= SMALL else significant(value, 2)
    if isinstance(value, list | tuple):
        return ", ".join(
            "/".join(map(str, item)) if isinstance(item, list | tuple) else plain_value(item)
            for item in value
        )
    return str(value)


def _by_settings(campaigns: Sequence[Results]) -> list[list[Results]]:
    """Campaigns that share their settings, together."""
    groups: list[list[Results]] = []
    for results in campaigns:
        if not results.settings:
            continue
        alike = next((one for one in groups if one[0].settings == results.settings), None)
        if alike:
            alike.append(results)
        else:
            groups.append([results])
    return groups


def _settings_table(group: Sequence[Results]) -> TableView:
    results = group[0]
    rows = [
        (Cell(key), Cell(plain_value(value), kind="rp-wrap"))
        for key, value in flattened(results.settings)
    ]
    return TableView(
        f"settings-{results.name}",
        f"Settings of {' and of '.join(one.title for one in group)}.",
        (Head("Setting", numeric=False), Head("value", numeric=False)),
        tuple(rows),
        filter=True,
    )


PAGE = PageType(
    name="method",
    title="Method",
    tab="Data and method",
    position=610,
    description="From a cube to a number: every step with its formula and the settings of this build.",
    guide="Every step with its formula and settings.",
    context=context,
)
