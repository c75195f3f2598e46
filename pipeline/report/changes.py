"""What changed between two versions: which headline numbers, by how much, and for what reason."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.report.downloads.report_file import CampaignRecord, ReportFile
from pipeline.report.text import with_error
from pipeline.schema.results import ReportedValue

SHOWN_CHARACTERS = 80  # of a setting's value


@dataclass(frozen=True)
class NumberChange:
    """A number of which the two versions say different things; one side may be missing."""

    old: ReportedValue | None
    new: ReportedValue | None

    @property
    def either(self) -> ReportedValue:
        """The newer side, for symbol and name."""
        number = self.new or self.old
        assert number is not None
        return number

    @property
    def remark(self) -> str:
        """What hinders the comparison; "" if nothing does."""
        if self.old is None or self.new is None:
            return "appeared" if self.old is None else "vanished"
        if self.old.unit != self.new.unit:
            return "other unit"
        alike = (self.old.formula, self.old.convention) == (self.new.formula, self.new.convention)
        return "" if alike else "other definition"

    @property
    def difference(self) -> float:
        """New minus old [the number's unit]; NaN where they are not two values of one quantity."""
        if self.old is None or self.new is None or self.remark:
            return math.nan
        return self.new.value - self.old.value

    @property
    def in_sigma(self) -> float:
        """The difference in units of the new uncertainty, else of the old; NaN without either.

        No significance: both versions may be computed from the same data.
        """
        for number in (self.new, self.old):
            if number is not None and number.uncertainty > 0:
                return self.difference / number.uncertainty
        return math.nan


@dataclass(frozen=True)
class CampaignChanges:
    """What changed in one campaign."""

    name: str
    title: str
    simulated: bool
    remark: str  # "appeared", "vanished", or "" for one that both versions have
    causes: tuple[str, ...]  # which ingredients differ, in words
    numbers: tuple[NumberChange, ...]  # those that a reader sees change
    n_rounded: int  # numbers that differ in digits that are not printed
    n_same: int


@dataclass(frozen=True)
class Changes:
    """What changed since a version."""

    since: str
    date: str
    campaigns: tuple[CampaignChanges, ...]


def compare(old: ReportFile, new: ReportFile) -> Changes:
    """All differences between two versions, campaigns and numbers in the order of the new one."""
    before = {one.name: one for one in old.campaigns}
    now = {one.name: one for one in new.campaigns}
    commits = (old.commit, new.commit)
    changed = [_campaign(before.get(name), now.get(name), commits) for name in _union(now, before)]
    return Changes(old.version, old.date, tuple(changed))


def _union(first: Iterable[str], second: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


def _campaign(
    old: CampaignRecord | None, new: CampaignRecord | None, commits: tuple[str, str]
) -> CampaignChanges:
    known = new or old
    assert known is not None
    before = {one.key: one for one in old.numbers} if old else {}
    now = {one.key: one for one in new.numbers} if new else {}
    pairs = [NumberChange(before.get(key), now.get(key)) for key in _union(now, before)]
    seen = [one for one in pairs if one.remark or _printed(one.old) != _printed(one.new)]
    n_same = sum(_same(one) for one in pairs)
    return CampaignChanges(
        known.name,
        known.title,
        known.simulated,
        "" if old and new else "appeared" if new else "vanished",
        _causes(old, new, commits) if old and new else (),
        tuple(seen),
        len(pairs) - len(seen) - n_same,
        n_same,
    )


def _printed(number: ReportedValue | None) -> str:
    return with_error(number.value, number.uncertainty) if number else ""


def _same(change: NumberChange) -> bool:
    if change.remark or change.old is None or change.new is None:
        return False
    pairs = (
        (change.old.value, change.new.value),
        (change.old.uncertainty, change.new.uncertainty),
    )
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in pairs)


def _causes(old: CampaignRecord, new: CampaignRecord, commits: tuple[str, str]) -> tuple[str, ...]:
    """Which of data, settings, code and libraries differ; numbers can differ for no other reason."""
    causes = []
    if old.origin.data != new.origin.data:
        causes.append("Data: the input files differ.")
    settings = _differing(old.settings, new.settings)
    if settings:
        causes.append(f"Settings: {'; '.join(settings)}.")
    if old.origin.code != new.origin.code:
        before, now = (commit[:10] or "unknown" for commit in commits)
        causes.append(
            f"Code: the files that compute the numbers differ (commit {before} to {now})."
        )
    libraries = _differing(old.origin.libraries, new.origin.libraries)
    if libraries:
        causes.append(f"Libraries: {'; '.join(libraries)}.")
    return tuple(causes)


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> Sequence[str]:
    """Every key whose values differ, with both."""
    return [
        f"{key} from {_short(old.get(key))} to {_short(new.get(key))}"
        for key in sorted(set(old) | set(new))
        if old.get(key) != new.get(key)
    ]


def _short(text: str | None) -> str:
    if text is None:
        return "none"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
