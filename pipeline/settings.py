"""What ``report.toml`` says: typed, validated, immutable.

``read_settings`` is the door; everything behind it trusts the values. A key that is left out has
the default given here, which is that of the shipped ``report.toml`` (a test compares the two).
"""

import dataclasses
import math
import re
import tomllib
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class CampaignSettings:
    """What the campaign is called."""

    name: str = "ltt3218-2019"
    title: str = "LTT 3218 with MUSE, 2019"

    def __post_init__(self) -> None:
        _require(
            bool(_NAME.fullmatch(self.name)),
            f"campaign.name = {self.name!r}: use up to 64 letters, digits, - and _",
        )


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
        _require(0 <= self.ra_deg < 360, f"field.ra_deg = {self.ra_deg}: outside 0 to 360")
        _require(-90 <= self.dec_deg <= 90, f"field.dec_deg = {self.dec_deg}: outside -90 to 90")
        _require(
            self.radius_arcmin > 0, f"field.radius_arcmin = {self.radius_arcmin}: not positive"
        )
        _require(
            0 < self.pixel_scale_arcsec < 10,
            f"field.pixel_scale_arcsec = {self.pixel_scale_arcsec}: outside 0 to 10",
        )


@dataclass(frozen=True)
class DetectionSettings:
    """How stars are found in the detection image."""

    band_width_aa: float = 50.0
    n_bands: int = 3
    threshold_sigma: float = 6.0
    fwhm_px: float = 5.0

    def __post_init__(self) -> None:
        _require(
            self.band_width_aa > 0, f"detection.band_width_aa = {self.band_width_aa}: not positive"
        )
        _require(1 <= self.n_bands <= 99, f"detection.n_bands = {self.n_bands}: outside 1 to 99")
        _require(
            self.threshold_sigma > 0,
            f"detection.threshold_sigma = {self.threshold_sigma}: not positive",
        )
        _require(
            0.5 <= self.fwhm_px <= 50, f"detection.fwhm_px = {self.fwhm_px}: outside 0.5 to 50"
        )


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
        _require(
            1 <= self.candidates <= 1000,
            f"reference.candidates = {self.candidates}: outside 1 to 1000",
        )


@dataclass(frozen=True)
class MatchingSettings:
    """When a detection is the reference star."""

    tolerance_px: float = 1.0
    max_false_alarm: float = 1e-6

    def __post_init__(self) -> None:
        _require(
            self.tolerance_px > 0, f"matching.tolerance_px = {self.tolerance_px}: not positive"
        )
        _require(
            0 < self.max_false_alarm < 1,
            f"matching.max_false_alarm = {self.max_false_alarm}: outside 0 to 1",
        )


@dataclass(frozen=True)
class ExtractionSettings:
    """Which spaxels a spectrum sums."""

    radii_px: tuple[float, ...] = (1.5, 2.5, 3.5, 4.5, 5.5)
    mask: str = "center"

    def __post_init__(self) -> None:
        _require(
            len(self.radii_px) > 0 and all(0 < r <= 50 for r in self.radii_px),
            f"extraction.radii_px = {list(self.radii_px)}: one to many radii in 0 to 50",
        )
        _require(
            list(self.radii_px) == sorted(set(self.radii_px)),
            f"extraction.radii_px = {list(self.radii_px)}: must increase",
        )
        _require(
            self.mask in ("center", "exact"),
            f'extraction.mask = {self.mask!r}: choose "center" or "exact"',
        )


@dataclass(frozen=True)
class PhotometrySettings:
    """Which passbands are integrated, and what is too incomplete to count."""

    bands: tuple[str, ...] = ("I_Bessel",)
    min_coverage: float = 0.98

    def __post_init__(self) -> None:
        _require(len(self.bands) > 0, "photometry.bands = []: name at least one passband")
        _require(
            0 < self.min_coverage <= 1,
            f"photometry.min_coverage = {self.min_coverage}: outside 0 to 1",
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
            _require(
                len(pair) == 2 and pair[0] != pair[1],
                f"statistics.pairs holds {list(pair)}: two different star numbers expected",
            )
        for key in ("edge_margin_px", "blend_distance_px", "standard_distance_px"):
            _require(getattr(self, key) >= 0, f"statistics.{key} = {getattr(self, key)}: negative")


@dataclass(frozen=True)
class ReviewSettings:
    """Exposures that a person has looked at and ruled out, each with the reason."""

    exclude: tuple[tuple[str, str], ...] = ()  # (exposure id or "NIGHT MODE", reason)

    def __post_init__(self) -> None:
        for exposure, reason in self.exclude:
            _require(bool(reason.strip()), f"review.exclude: {exposure!r} needs a reason")


@dataclass(frozen=True)
class SimulationSettings:
    """The simulated campaign; see ``pipeline.simulation`` for what is always in it."""

    seed: int = 3218
    wave_step_aa: float = 25.0
    drift_std: float = 0.025
    drift_timescale_days: float = 60.0
    offset_arcsec: float = 0.6
    keep_cubes: bool = False

    def __post_init__(self) -> None:
        _require(self.seed >= 0, f"simulation.seed = {self.seed}: negative")
        _require(
            1.25 <= self.wave_step_aa <= 50,
            f"simulation.wave_step_aa = {self.wave_step_aa}: outside 1.25 to 50",
        )
        for key in ("drift_std", "offset_arcsec"):
            _require(getattr(self, key) >= 0, f"simulation.{key} = {getattr(self, key)}: negative")
        _require(
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
        _require(
            self.runner in ("auto", "python-cpl", "esorex"),
            f'reduction.runner = {self.runner!r}: choose "auto", "python-cpl" or "esorex"',
        )
        for text in self.parameters:
            _require(
                bool(_PARAMETER.fullmatch(text)),
                f"reduction.parameters holds {text!r}; expected recipe.parameter=value",
            )
        _require(
            all(1 <= channel <= 24 for channel in self.channels),
            f"reduction.channels = {list(self.channels)}: channels are numbered 1 to 24",
        )
        _require(
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

    def __post_init__(self) -> None:
        _require(
            self.statistics.band in self.photometry.bands,
            f"statistics.band = {self.statistics.band!r} is not among photometry.bands "
            f"= {list(self.photometry.bands)}",
        )
        _require(
            self.statistics.radius_px in self.extraction.radii_px,
            f"statistics.radius_px = {self.statistics.radius_px} is not among extraction.radii_px "
            f"= {list(self.extraction.radii_px)}",
        )


def read_settings(path: Path) -> Settings:
    """The settings in a TOML file; a key that is left out has the default of ``report.toml``.

    Raises
    ------
    ConfigError
        If the file is missing or not TOML, holds an unknown key, a wrong type or a value outside
        its limits. The message names file, key, value and remedy.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); give another --config"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error})") from error
    try:
        sections = {f.name: f.type for f in dataclasses.fields(Settings)}
        _known(document, sections, "section")
        return Settings(
            **{name: _section(name, sections[name], document[name]) for name in document}
        )
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _known(given: Iterable[str], known: Iterable[str], what: str) -> None:
    for key in given:
        _require(key in known, f"unknown {what} {key!r}; known are: {', '.join(known)}")


def _section(name: str, cls: typing.Any, values: object) -> typing.Any:
    _require(isinstance(values, dict), f"{name} must be a section, [{name}]")
    assert isinstance(values, dict)
    hints = typing.get_type_hints(cls)
    _known((f"{name}.{key}" for key in values), [f"{name}.{key}" for key in hints], "key")
    return cls(**{k: _typed(v, hints[k], f"{name}.{k}") for k, v in values.items()})


def _typed(value: object, kind: typing.Any, key: str) -> object:
    """The value as its declared type; whole numbers serve as floats, lists become tuples."""
    if typing.get_origin(kind) is tuple:
        _require(isinstance(value, list), f"{key} = {value!r}: a list expected")
        assert isinstance(value, list)
        args = typing.get_args(kind)
        if args[-1] is not Ellipsis:
            _require(len(value) == len(args), f"{key} = {value!r}: {len(args)} values expected")
        return tuple(_typed(item, args[0], key) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    _require(right, f"{key} = {value!r}: {kind.__name__} expected, not {type(value).__name__}")
    if kind is float:
        _require(math.isfinite(typing.cast("float", value)), f"{key} = {value!r}: not finite")
    return value
