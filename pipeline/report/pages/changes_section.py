"""The section of the summary that says what changed since the version before."""

from dataclasses import dataclass

from markupsafe import Markup, escape

from pipeline.report.build import BuildInfo
from pipeline.report.changes import CampaignChanges, Changes, NumberChange
from pipeline.report.pages.base import PageNumbering, TableBlock
from pipeline.report.rows import in_per_cent
from pipeline.report.tables import Cell, Head, TableView
from pipeline.report.text import NOTHING, fixed, significant, slug, with_error
from pipeline.schema.labels import is_version
from pipeline.schema.results import ReportedValue

SIGMA_HINT = "in units of this version's 1 σ, else of the other's; no significance: data are shared"


@dataclass(frozen=True)
class CampaignSection:
    """What changed in one campaign, as the page prints it."""

    title: str
    simulated: bool
    lines: tuple[str, ...]
    table: TableBlock | None


@dataclass(frozen=True)
class ChangesSection:
    """What changed since the version before, as the page prints it."""

    since: str  # "" if there is none to compare with
    href: Markup  # of that version's site; "" if it is not known
    lead: str
    campaigns: tuple[CampaignSection, ...] = ()


def changes_section(
    changes: Changes | None, build: BuildInfo, numbering: PageNumbering
) -> ChangesSection | None:
    """The section; None for a local build that is compared with nothing."""
    if changes is None:
        first = "This is the first version: there is none before it to compare with."
        return ChangesSection("", Markup(""), first) if build.site_url else None
    href = ""
    if build.site_url and is_version(changes.since):
        root = build.site_url.removesuffix(f"{build.version_label}/")
        href = f"{root}{changes.since}/index.html"
    dated = f" of {changes.date}" if changes.date else ""
    return ChangesSection(
        changes.since,
        escape(href),
        f"Compared with version {changes.since}{dated}: every headline number, with what its "
        "computation started from.",
        tuple(_campaign(one, numbering) for one in changes.campaigns),
    )


def _campaign(changes: CampaignChanges, numbering: PageNumbering) -> CampaignSection:
    lines = [_counted(changes)]
    if changes.causes:
        lines += changes.causes
        if len(changes.causes) > 1:
            lines.append("These changed together; their effects on a number cannot be separated.")
    elif not changes.remark:
        differ = changes.numbers or changes.n_rounded
        lines.append(
            "Data, settings, code and libraries are those of that version"
            + (", so the numbers should be, too: this is a defect." if differ else ".")
        )
    table = numbering.table(_table(changes)) if changes.numbers else None
    return CampaignSection(changes.title, changes.simulated, tuple(lines), table)


def _counted(changes: CampaignChanges) -> str:
    if changes.remark:
        return f"This campaign {changes.remark}, with {len(changes.numbers)} numbers."
    remarks = [one.remark for one in changes.numbers]
    appeared, vanished = remarks.count("appeared"), remarks.count("vanished")
    counts = {
        "changed": len(remarks) - appeared - vanished,
        "appeared": appeared,
        "vanished": vanished,
        "differ only in digits that are not printed": changes.n_rounded,
        "as before": changes.n_same,
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"Numbers: {told or 'none'}."


def _table(changes: CampaignChanges) -> TableView:
    heads = (
        Head("Number", numeric=False),
        Head("Before"),
        Head("Now"),
        Head("Δ"),
        Head("Δ/σ", title=SIGMA_HINT),
        Head("Unit", numeric=False),
        Head("Remark", numeric=False),
        Head("What it is", numeric=False),
    )
    rows = [_row(one) for one in changes.numbers]
    shown = [k for k in range(len(heads)) if any(row[k].text for row in rows)]
    return TableView(
        f"changes-{slug(changes.name)}",
        "Numbers that changed, appeared or vanished. Δ is new minus old; Δ/σ is in units of "
        "this version's uncertainty: it says how much a change matters, not how likely it is.",
        tuple(heads[k] for k in shown),
        tuple(tuple(row[k] for k in shown) for row in rows),
        simulated=changes.simulated,
    )


def _row(change: NumberChange) -> tuple[Cell, ...]:
    number = in_per_cent(change.either)
    old, new = (one and in_per_cent(one) for one in (change.old, change.new))
    factor = 100 if number.unit != change.either.unit else 1
    sign = "+" if change.difference > 0 else ""
    return (
        Cell(number.symbol),
        Cell(_value(old)),
        Cell(_value(new), kind="strong"),
        Cell(sign + _plain(factor * change.difference, 2)),
        Cell(fixed(change.in_sigma, 2, sign=True)),
        Cell(number.unit),
        Cell(change.remark),
        Cell(number.name, kind="rp-wrap"),
    )


def _value(number: ReportedValue | None) -> str:
    if number is None:
        return NOTHING
    if number.uncertainty > 0:
        return with_error(number.value, number.uncertainty)
    return _plain(number.value, 3)


def _plain(value: float, digits: int) -> str:
    """A value without uncertainty: counts without decimals, others rounded."""
    return fixed(value, 0) if value.is_integer() else significant(value, digits)
