"""Which field on the sky is observed, in which modes, and what the campaign is called."""

import math
from dataclasses import dataclass
from typing import ClassVar

from pipeline.config.setting import Section, require, setting
from pipeline.config.standards import find_standard, known_standards
from pipeline.errors import ConfigError
from pipeline.muse.modes import MODES, WIDE_MODES


@dataclass(frozen=True)
class CampaignSettings(Section):
    """What the campaign is called."""

    section: ClassVar[str] = "campaign"

    name: str = setting(
        "ltt3218-2019",
        "folder of the products, and beginning of the names of tables",
        stages=("run",),
        pattern=r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}",
        expected="use up to 64 letters, digits, - and _",
    )
    title: str = setting("LTT 3218 with MUSE, 2019", "heading on the pages", stages=("pages",))

    def of_source(self, source: str) -> str:
        """Name of the campaign's part that comes from one source: a folder, and a section's anchor."""
        return f"{self.name}-{source}"


@dataclass(frozen=True)
class Field(Section):
    """The field on the sky that the campaign observes again and again."""

    section: ClassVar[str] = "field"

    name: str = setting(
        "LTT 3218",
        "name of the field, that of its standard if it has one",
        stages=("archive", "reduce", "simulate", "pages"),
    )
    ra_deg: float = setting(
        130.3854,
        "right ascension, ICRS",
        stages=("archive", "selection", "reduce", "simulate"),
        low=0,
        below=360,
    )
    dec_deg: float = setting(
        -32.9428,
        "declination, ICRS",
        stages=("archive", "selection", "reduce", "simulate"),
        low=-90,
        high=90,
    )
    radius_arcmin: float = setting(
        3.0,
        "an exposure that points farther away is of another field",
        stages=("selection", "reduce"),
        above=0,
    )
    modes: tuple[str, ...] = setting(
        WIDE_MODES,
        "instrument modes (ESO INS MODE) that belong to the campaign, all of one pixel scale",
        stages=("archive", "selection"),
        choices=tuple(MODES),
        not_empty=True,
    )
    pixel_scale_arcsec: float = setting(
        math.nan,
        "size of a spaxel; left out, that of the modes",
        stages=("simulate", "detect"),
        above=0,
        below=10,
    )
    star_registry: str = setting(
        "pipeline/published/data/reference_positions.ecsv",
        "table of known stars (columns id, x, y) that gives the stars of the reference their "
        'numbers; "" numbers them from 1 by y',
        stages=("reference",),
        is_file=True,
    )

    def __post_init__(self) -> None:
        require(len(set(self.modes)) == len(self.modes), f"field.modes = {list(self.modes)}: twice")
        if math.isnan(self.pixel_scale_arcsec):
            scales = {MODES[name].pixel_scale_arcsec for name in self.modes if name in MODES}
            require(
                len(scales) < 2,
                f"field.modes = {list(self.modes)}: pixels of {sorted(scales)} arcsec; "
                "choose modes of one size, or give field.pixel_scale_arcsec",
            )
            object.__setattr__(self, "pixel_scale_arcsec", next(iter(scales), 1.0))
        super().__post_init__()


@dataclass(frozen=True)
class MoreField(Section):
    """Another field to observe: a standard of ``pipeline/config/standards.ecsv``, or name and coordinates."""

    section: ClassVar[str] = "more_fields"

    name: str = setting("", "as field.name", stages=("archive",), required=True)
    ra_deg: float = setting(
        math.nan,
        "right ascension, ICRS; left out, that of pipeline/config/standards.ecsv",
        stages=("archive", "selection", "reduce"),
    )
    dec_deg: float = setting(
        math.nan,
        "declination, ICRS; left out, that of pipeline/config/standards.ecsv",
        stages=("archive", "selection", "reduce"),
    )
    star_registry: str = setting("", "as field.star_registry", stages=("reference",), is_file=True)
    pairs: tuple[tuple[int, int], ...] = setting((), "as statistics.pairs", stages=("statistics",))

    def coordinates(self) -> tuple[float, float]:
        """Right ascension and declination [deg, ICRS].

        Raises
        ------
        ConfigError
            If there are none and the table of standard stars does not know the name.
        """
        if math.isfinite(self.ra_deg) and math.isfinite(self.dec_deg):
            return self.ra_deg, self.dec_deg
        star = find_standard(self.name)
        if star is None:
            raise ConfigError(
                f"more_fields: {self.name!r} has no ra_deg and dec_deg and is not in the table "
                f"of standard stars; known are {', '.join(known_standards())}"
            )
        return star.ra_deg, star.dec_deg
