"""What each reported quantity is, once: symbol, words, formula, unit, convention.

Cards, tables, captions, ``report.json``, downloads and tests take it from here. A quantity whose
definition changes gets a new name, so that no comparison of versions mixes two definitions.

d stands for the deviation (F1/F2) / <F1/F2> - 1 of the flux ratio of two stars in one exposure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.schema.publications import STUDY
from pipeline.schema.results import OURS, PUBLISHED, Interval, ReportedValue

OUTLIER_SIGMA = 10.0  # robust standard deviations: far beyond any drift, a failed measurement
SIGNIFICANCE = 0.05  # an adjusted p-value below it counts as a finding
BAD_PROBABILITY = 0.99  # of an exposure being bad; above: left out of floor, channels, trends
INNER_LEVEL, OUTER_LEVEL = 68, 95  # of intervals, in per cent
NARROW_BAND_AA = 150.0  # a band below that is one of the narrow ones, no passband
HIGH_SNR = 1000.0  # photon noise of such a pair, 0.0014, is far below any scatter seen

UNFLAGGED = "exposures of status ok in which neither star carries a flag"
AS_PUBLISHED = "all exposures of status ok"
CLEAN = (
    "unflagged stars; exposures of status ok, without those that are bad with a probability above 0.99"
)
POSTERIOR = (
    "68 % of the posterior over slow, night, exposure, jitter and time scale; {n_stars} stars on "
    "{n_channels} channels"
)
BOOTSTRAP = "bootstrap over nights, outliers left out: how well the campaign determines the scatter"


@dataclass(frozen=True)
class Definition:
    """A quantity; texts may hold placeholders that ``reported`` fills in."""

    quantity: str  # stable name: beginning of a reported value's key, or name of a column
    symbol: str
    label: str  # head of a table's column
    name: str  # what it is, in words
    formula: str  # how it is computed, in one line
    unit: str = ""  # astropy unit string; "" for a pure number
    convention: str = OURS
    entered: str = ""  # which exposures and stars
    interval: str = ""  # what the uncertainty contains, or why there is none

    @property
    def description(self) -> str:
        """Name and formula: the description of a column that holds the quantity."""
        return f"{self.name}: {self.formula}"


_ALL = (
    Definition(
        "std_published",
        "σ_pub",
        "σ published",
        f"standard deviation in the convention of {STUDY.short}",
        "std (ddof 0) of (F1/F2)/<F1/F2> - 1, lowest and highest dropped; method center, NaN "
        "summed as zero",
        convention=PUBLISHED,
        entered=AS_PUBLISHED,
        interval=BOOTSTRAP,
    ),
    Definition(
        "std",
        "σ",
        "σ",
        "sample standard deviation",
        "std (ddof 1) of d",
        entered=UNFLAGGED,
    ),
    Definition(
        "std_without_outliers",
        "σ",
        "σ without outliers",
        "sample standard deviation without outlying exposures",
        f"std (ddof 1) of d about its mean, exposures farther than {OUTLIER_SIGMA:g} robust "
        "standard deviations from the median of any headline pair left out",
        entered=f"{UNFLAGGED}, without outliers",
        interval="bootstrap over nights",
    ),
    Definition(
        "std_robust",
        "σ_MAD",
        "σ robust",
        "robust standard deviation",
        "1.4826 x median |d - median d|, d = (F1/F2)/<F1/F2> - 1",
        entered=UNFLAGGED,
        interval=BOOTSTRAP,
    ),
    Definition(
        "photon_std",
        "σ_phot",
        "σ photon",
        "scatter that the errors of the fluxes predict",
        "root mean square of the error of d that follows from the errors of the fluxes",
        entered=UNFLAGGED,
    ),
    Definition(
        "excess_std",
        "s",
        "σ excess",
        "scatter beyond photon noise",
        "restricted maximum likelihood of s in d ~ N(mean, photon noise² + s²), without outliers",
        entered=f"{UNFLAGGED}, without outliers",
        interval="longer side of the 68 % interval; photon noise as in STAT, without covariance",
    ),
    Definition(
        "excess_std.bright",
        "median s",
        "median σ excess",
        "median scatter beyond photon noise of bright pairs",
        f"median of s over unflagged pairs with geometric mean SNR > {HIGH_SNR:g}",
        entered="pairs of unflagged stars",
        interval="{n_pairs} pairs; they share stars, so their spread is no error of the median",
    ),
    Definition(
        "trend",
        "ρ",
        "ρ (nights)",
        "rank correlation with time",
        "Spearman ρ of nightly means of the deviation with the night",
        entered=UNFLAGGED,
    ),
    Definition(
        "stability_floor",
        "σ_floor",
        "floor",
        "stability floor: expected scatter of the flux ratio of two stars so bright that photon noise does "
        "not matter, on different channels, with one exposure on each night of a year",
        "√(2 [slow² V(τ) + night² + exposure² + jitter²]) of ln(F1/F2), "
        "V = 1 - 2x (1 - x (1 - exp(-1/x))), x = τ / 365.25 d",
        entered=CLEAN,
        interval=POSTERIOR,
    ),
    Definition(
        "within_night",
        "σ_night",
        "within a night",
        "scatter of the flux ratio of two such stars from exposure to exposure of one night",
        "√(2 [exposure² + jitter²]) of ln(F1/F2)",
        entered=CLEAN,
        interval=POSTERIOR,
    ),
    *(
        Definition(quantity, symbol, label, name, formula, unit, entered=CLEAN, interval=POSTERIOR)
        for quantity, symbol, label, name, formula, unit in (
            ("channel_slow", "σ_slow", "slow drift", "slow drift of one channel", "standard deviation of an Ornstein-Uhlenbeck process in ln F", ""),
            ("channel_night", "σ_n", "night", "term of one channel that changes from night to night", "standard deviation in ln F", ""),
            ("channel_exposure", "σ_e", "exposure", "term of one channel that changes from exposure to exposure", "standard deviation in ln F", ""),
            ("star_jitter", "σ_j", "jitter", "scatter of one star beyond photon noise that its channel does not share", "standard deviation in ln F; part of the exposure term where no channel holds two stars", ""),
            ("slow_timescale", "τ", "time scale", "time scale of the slow drift", "of the Ornstein-Uhlenbeck process; says little where the slow drift is small", "d"),
        )
    ),
    *(
        Definition(
            quantity,
            "N",
            label,
            name,
            formula,
            entered=entered,
            interval="a count has no error",
        )
        for quantity, label, name, formula, entered in (
            ("n_exposures.ok", "used", "exposures used", "rows of exposures with status ok", "all exposures"),
            ("n_exposures.excluded", "excluded", "exposures excluded by a rule or a reviewer", "rows with status excluded", "all exposures"),
            ("n_exposures.failed", "failed", "exposures that failed", "rows with status failed", "all exposures"),
            ("n_nights", "nights", "nights with a used exposure", "distinct nights", "exposures of status ok"),
            ("n_stars", "stars", "reference stars", "rows of catalogue", "all stars"),
            ("n_stars.flagged", "flagged", "stars left out of summaries", "rows of catalogue with a flag: edge, blended, near_standard, variable", "all stars"),
            ("n_stars.variable", "variable", "of these, stars that Gaia DR3 calls variable", "rows with the flag variable", "all stars"),
        )
    ),
    # columns of tables that are no reported values of their own
    Definition("ratio_mean", "<F1/F2>", "mean ratio", "mean flux ratio", "mean of F1/F2", entered=UNFLAGGED),
    Definition("excess_std_err", "", "± σ excess", "1 sigma of excess_std", "longer side of its 68 % interval"),
    Definition("spearman_rho", "ρ", "ρ", "rank correlation with time", "Spearman ρ of d with the time of the exposure, a point per exposure"),
    Definition("spearman_p", "p", "p", "two-sided p-value of the rank correlation", "Student's t with n - 2 degrees of freedom; takes exposures of one night as independent"),
    Definition("spearman_rho_nights", "ρ", "ρ (nights)", "rank correlation with time", "Spearman ρ of nightly means of d with the night"),
    Definition("spearman_p_nights", "p", "p (nights)", "two-sided p-value from nightly means", "Student's t, a point per night"),
    Definition("slope_per_year", "b", "slope", "linear trend of ln(F1/F2)", "generalised least squares with the pooled covariance", "yr-1"),
    Definition("slope_err", "", "± slope", "1 sigma of the slope", "photons, jitter, exposure, night and slow drift", "yr-1"),
    Definition("trend_p", "p", "p (trend)", "two-sided p-value of the trend", "null hypothesis: slow, night and exposure terms of the pooled covariance, no line"),
    Definition("trend_p_adjusted", "p", "p (adjusted)", "p-value of the trend after Holm", "p (trend), adjusted over all rows of the table"),
    Definition("snr_ratio", "S", "SNR of the ratio", "signal-to-noise ratio of the flux ratio", "(1/SNR1² + 1/SNR2²)^(-1/2) in the reference exposure"),
    Definition("snr_gmean", "SNR", "SNR", "geometric mean SNR of the two stars", "sqrt(SNR1 x SNR2) in the reference exposure"),
)  # fmt: skip

DEFINITIONS: Mapping[str, Definition] = {one.quantity: one for one in _ALL}


def reported(
    quantity: str,
    value: float,
    *,
    source: str,
    subject: str = "",
    interval: Interval | None = None,
    n: int | None = None,
    note: str = "",
    **words: object,
) -> ReportedValue:
    """A value with its definition.

    Parameters
    ----------
    quantity : str
        A key of ``DEFINITIONS``.
    value : float
        In the definition's unit; NaN: could not be computed.
    source : str
        Table or publication that it comes from.
    subject : str
        What it is of, "2/22" for a pair of stars; "" for the whole campaign.
    interval : Interval, optional
        Left out, none is stated.
    n : int, optional
        How many points entered.
    note : str
        What belongs to this value alone; else the definition's words on the interval stand there.
    **words
        What the definition's placeholders stand for.

    Raises
    ------
    KeyError
        If there is no such quantity, or a placeholder has no word.
    """
    known = DEFINITIONS[quantity]
    name = f"{known.name}, stars {subject}" if subject else known.name
    bounds = interval or Interval()
    return ReportedValue(
        key=f"{quantity}.{subject.replace('/', '-')}" if subject else quantity,
        symbol=f"{known.symbol}({subject})" if subject else known.symbol,
        name=name,
        value=float(value),
        uncertainty=float(bounds.sigma),
        unit=known.unit,
        formula=known.formula.format(**words),
        source=source,
        note=note or known.interval.format(**words),
        convention=known.convention,
        entered=known.entered,
        n=n,
        low68=float(bounds.low68),
        high68=float(bounds.high68),
        low95=float(bounds.low95),
        high95=float(bounds.high95),
    )


def sigma_only(sigma: float) -> Interval:
    """An interval of which only the 1-sigma uncertainty is known; NaN: none."""
    return Interval(sigma=float(np.nan if sigma is None else sigma))
