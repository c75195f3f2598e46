"""What ``report.toml`` says: typed, validated, immutable.

``pipeline.config.loader.read_settings`` reads it; everything behind it trusts the values. Each
setting is defined once, in the module of its section, with its default, limits, help and the stages
that it shapes.
"""

import dataclasses
import re
from dataclasses import dataclass

from pipeline.config.archive import ArchiveSettings
from pipeline.config.checks import check_combination
from pipeline.config.cubes import CubeSettings
from pipeline.config.field import CampaignSettings, Field, MoreField
from pipeline.config.measurement import (
    DetectionSettings,
    ExtractionSettings,
    MatchingSettings,
    PhotometrySettings,
    ReferenceSettings,
    ReviewSettings,
    StatisticsSettings,
)
from pipeline.config.production import ReductionSettings, SimulationSettings
from pipeline.config.setting import Section, read_by, require

__all__ = [
    "ArchiveSettings",
    "CampaignSettings",
    "CubeSettings",
    "DetectionSettings",
    "ExtractionSettings",
    "Field",
    "MatchingSettings",
    "MoreField",
    "PhotometrySettings",
    "ReductionSettings",
    "ReferenceSettings",
    "ReviewSettings",
    "Settings",
    "SimulationSettings",
    "StatisticsSettings",
]


@dataclass(frozen=True)
class Settings:
    """Everything that ``report.toml`` says."""

    campaign: CampaignSettings = dataclasses.field(default_factory=CampaignSettings)
    field: Field = dataclasses.field(default_factory=Field)
    cubes: CubeSettings = dataclasses.field(default_factory=CubeSettings)
    detection: DetectionSettings = dataclasses.field(default_factory=DetectionSettings)
    reference: ReferenceSettings = dataclasses.field(default_factory=ReferenceSettings)
    matching: MatchingSettings = dataclasses.field(default_factory=MatchingSettings)
    extraction: ExtractionSettings = dataclasses.field(default_factory=ExtractionSettings)
    photometry: PhotometrySettings = dataclasses.field(default_factory=PhotometrySettings)
    statistics: StatisticsSettings = dataclasses.field(default_factory=StatisticsSettings)
    review: ReviewSettings = dataclasses.field(default_factory=ReviewSettings)
    simulation: SimulationSettings = dataclasses.field(default_factory=SimulationSettings)
    reduction: ReductionSettings = dataclasses.field(default_factory=ReductionSettings)
    archive: ArchiveSettings = dataclasses.field(default_factory=ArchiveSettings)
    more_fields: tuple[MoreField, ...] = ()

    def __post_init__(self) -> None:
        check_combination(self.field, self.extraction, self.photometry, self.statistics)
        names = [one.campaign.name for one in self.campaigns()]
        for name in names:
            require(names.count(name) == 1, f"two fields would share the campaign name {name!r}")

    def sections(self) -> tuple[Section, ...]:
        """The sections of which there is one each, in the order of ``report.toml``."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return tuple(value for value in values if isinstance(value, Section))

    def read_by(self, stage: str) -> dict[str, object]:
        """The settings that shape a stage, by full name: ingredients of the stage's key."""
        return read_by(stage, *self.sections())

    def campaigns(self) -> "tuple[Settings, ...]":
        """The settings of every campaign: this one, then one for each of ``more_fields``.

        A further field has the scientific choices of the first, except those that name its stars
        and exposures.
        """
        return (self, *(self._for_field(more) for more in self.more_fields))

    def _for_field(self, more: MoreField) -> "Settings":
        ra_deg, dec_deg = more.coordinates()
        slug = re.sub(r"[^a-z0-9]+", "-", more.name.lower()).strip("-")
        years = "-".join(str(year) for year in self.archive.years)
        return dataclasses.replace(
            self,
            campaign=CampaignSettings(f"{slug}-{years}"[:64], f"{more.name} with MUSE, {years}"),
            field=dataclasses.replace(
                self.field,
                name=more.name,
                ra_deg=ra_deg,
                dec_deg=dec_deg,
                star_registry=more.star_registry,
            ),
            reference=dataclasses.replace(self.reference, prefer=()),
            statistics=dataclasses.replace(self.statistics, pairs=more.pairs),
            more_fields=(),
        )
