"""Combinations of settings that cannot work, refused before any cube is read."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.config.field import Field
from pipeline.config.measurement import ExtractionSettings, PhotometrySettings, StatisticsSettings
from pipeline.config.passbands import Band
from pipeline.config.setting import require
from pipeline.config.star_registry import read_registry, registry_path
from pipeline.muse.modes import MODES


def check_combination(
    field: Field,
    extraction: ExtractionSettings,
    photometry: PhotometrySettings,
    statistics: StatisticsSettings,
    bands: Sequence[Band],
) -> None:
    """Make sure that what is summarised is measured, and that it can be.

    Parameters
    ----------
    bands : sequence of Band
        The passbands of the photometry and the windows of the targets.

    Raises
    ------
    ConfigError
        If the headline band or radius is not measured, or a passband is unknown or outside the
        wavelengths of every mode of the campaign.
    """
    require(
        statistics.band in photometry.bands,
        f"statistics.band = {statistics.band!r} is not among photometry.bands "
        f"= {list(photometry.bands)}",
    )
    require(
        statistics.radius_px in extraction.radii_px,
        f"statistics.radius_px = {statistics.radius_px} is not among extraction.radii_px "
        f"= {list(extraction.radii_px)}",
    )
    ranges = {name: MODES[name].wave_aa for name in field.modes}
    for band in bands:
        first, last = band.range_aa
        require(
            any(low <= first and last <= high for low, high in ranges.values()),
            f"photometry.bands holds {band.name!r}, {first:.0f}-{last:.0f} A, which is inside no mode of "
            "field.modes: "
            + ", ".join(f"{mode} {low:.0f}-{high:.0f} A" for mode, (low, high) in ranges.items()),
        )


def check_stars(field: Field, statistics: StatisticsSettings, root: Path) -> None:
    """Make sure that the stars of the headline pairs are in the field's registry, if it has one.

    Without a registry only the reference exposure can tell; see ``pipeline.tasks.measure``.

    Parameters
    ----------
    root : Path
        Folder that relative paths of ``report.toml`` start from.

    Raises
    ------
    ConfigError
        If a number is not in the registry, or the registry cannot be read.
    """
    path = registry_path(field.star_registry, root)
    if path is None:
        return
    known = {int(star) for star in read_registry(path).star_id}
    missing = sorted({star for pair in statistics.pairs for star in pair} - known)
    require(
        not missing,
        f"statistics.pairs names star {', '.join(map(str, missing))}, which field.star_registry "
        f"= {field.star_registry!r} does not hold; it numbers its stars {min(known, default=0)} to "
        f"{max(known, default=0)}",
    )
