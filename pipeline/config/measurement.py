"""How stars are found, matched and measured, and what the statistics are made of."""

from dataclasses import dataclass
from typing import ClassVar

from pipeline.config.setting import Section, require, setting

METHODS = ("center", "exact", "psf")  # of extraction: each a module in pipeline/measure/methods


@dataclass(frozen=True)
class DetectionSettings(Section):
    """How stars are found in the detection image."""

    section: ClassVar[str] = "detection"

    band_width_aa: float = setting(
        50.0, "width of one band of the detection image", stages=("detect",), above=0
    )
    n_bands: int = setting(
        3,
        "bands about the centre of the spectrum whose median is the detection image",
        stages=("detect",),
        low=1,
        high=99,
    )
    threshold_sigma: float = setting(
        6.0, "threshold of DAOFIND above the background", stages=("detect",), above=0
    )
    fwhm_px: float = setting(
        5.0,
        "FWHM of the kernel of DAOFIND; half of it is how far a known star may be from its detection",
        stages=("detect", "reference", "measure"),
        low=0.5,
        high=50,
    )
    mask: str = setting(
        "brightest",
        'stars that are masked and not measured: "brightest" (a standard), "saturated" (those whose '
        'core has no data) or "none"; left out where field.name is no standard: "saturated"',
        stages=("detect",),
        choices=("brightest", "saturated", "none"),
    )


@dataclass(frozen=True)
class ReferenceSettings(Section):
    """Which exposure defines the star positions."""

    section: ClassVar[str] = "reference"

    prefer: tuple[str, ...] = setting(
        ("2019-03-10 WFM-AO-N",),
        'the first of these (exposure id, or "NIGHT MODE") that shows stars is the reference',
        stages=("reference",),
    )
    candidates: int = setting(
        5,
        "else, of so many with the best seeing in their headers, the one with most detections, then "
        "the sharpest, then the earliest",
        stages=("reference",),
        low=1,
        high=1000,
    )


@dataclass(frozen=True)
class MatchingSettings(Section):
    """When a detection is the reference star."""

    section: ClassVar[str] = "matching"

    tolerance_px: float = setting(
        1.0,
        "farthest distance of a detection from its star",
        stages=("reference", "measure"),
        above=0,
    )
    max_false_alarm: float = setting(
        1e-6,
        "highest accepted probability that a match is chance",
        stages=("reference", "measure"),
        above=0,
        below=1,
    )


@dataclass(frozen=True)
class ExtractionSettings(Section):
    """How a spectrum is taken from the cube."""

    section: ClassVar[str] = "extraction"

    radii_px: tuple[float, ...] = setting(
        (1.5, 2.5, 3.5, 4.5, 5.5),
        "aperture radii, increasing",
        stages=("truth", "reference", "measure"),
        above=0,
        high=50,
        not_empty=True,
    )
    method: str = setting(
        "exact",
        '"exact" sums the spaxels, each by its area within the radius; "center" those whose centre is '
        'inside, as Herenz and Bian (2021) did; "psf" fits a PSF that is learned from the exposure',
        stages=("truth", "measure"),
        choices=METHODS,
        renamed=("extraction.mask",),
    )
    sky_annulus_px: tuple[float, ...] = setting(
        (),
        "inner and outer radius of an annulus about each star whose mean is subtracted; []: no local "
        'sky ("psf" fits one anyway)',
        stages=("measure",),
        above=0,
        high=200,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            list(self.radii_px) == sorted(set(self.radii_px)),
            f"extraction.radii_px = {list(self.radii_px)}: must increase",
        )
        annulus = self.sky_annulus_px
        require(
            not annulus or (len(annulus) == 2 and annulus[0] < annulus[1]),
            f"extraction.sky_annulus_px = {list(annulus)}: inner and larger outer radius, or []",
        )


@dataclass(frozen=True)
class PhotometrySettings(Section):
    """Which passbands are integrated, and what is too incomplete to count."""

    section: ClassVar[str] = "photometry"

    bands: tuple[str, ...] = setting(
        ("I_Bessel",),
        "passbands, each a file in pipeline/config/passbands",
        stages=("measure",),
        not_empty=True,
    )
    min_coverage: float = setting(
        0.98,
        "lowest share of an aperture and of a passband that makes a flux",
        stages=("measure",),
        above=0,
        high=1,
    )
    stat_factor: float = setting(
        0.0,
        "errors are so many times what STAT says; 0: they are the larger of STAT and the noise in "
        "apertures on blank sky",
        stages=("measure",),
        low=0,
        high=10,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            len(set(self.bands)) == len(self.bands),
            f"photometry.bands = {list(self.bands)}: a passband is named twice",
        )
        require(
            self.stat_factor == 0 or self.stat_factor >= 1,
            f"photometry.stat_factor = {self.stat_factor}: 0 (measured), or 1 and more",
        )


@dataclass(frozen=True)
class StatisticsSettings(Section):
    """Which pairs are headlines, and which stars are left out of summaries."""

    section: ClassVar[str] = "statistics"

    band: str = setting(
        "I_Bessel",
        "passband of the headline numbers, one of photometry.bands",
        stages=("truth", "statistics"),
    )
    radius_px: float = setting(
        4.5,
        "aperture radius of the headline numbers, one of extraction.radii_px",
        stages=("reference", "measure", "statistics"),
        above=0,
    )
    pairs: tuple[tuple[int, int], ...] = setting(
        ((2, 22), (4, 6), (15, 2), (22, 4)),
        "headline pairs by star number; [], or left out beside another field.star_registry: the "
        "brightest unflagged stars on different channels",
        stages=("statistics", "record"),
    )
    edge_margin_px: float = setting(
        2.5,
        "a star nearer to the edge than the largest aperture and this is flagged",
        stages=("reference",),
        low=0,
    )
    max_contamination: float = setting(
        0.02,
        "a star is flagged as blended if its neighbours can change ln F by more than this",
        stages=("reference", "statistics"),
        above=0,
    )
    blend_distance_px: float = setting(
        6.0,
        "a star of the digitised record with a neighbour closer than this is flagged",
        stages=("record",),
        low=0,
    )
    standard_distance_px: float = setting(
        30.0,
        "a star closer than this to a masked star is flagged",
        stages=("reference",),
        low=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for pair in self.pairs:
            require(
                len(pair) == 2 and pair[0] != pair[1],
                f"statistics.pairs holds {list(pair)}: two different star numbers expected",
            )
            require(
                self.pairs.count(pair) == 1, f"statistics.pairs holds {list(pair)} more than once"
            )


@dataclass(frozen=True)
class ReviewSettings(Section):
    """Exposures that somebody has reviewed and excluded, each with the reason."""

    section: ClassVar[str] = "review"

    exclude: tuple[tuple[str, str], ...] = setting(
        (),
        '[exposure id or "NIGHT MODE", reason]: measured and shown with the reason, left out of every '
        "statistic",
        stages=("statistics",),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for exposure, reason in self.exclude:
            require(bool(reason.strip()), f"review.exclude: {exposure!r} needs a reason")
