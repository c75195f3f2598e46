"""What ``report.toml`` says: typed, validated, immutable.

``pipeline.config.loader.read_settings`` reads it; everything behind it trusts the values. Each
setting is defined once, in the module of its section, with its default, limits, help and the stages
that it shapes.
"""

import dataclasses
import re
from dataclasses import dataclass
from functools import cached_property

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
from pipeline.config.passbands import Band, load_band
from pipeline.config.production import ReductionSettings, SimulationSettings
from pipeline.config.setting import Section, read_by, require
from pipeline.config.targets import TargetSettings, window_band, windows_of

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
    "TargetSettings",
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
    targets: tuple[TargetSettings, ...] = ()
    more_fields: tuple[MoreField, ...] = ()

    def __post_init__(self) -> None:
        check_combination(
            self.field, self.extraction, self.photometry, self.statistics, self.bands()
        )
        names = [one.name for one in self.targets]
        for target in self.targets:
            require(names.count(target.name) == 1, f"two targets share the name {target.name!r}")
        names = [one.campaign.name for one in self.campaigns()]
        for name in names:
            require(names.count(name) == 1, f"two fields would share the campaign name {name!r}")

    def sections(self) -> tuple[Section, ...]:
        """The sections of which there is one each, in the order of ``report.toml``."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return tuple(value for value in values if isinstance(value, Section))

    def read_by(self, stage: str) -> dict[str, object]:
        """The settings that shape a stage, by full name: ingredients of the stage's key.

        Each job of a campaign asks for them: they are put together once.
        """
        if stage not in self._by_stage:
            self._by_stage[stage] = self._of_stage(stage)
        return dict(self._by_stage[stage])

    @cached_property
    def _by_stage(self) -> dict[str, dict[str, object]]:
        return {}

    def _of_stage(self, stage: str) -> dict[str, object]:
        found = read_by(stage, *self.sections())
        if stage == "measure" and (windows := windows_of(self.targets)):
            found["targets.windows"] = windows
        if stage == "statistics" and self.targets:
            found["targets"] = [repr(target) for target in self.targets]
        return found

    def bands(self) -> tuple[Band, ...]:
        """What fluxes are integrated over: the passbands, then the windows of the targets.

        Raises
        ------
        ConfigError
            If a passband is unknown, or a window has the name of a passband.
        """
        windows = windows_of(self.targets)
        for name, *_ in windows:
            require(
                name not in self.photometry.bands,
                f"targets.windows: {name!r} is the name of a passband; choose another",
            )
        return (*map(load_band, self.photometry.bands), *map(window_band, windows))

    def campaigns(self) -> "tuple[Settings, ...]":
        """The settings of every campaign: this one, then one for each of ``more_fields``.

        A further field has the scientific choices of the first, except those that name its stars
        and exposures.
        """
        here = self.targets
        if self.more_fields:
            at = self.field.ra_deg, self.field.dec_deg
            here = tuple(t for t in here if t.star_id or _is_near(t, *at, self.field))
        first = self if here == self.targets else dataclasses.replace(self, targets=here)
        return (first, *(self._for_field(more) for more in self.more_fields))

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
            targets=tuple(
                one for one in self.targets if _is_near(one, ra_deg, dec_deg, self.field)
            ),
            more_fields=(),
        )


def _is_near(target: TargetSettings, ra_deg: float, dec_deg: float, field: Field) -> bool:
    """Whether coordinates of a target lie in a field; one known by number is of the first field."""
    from astropy.coordinates import SkyCoord  # where it is needed: a tenth of a second

    if target.star_id:
        return False
    one, other = (
        SkyCoord(*at, unit="deg") for at in ((target.ra_deg, target.dec_deg), (ra_deg, dec_deg))
    )
    return bool(one.separation(other).arcmin <= field.radius_arcmin)
