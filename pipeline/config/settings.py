"""What ``report.toml`` says: typed, validated, immutable.

``pipeline.config.loader.read_settings`` is the door; everything behind it trusts the values. A key
that is left out has the default given here, which is that of the shipped ``report.toml`` (a test
compares the two).
"""

import dataclasses
import math
import re
from dataclasses import dataclass

from pipeline.config.standards import find_standard, known_standards
from pipeline.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[^\s?#@]*)?")  # no user, no query
_ARCHIVE_LIMITS: tuple[tuple[str, float, float], ...] = (
    ("cone_arcmin", 0.1, 60),
    ("neighbour_nights", 0, 30),
    ("max_questions", 1, 1000),
    ("connections", 1, 8),  # a guest's manners
    ("attempts", 1, 20),
    ("backoff_s", 0.001, 60),
    ("connect_timeout_s", 0.1, 600),
    ("read_timeout_s", 0.1, 3600),
    ("answer_limit_s", 0.1, 86_400),
    ("file_limit_s", 0.1, 86_400),
    ("slowest_kb_per_s", 0, 1000),
)


def require(condition: bool, message: str) -> None:
    """Refuse a configuration with a message unless the condition holds."""
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class CampaignSettings:
    """What the campaign is called."""

    name: str = "ltt3218-2019"
    title: str = "LTT 3218 with MUSE, 2019"

    def __post_init__(self) -> None:
        require(
            bool(_NAME.fullmatch(self.name)),
            f"campaign.name = {self.name!r}: use up to 64 letters, digits, - and _",
        )

    def of_source(self, source: str) -> str:
        """Name of the campaign's part that comes from one source: a folder, and a section's anchor."""
        return f"{self.name}-{source}"


@dataclass(frozen=True)
class Field:
    """The field on the sky that the campaign observes again and again."""

    name: str = "LTT 3218"
    ra_deg: float = 130.3854
    dec_deg: float = -32.9428
    radius_arcmin: float = 3.0
    pixel_scale_arcsec: float = 0.2
    star_registry: str = "pipeline/published/data/reference_positions.ecsv"

    def __post_init__(self) -> None:
        require(0 <= self.ra_deg < 360, f"field.ra_deg = {self.ra_deg}: outside 0 to 360")
        require(-90 <= self.dec_deg <= 90, f"field.dec_deg = {self.dec_deg}: outside -90 to 90")
        require(self.radius_arcmin > 0, f"field.radius_arcmin = {self.radius_arcmin}: not positive")
        require(
            0 < self.pixel_scale_arcsec < 10,
            f"field.pixel_scale_arcsec = {self.pixel_scale_arcsec}: outside 0 to 10",
        )


@dataclass(frozen=True)
class MoreField:
    """Another field to observe: a star of ``pipeline/config/standards.ecsv``, or name and coordinates."""

    name: str
    ra_deg: float = math.nan  # NaN: from the table of standard stars
    dec_deg: float = math.nan
    star_registry: str = ""  # "" numbers the stars from 1 by y
    pairs: tuple[tuple[int, int], ...] = ()  # headline pairs; none are chosen for an unseen field

    def field(self, radius_arcmin: float, pixel_scale_arcsec: float) -> Field:
        """The field itself; what is not given here is as in [field].

        Raises
        ------
        ConfigError
            If there are no coordinates and the table does not know the star.
        """
        ra_deg, dec_deg = self.ra_deg, self.dec_deg
        if not (math.isfinite(ra_deg) and math.isfinite(dec_deg)):
            star = find_standard(self.name)
            if star is None:
                raise ConfigError(
                    f"more_fields: {self.name!r} has no ra_deg and dec_deg and is not in the table "
                    f"of standard stars; known are {', '.join(known_standards())}"
                )
            ra_deg, dec_deg = star.ra_deg, star.dec_deg
        return Field(
            self.name, ra_deg, dec_deg, radius_arcmin, pixel_scale_arcsec, self.star_registry
        )


@dataclass(frozen=True)
class ArchiveSettings:
    """Which years are asked for, where, and how patiently."""

    years: tuple[int, ...] = (2019,)
    cone_arcmin: float = 5.0
    neighbour_nights: int = 3
    max_questions: int = 12
    tap_url: str = "https://archive.eso.org/tap_obs"
    calselector_url: str = "https://archive.eso.org/calselector/v1/associations"
    data_url: str = "https://dataportal.eso.org/dataPortal/file/"
    login_url: str = "https://www.eso.org/sso/oidc/token"
    gaia_url: str = "https://gea.esac.esa.int/tap-server/tap"
    connections: int = 3
    attempts: int = 6
    backoff_s: float = 1.0
    connect_timeout_s: float = 20.0
    read_timeout_s: float = 60.0
    answer_limit_s: float = 600.0
    file_limit_s: float = 7200.0
    slowest_kb_per_s: float = 2.0

    def __post_init__(self) -> None:
        for year in self.years:
            require(2014 <= year <= 2100, f"archive.years holds {year}: MUSE observes since 2014")
        require(len(self.years) > 0, "archive.years = []: name at least one year")
        for key in ("tap_url", "calselector_url", "data_url", "login_url", "gaia_url"):
            url = getattr(self, key)
            require(
                bool(_ADDRESS.fullmatch(url)) or (key == "gaia_url" and not url),
                f"archive.{key} = {url!r}: an address that begins with https:// or http:// expected",
            )
        for key, low, high in _ARCHIVE_LIMITS:
            value = getattr(self, key)
            require(low <= value <= high, f"archive.{key} = {value}: outside {low} to {high}")


@dataclass(frozen=True)
class DetectionSettings:
    """How stars are found in the detection image."""

    band_width_aa: float = 50.0
    n_bands: int = 3
    threshold_sigma: float = 6.0
    fwhm_px: float = 5.0

    def __post_init__(self) -> None:
        require(
            self.band_width_aa > 0, f"detection.band_width_aa = {self.band_width_aa}: not positive"
        )
        require(1 <= self.n_bands <= 99, f"detection.n_bands = {self.n_bands}: outside 1 to 99")
        require(
            self.threshold_sigma > 0,
            f"detection.threshold_sigma = {self.threshold_sigma}: not positive",
        )
        require(0.5 <= self.fwhm_px <= 50, f"detection.fwhm_px = {self.fwhm_px}: outside 0.5 to 50")


@dataclass(frozen=True)
class ReferenceSettings:
    """Which exposure defines the star positions.

    The first of ``prefer`` (an exposure id, or "NIGHT MODE") that is among the exposures and shows
    stars; else, of the ``candidates`` with the best seeing in their headers, the one with most
    detections, then the sharpest, then the earliest.
    """

    prefer: tuple[str, ...] = ("2019-03-10 WFM-AO-N",)
    candidates: int = 5

    def __post_init__(self) -> None:
        require(
            1 <= self.candidates <= 1000,
            f"reference.candidates = {self.candidates}: outside 1 to 1000",
        )


@dataclass(frozen=True)
class MatchingSettings:
    """When a detection is the reference star."""

    tolerance_px: float = 1.0
    max_false_alarm: float = 1e-6

    def __post_init__(self) -> None:
        require(self.tolerance_px > 0, f"matching.tolerance_px = {self.tolerance_px}: not positive")
        require(
            0 < self.max_false_alarm < 1,
            f"matching.max_false_alarm = {self.max_false_alarm}: outside 0 to 1",
        )


@dataclass(frozen=True)
class ExtractionSettings:
    """Which spaxels a spectrum sums."""

    radii_px: tuple[float, ...] = (1.5, 2.5, 3.5, 4.5, 5.5)
    mask: str = "center"

    def __post_init__(self) -> None:
        require(
            len(self.radii_px) > 0 and all(0 < r <= 50 for r in self.radii_px),
            f"extraction.radii_px = {list(self.radii_px)}: one to many radii in 0 to 50",
        )
        require(
            list(self.radii_px) == sorted(set(self.radii_px)),
            f"extraction.radii_px = {list(self.radii_px)}: must increase",
        )
        require(
            self.mask in ("center", "exact"),
            f'extraction.mask = {self.mask!r}: choose "center" or "exact"',
        )


@dataclass(frozen=True)
class PhotometrySettings:
    """Which passbands are integrated, and what is too incomplete to count."""

    bands: tuple[str, ...] = ("I_Bessel",)
    min_coverage: float = 0.98
    stat_factor: float = 1.0

    def __post_init__(self) -> None:
        require(len(self.bands) > 0, "photometry.bands = []: name at least one passband")
        require(
            0 < self.min_coverage <= 1,
            f"photometry.min_coverage = {self.min_coverage}: outside 0 to 1",
        )
        require(
            1 <= self.stat_factor <= 10,
            f"photometry.stat_factor = {self.stat_factor}: outside 1 to 10",
        )


@dataclass(frozen=True)
class StatisticsSettings:
    """Which pairs are headlines, and which stars are left out of summaries."""

    band: str = "I_Bessel"
    radius_px: float = 4.5
    pairs: tuple[tuple[int, int], ...] = ((2, 22), (4, 6), (15, 2), (22, 4))
    edge_margin_px: float = 2.5
    blend_distance_px: float = 6.0
    standard_distance_px: float = 30.0

    def __post_init__(self) -> None:
        for pair in self.pairs:
            require(
                len(pair) == 2 and pair[0] != pair[1],
                f"statistics.pairs holds {list(pair)}: two different star numbers expected",
            )
        for key in ("edge_margin_px", "blend_distance_px", "standard_distance_px"):
            require(getattr(self, key) >= 0, f"statistics.{key} = {getattr(self, key)}: negative")


@dataclass(frozen=True)
class ReviewSettings:
    """Exposures that a person has looked at and ruled out, each with the reason."""

    exclude: tuple[tuple[str, str], ...] = ()  # (exposure id or "NIGHT MODE", reason)

    def __post_init__(self) -> None:
        for exposure, reason in self.exclude:
            require(bool(reason.strip()), f"review.exclude: {exposure!r} needs a reason")


@dataclass(frozen=True)
class SimulationSettings:
    """The simulated campaign; see ``pipeline.simulation`` for what is always in it."""

    seed: int = 3218
    wave_step_aa: float = 25.0
    drift_std: float = 0.025
    drift_timescale_days: float = 60.0
    offset_arcsec: float = 0.6
    sky_share: float = 0.5
    keep_cubes: bool = False

    def __post_init__(self) -> None:
        require(self.seed >= 0, f"simulation.seed = {self.seed}: negative")
        require(
            1.25 <= self.wave_step_aa <= 50,
            f"simulation.wave_step_aa = {self.wave_step_aa}: outside 1.25 to 50",
        )
        for key in ("drift_std", "offset_arcsec"):
            require(getattr(self, key) >= 0, f"simulation.{key} = {getattr(self, key)}: negative")
        require(
            0 <= self.sky_share <= 1, f"simulation.sky_share = {self.sky_share}: outside 0 to 1"
        )
        require(
            self.drift_timescale_days > 0,
            f"simulation.drift_timescale_days = {self.drift_timescale_days}: not positive",
        )


_PARAMETER = re.compile(r"(muse_[a-z_]+)\.([a-z_]+)=([^\s=]+)")


@dataclass(frozen=True)
class ReductionSettings:
    """How raw frames become cubes. Recipes run at their defaults but for ``parameters``."""

    runner: str = "auto"
    parameters: tuple[str, ...] = (
        "muse_scibasic.saveimage=false",
        "muse_scipost.skymethod=simple",
        "muse_scipost.save=cube",
    )
    response: str = ""
    channels: tuple[int, ...] = ()
    uncalibrated: bool = False
    time_limit_factor: float = 1.0
    keep: bool = False

    def __post_init__(self) -> None:
        require(
            self.runner in ("auto", "python-cpl", "esorex"),
            f'reduction.runner = {self.runner!r}: choose "auto", "python-cpl" or "esorex"',
        )
        for text in self.parameters:
            require(
                bool(_PARAMETER.fullmatch(text)),
                f"reduction.parameters holds {text!r}; expected recipe.parameter=value",
            )
        require(
            all(1 <= channel <= 24 for channel in self.channels),
            f"reduction.channels = {list(self.channels)}: channels are numbered 1 to 24",
        )
        require(
            self.time_limit_factor > 0,
            f"reduction.time_limit_factor = {self.time_limit_factor}: not positive",
        )


@dataclass(frozen=True)
class Settings:
    """Everything that ``report.toml`` says."""

    campaign: CampaignSettings = dataclasses.field(default_factory=CampaignSettings)
    field: Field = dataclasses.field(default_factory=Field)
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
        require(
            self.statistics.band in self.photometry.bands,
            f"statistics.band = {self.statistics.band!r} is not among photometry.bands "
            f"= {list(self.photometry.bands)}",
        )
        require(
            self.statistics.radius_px in self.extraction.radii_px,
            f"statistics.radius_px = {self.statistics.radius_px} is not among extraction.radii_px "
            f"= {list(self.extraction.radii_px)}",
        )
        names = [one.campaign.name for one in self.campaigns()]
        for name in names:
            require(names.count(name) == 1, f"two fields would share the campaign name {name!r}")

    def campaigns(self) -> "tuple[Settings, ...]":
        """The settings of every campaign: this one, then one for each of ``more_fields``.

        A further field has the scientific choices of the first, except those that name its stars
        and exposures.
        """
        return (self, *(self._for_field(more) for more in self.more_fields))

    def _for_field(self, more: MoreField) -> "Settings":
        field = more.field(self.field.radius_arcmin, self.field.pixel_scale_arcsec)
        slug = re.sub(r"[^a-z0-9]+", "-", more.name.lower()).strip("-")
        years = "-".join(str(year) for year in self.archive.years)
        return dataclasses.replace(
            self,
            campaign=CampaignSettings(f"{slug}-{years}"[:64], f"{more.name} with MUSE, {years}"),
            field=field,
            reference=dataclasses.replace(self.reference, prefer=()),
            statistics=dataclasses.replace(self.statistics, pairs=more.pairs),
            more_fields=(),
        )
