"""What was measured against what was simulated: each comparison a row with its tolerance.

Functions take arrays and return checks; ``pipeline.statistics.truth`` does all of them on the
tables of a simulated campaign. A tolerance is either a requirement (0.1 px) or follows from the scatter of
what is compared (four standard errors, 1 in 16 000 by chance); ``meaning`` says which.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from pipeline.statistics.checks import Check
from pipeline.statistics.excess import excess_scatter
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.pairs import all_pairs, deviations
from pipeline.statistics.scatter import median, std_robust
from pipeline.statistics.subsets import outliers
from pipeline.statistics.trends import SIGNIFICANT, nightly_means, regress, spearman

AFFINE_TOLERANCE_PX = 0.1
N_SIGMA = 4.0
SNR_TOLERANCE = 0.05  # STAT is itself measured from the noisy counts
# What an aperture a few hundredths of a pixel off its star gains and loses, by method: measured on
# noise-free cubes with found positions, overlap areas scatter 0.4 times what whole spaxels do.
WHOLE_SPAXEL_TERM, OVERLAP_TERM = 0.005, 0.002
PULL_TOLERANCE = 0.3  # of the rms, as the size of that term is only known so well
BRIGHT_SNR = 700.0  # above it photon noise of a pair is below 0.2 %
DRIFT_TOLERANCE = 0.05  # of slope and correlation: aperture positions over drifts, squared
APERTURE_TOLERANCE = 0.01  # what 0.1 px of aperture position and whole-spaxel masks do to a ratio
NO_DRIFT_TOLERANCE = 0.02  # seeing and whole-spaxel masks move steady ratios by 1 %
FALSE_TREND_SHARE = 0.1  # of pairs with p < 0.01; they share stars, so 0.01 is only the mean


def affine_checks(measured: np.ndarray, true: np.ndarray, star_xy: np.ndarray) -> list[Check]:
    """Difference of two affines over the hull of the stars: median exposure, worst exposure.

    The difference of two affines is an affine, and its length is largest at a corner of the hull,
    which is a star.

    Parameters
    ----------
    measured, true : ndarray, shape (exposure, 2, 3)
        a b c, d e f; NaN for an exposure without one.
    star_xy : ndarray, shape (star, 2)
    """
    homogeneous = np.column_stack([star_xy, np.ones(len(star_xy))])
    apart = np.linalg.norm((measured - true) @ homogeneous.T, axis=1)
    worst = apart.max(axis=1)
    worst = worst[np.isfinite(worst)]
    meaning = "largest distance over the hull of the stars; the tolerance is a requirement"
    return [
        Check(
            f"affine, {name}",
            value,
            0.0,
            AFFINE_TOLERANCE_PX,
            "pix",
            f"{meaning}; {len(worst)} exposures",
        )
        for name, value in (
            ("median exposure", float(np.median(worst)) if len(worst) else np.nan),
            ("worst exposure", float(worst.max()) if len(worst) else np.nan),
        )
    ]


def flux_checks(
    fluxes: Fluxes, true_flux: np.ndarray, true_err: np.ndarray, *, method: str = "center"
) -> list[Check]:
    """Bias and calibration of band fluxes and of their SNR.

    Parameters
    ----------
    fluxes : Fluxes
    true_flux, true_err : ndarray, shape (exposure, star)
        What an aperture at the true position holds without noise, and the 1 sigma that STAT
        should say.
    method : str
        How fluxes were extracted: it decides what an error of position costs.
    """
    aperture_term = WHOLE_SPAXEL_TERM if method == "center" else OVERLAP_TERM
    used = fluxes.usable & np.isfinite(true_flux) & (true_flux > 0) & (true_err > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(used, fluxes.flux / true_flux - 1, np.nan)
        budget = np.hypot(fluxes.flux_err, aperture_term * true_flux)
        pull = np.where(used, (fluxes.flux - true_flux) / budget, np.nan)
        snr_ratio = np.where(used, (fluxes.flux / fluxes.flux_err) / (true_flux / true_err), np.nan)
    n = np.count_nonzero(used)
    budget_text = f"flux_err and {100 * aperture_term:g} % for the position of the aperture"
    return [
        _about_zero("band flux, bias", relative, "measured/true - 1"),
        _about_zero("band flux, mean pull", pull, f"(measured - true) in units of {budget_text}"),
        Check(
            "band flux, rms pull",
            float(np.sqrt(np.nanmean(pull**2))) if n else np.nan,
            1.0,
            PULL_TOLERANCE,
            "",
            f"root mean square over {n} fluxes, in units of {budget_text}",
        ),
        Check(
            "SNR, measured over true",
            float(np.nanmedian(snr_ratio)) if n else np.nan,
            1.0,
            SNR_TOLERANCE,
            "",
            "median over all unflagged fluxes",
        ),
    ]


def _about_zero(quantity: str, values: np.ndarray, what: str) -> Check:
    """Median over stars of each star's median, with its standard error from their scatter.

    The exposures of one star share its neighbours and its error of position: they count once.
    """
    of_star = median(values)
    of_star = of_star[~np.isnan(of_star)]
    n = len(of_star)
    err = 1.2533 * float(std_robust(of_star[:, np.newaxis])[0]) / np.sqrt(n) if n else np.nan
    return Check(
        quantity,
        float(np.median(of_star)) if n else np.nan,
        0.0,
        N_SIGMA * err,
        "",
        f"median over {n} stars of the median of {what}; tolerance {N_SIGMA:g} standard errors "
        f"from the scatter of the stars",
    )


def drift_checks(
    fluxes: Fluxes,
    true_flux: np.ndarray,
    response: np.ndarray,
    stars_left_out: Iterable[int] = (),
) -> list[Check]:
    """Drifts of bright pairs as measured against those that were put in.

    Parameters
    ----------
    true_flux, response : ndarray, shape (exposure, star)
        What the aperture holds without noise; the transmission that channels and slices gave it.
    stars_left_out : star numbers
        Those that carry a flag.
    """
    pairs = _bright_pairs(fluxes, stars_left_out)
    found = deviations(fluxes, pairs)
    measured = np.where(found.used, found.value, np.nan)
    err = np.where(found.used, found.err, np.nan)
    # The same exposures must enter the mean of truth and measurement.
    flux_flags = np.where(fluxes.usable, fluxes.flux_flags, "missing")
    truth = [
        deviations(replace(fluxes, flux=values, flux_flags=flux_flags), pairs)
        for values in (true_flux, response)
    ]
    light, drift = (np.where(one.used & found.used, one.value, np.nan) for one in truth)
    of_light, of_drift = regress(measured, light), regress(measured, drift)
    expected = regress(light, drift)
    rest = excess_scatter(measured - light, err).std
    n_pairs = len(pairs)
    return [
        Check(
            "pair ratios, slope on what the apertures held",
            of_light.slope,
            1.0,
            N_SIGMA * of_light.slope_err,
            "",
            f"{n_pairs} bright pairs, {of_light.n} points; tolerance {N_SIGMA:g} standard errors",
        ),
        Check(
            "pair ratios, scatter about what the apertures held",
            float(np.nanmedian(rest)) if np.isfinite(rest).any() else np.nan,
            0.0,
            APERTURE_TOLERANCE,
            "",
            "median over pairs of the scatter of measured - true beyond photon noise: positions "
            "of apertures",
        ),
        Check(
            "pair ratios, slope on channel drifts",
            of_drift.slope,
            expected.slope,
            DRIFT_TOLERANCE,
            "",
            f"{n_pairs} bright pairs, {of_drift.n} points on the responses of channels and slices "
            f"alone; expected: the same from the noise-free fluxes, where seeing and sky are in",
        ),
        Check(
            "pair ratios, correlation with channel drifts",
            of_drift.correlation,
            expected.correlation,
            DRIFT_TOLERANCE,
            "",
            "the same points; what is missing to 1 is what seeing and sky do to the ratios",
        ),
    ]


def no_drift_checks(fluxes: Fluxes, stars_left_out: Iterable[int] = ()) -> list[Check]:
    """A campaign whose channels do not drift must show no drift.

    Outlying exposures (a star behind the edge of a cloud, a vignetted corner) are left out.
    """
    pairs = _bright_pairs(fluxes, stars_left_out)
    found = deviations(fluxes, pairs)
    value = np.where(found.used, found.value, np.nan)
    value[outliers(value)] = np.nan
    excess = excess_scatter(value, np.where(found.used, found.err, np.nan)).std
    finite = excess[np.isfinite(excess)]
    nights, means = nightly_means(fluxes.nights, value)
    p = spearman(np.arange(len(nights), dtype=float), means).p
    p = p[np.isfinite(p)]
    return [
        Check(
            "no drift: excess scatter of bright pairs",
            float(np.median(finite)) if len(finite) else np.nan,
            0.0,
            NO_DRIFT_TOLERANCE,
            "",
            f"median over {len(finite)} bright pairs",
        ),
        Check(
            "no drift: share of bright pairs with a trend",
            float(np.mean(p < SIGNIFICANT)) if len(p) else np.nan,
            SIGNIFICANT,
            FALSE_TREND_SHARE,
            "",
            f"nightly rank correlation at p < {SIGNIFICANT:g}, of {len(p)} bright pairs",
        ),
    ]


def _bright_pairs(fluxes: Fluxes, stars_left_out: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Pairs of unflagged stars with a geometric mean SNR above ``BRIGHT_SNR``."""
    left_out = {int(star) for star in stars_left_out}
    snr = dict(zip(fluxes.star_ids.tolist(), fluxes.snr.tolist(), strict=True))
    return tuple(
        pair
        for pair in all_pairs(star for star in fluxes.star_ids.tolist() if star not in left_out)
        if snr[pair[0]] * snr[pair[1]] > BRIGHT_SNR**2
    )
