"""All results of one campaign: the only thing that the report reads."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from astropy.table import QTable

from pipeline.schema.reduction_log import ReductionLog

OURS, PUBLISHED = "ours", "published"  # conventions of a reported value


@dataclass(frozen=True)
class Interval:
    """How well a value is known; NaN where it is not known."""

    sigma: float = math.nan  # 1 sigma
    low68: float = math.nan
    high68: float = math.nan
    low95: float = math.nan
    high95: float = math.nan


@dataclass(frozen=True)
class ReportedValue:
    """One published number with all that belongs to it.

    ``pipeline.schema.definitions.reported`` makes it; pages, tables and tests take it from here.
    """

    key: str  # stable identity, for example "std_published.2-22"
    symbol: str  # as printed, for example "σ_pub(2/22)"
    name: str  # what it is, in words
    value: float  # NaN: could not be computed
    uncertainty: float  # 1 sigma; NaN: none stated
    unit: str  # "" for a pure number
    formula: str  # how it is computed, in one line
    source: str  # table or publication that it comes from
    note: str = ""  # what the uncertainty contains, or why there is none
    convention: str = OURS  # or PUBLISHED: to the letter of the publication that it is held against
    entered: str = ""  # which exposures and stars
    n: int | None = None  # points that entered; None: not counted
    low68: float = math.nan  # bounds of the central 68 and 95 %; NaN: not known
    high68: float = math.nan
    low95: float = math.nan
    high95: float = math.nan
    provenance: str = ""  # digest of everything that shaped it, once it is reported


@dataclass(frozen=True)
class DetectionImage:
    """A detection image and where its zero lies."""

    pixels: np.ndarray  # (y, x) [cube unit], NaN: no data
    exposure_id: str
    mode: str
    standard_xy: tuple[float, float]  # position of the masked standard star [pix]
    standard_radius_px: float  # radius of its mask


@dataclass(frozen=True)
class SpectrumSet:
    """Spectra of all stars in all apertures of exposures that share a wavelength grid."""

    exposure_ids: tuple[str, ...]
    star_ids: tuple[int, ...]
    radii_px: tuple[float, ...]
    wave_aa: np.ndarray  # (wave,)
    flux: np.ndarray  # (exposure, star, aperture, wave) [cube unit], NaN: no data
    variance: np.ndarray  # the same shape [cube unit squared]
    coverage: np.ndarray  # the same shape, share of the aperture on finite spaxels
    unit: str
    n_measured: int = 0  # exposures with such spectra; 0: those that are here are all

    @property
    def is_whole(self) -> bool:
        """Whether no exposure is left out."""
        return self.n_measured in (0, len(self.exposure_ids))


@dataclass(frozen=True)
class Provenance:
    """What shaped a campaign's numbers beside its settings, for the next version to compare."""

    data: str = ""  # digest of the inputs: cubes, or files of the record
    code: str = ""  # digest of the source files that compute the numbers
    libraries: Mapping[str, str] = field(default_factory=dict)  # versions of those that shape them


@dataclass(frozen=True)
class Results:
    """One campaign, measured and summarised."""

    name: str  # folder under site/data: letters, digits, - and _
    title: str
    source: str  # name in the registry of sources
    simulated: bool
    field_name: str
    first_night: str
    last_night: str
    tables: Mapping[str, QTable]  # names of pipeline.schema.TABLES
    numbers: tuple[ReportedValue, ...]
    notes: tuple[str, ...] = ()  # what a reader must know before using the numbers, a sentence each
    reference_exposure: str = ""
    image: DetectionImage | None = None
    spectra: Mapping[str, SpectrumSet] = field(default_factory=dict)  # by mode
    reductions: Mapping[str, ReductionLog] = field(default_factory=dict)  # by exposure
    inputs_digest: str = ""  # sha256 over the identities of everything that shaped the numbers
    settings: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict
    )  # report.toml as read
    origin: Provenance = field(default_factory=lambda: Provenance())  # tells what a change came from
    short_title: str = ""  # for where space is short; "": as ``title``
    introduction: str = ""  # what it is, in a sentence of the summary
    is_measured: bool = True  # from cubes here, not taken over from a publication
    of_standard: bool = True  # the field is that of a standard star
