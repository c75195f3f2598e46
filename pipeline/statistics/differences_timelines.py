"""What the study says of its timelines, and what the timelines say."""

from collections.abc import Mapping

import numpy as np
import scipy
from astropy.table import QTable

from pipeline.statistics.columns import numbers
from pipeline.statistics.consistency import fluxes_in
from pipeline.statistics.scatter import std_published, std_sample
from pipeline.statistics.study_comparison import Row, key_of, label, statistics_of, study_comparison
from pipeline.statistics.subsets import Series, outliers
from pipeline.statistics.trends import SIGNIFICANT, spearman

SPRING = ("2019-04-01", "2019-05-30")  # the shorter period that the study's text names
TREND_PAIR = (4, 6)
UNIT_STAR = 15  # the faintest star with a level: outlier fluxes are relative to it
RADIUS_PX = 4.5
EQUAL_FLUXES = 1.5  # ratio of the extreme fluxes below which apertures did not hold their stars
RHO_ROUNDING, P_ROUNDING = 0.0005, 0.005  # half a unit of the last digit that is printed


def timeline_remarks(
    claims: Mapping[str, float],
    series: Series,
    reanalysis: QTable,
    levels: QTable,
    reference_exposure: str,
) -> list[Row]:
    """Rows of ``differences`` about trends, standard deviations, normalisation and the outlier."""
    return [
        trend(claims, reanalysis),
        spring(series),
        *orders(claims, series, reanalysis),
        all_below(claims, series, reanalysis),
        *normalisation(series, reanalysis),
        outlier(series, levels, reference_exposure),
    ]


def p_value(rho: float, n: int) -> float:
    """Two-sided p of a Spearman correlation of n points, Student's t."""
    return float(2 * scipy.special.stdtr(n - 2, -abs(rho) * np.sqrt((n - 2) / (1 - rho**2))))


def _points_behind(rho: float, p: float) -> list[int]:
    """Numbers of points for which rho and p, both rounded, can belong together."""
    return [
        n
        for n in range(5, 500)
        if p_value(rho + RHO_ROUNDING, n) - P_ROUNDING
        < p
        < p_value(rho - RHO_ROUNDING, n) + P_ROUNDING
    ]


def trend(claims: Mapping[str, float], reanalysis: QTable) -> Row:
    """The correlation with time over the whole year."""
    key = key_of(TREND_PAIR)
    rho, p = claims[f"spearman_rho.{key}"], claims[f"spearman_p.{key}"]
    found = statistics_of(reanalysis, TREND_PAIR)
    clean = statistics_of(reanalysis, TREND_PAIR, "without outliers")
    numbers = _points_behind(rho, p)
    return study_comparison(
        f"spearman.{key}",
        f"trend of {label(TREND_PAIR)} over 2019",
        f"rho = {rho:g}, p = {p:g}: not significant",
        f"rho = {found['spearman_rho']:.3f}, p = {found['spearman_p']:.4f} from the "
        f"{found['n']:.0f} plotted points; rho = {found['spearman_rho_nights']:.3f}, "
        f"p = {found['spearman_p_nights']:.3f} from {found['n_nights']:.0f} nightly means; "
        f"without the outlier rho = {clean['spearman_rho']:.3f}, p = {clean['spearman_p']:.4f}. "
        f"The text writes the ratio the other way round, which would change the sign only. Its "
        f"rho and p belong together for {numbers[0]} to {numbers[-1]} points: all of them, not "
        f"nightly means and not one mode.",
        "The plotted points correlate with time more strongly than published. These p-values take exposures "
        "or nights as independent; the test on the page on the record allows for slow drift. How the "
        "study came to its numbers cannot be seen from the record.",
        value=(rho, found["spearman_rho"]),
        agrees=(found["spearman_p"] > SIGNIFICANT) == (p > SIGNIFICANT),
    )


def spring(series: Series) -> Row:
    """The correlation with time in the two months that the text singles out."""
    column = series.pairs.index(TREND_PAIR)
    inside = (series.nights >= SPRING[0]) & (series.nights <= SPRING[1])
    found = spearman(series.mjd[inside], series.deviation[inside])
    rho, p = float(found.rho[column]), float(found.p[column])
    return study_comparison(
        f"spearman_spring.{key_of(TREND_PAIR)}",
        f"trend of {label(TREND_PAIR)} from {SPRING[0]} to {SPRING[1]}",
        "a gentle trend could be envisioned",
        f"rho = {rho:.3f}, p = {p:.1e} from {int(found.n[column])} points",
        "The points correlate with time within these two months. The months were chosen by eye and "
        "the p-value takes exposures as independent: a slow drift without a trend looks like this, too.",
        value=(np.nan, rho),
        agrees=p < SIGNIFICANT,
    )


def orders(claims: Mapping[str, float], series: Series, reanalysis: QTable) -> list[Row]:
    """The four standard deviations of the text against those of the pairs they stand with."""
    panels = ", ".join(f"{claims[f'std_title.{key_of(pair)}']:g}" for pair in series.pairs)
    names = ", ".join(map(label, series.pairs))
    inverted = std_published(1 / (1 + series.deviation))
    rows = []
    for column, pair in enumerate(series.pairs):
        found = statistics_of(reanalysis, pair)
        std = found["std_published"]
        text, title = (claims[f"{kind}.{key_of(pair)}"] for kind in ("std", "std_title"))
        rows.append(
            study_comparison(
                f"std.{key_of(pair)}",
                f"standard deviation of {label(pair)}",
                f"{text:g} in the text, {title:g} above the panel of the figure",
                f"{std:.4f} ({inverted[column]:.4f} for the inverse ratio): this "
                f"{'rounds' if round(std, 2) == title else 'does not round'} to the value above the "
                f"panel and {'to' if round(std, 2) == text else 'not to'} that of the text. The text gives "
                f"the values in the order of the panels ({panels} for {names}) but the pairs in "
                f"another order.",
                "Whoever quotes a pair from the text quotes the value of another pair.",
                value=(text, std),
                err=found["reading_err"],
                agrees=round(std, 2) == text,
            )
        )
    return rows


def all_below(claims: Mapping[str, float], series: Series, reanalysis: QTable) -> Row:
    """The limit below which all standard deviations of the four pairs lie."""
    limit = claims["std_limit"]
    published = max(statistics_of(reanalysis, pair)["std_published"] for pair in series.pairs)
    plain = std_sample(series.deviation)
    worst = int(np.argmax(plain))
    clean = max(statistics_of(reanalysis, pair, "without outliers")["std"] for pair in series.pairs)
    return study_comparison(
        "std_limit",
        "largest standard deviation of the four pairs",
        f"always below {limit:g}",
        f"{published:.4f} as the study computes it; {plain[worst]:.2f} for "
        f"{label(series.pairs[worst])} if no point is dropped; {clean:.4f} at most without the "
        f"outlier. The text does not say that the lowest and the highest point of each pair are "
        f"left out.",
        "The statement holds for the stars; it does not hold for all points that were measured.",
        value=(limit, published),
        agrees=published < limit,
    )


def normalisation(series: Series, reanalysis: QTable) -> list[Row]:
    """What the outlier does to the mean that every ratio is divided by."""
    rows = []
    far = outliers(series.deviation)
    for column, pair in enumerate(series.pairs):
        found = statistics_of(reanalysis, pair, "without outliers")
        extreme = series.deviation[far, column]
        text = ", ".join(f"{value:+.2f}" for value in extreme) or "none"
        displaced = abs(found["mean_shift"]) > found["std"] / np.sqrt(found["n"])
        rows.append(
            study_comparison(
                f"normalisation.{key_of(pair)}",
                f"mean ratio of {label(pair)}",
                "the mean over all displayed measurements stands for the normal ratio",
                f"The mean contains the outlier ({text}); the {found['n']:.0f} other points "
                f"average {found['mean_shift']:+.4f} instead of 0.",
                "The whole timeline is displaced by more than the error of its mean; its scatter "
                "hardly changes."
                if displaced
                else "The outlier moves this pair by less than the error of its mean.",
                value=(0.0, found["mean_shift"]),
                err=found["std"] / np.sqrt(found["n"]),
                agrees=not displaced,
            )
        )
    return rows


def outlier(series: Series, levels: QTable, reference_exposure: str) -> Row:
    """Are the fluxes of the outlying exposure those of stars at all?"""
    far = np.flatnonzero(outliers(series.deviation))
    reference = series.exposure_ids.tolist().index(reference_exposure)
    radius = numbers(levels["radius_px"])
    chosen = levels[radius == RADIUS_PX]
    level = {int(row["star_id"]): float(row["level_2860_2985"]) for row in chosen}
    worst = int(far[0]) if len(far) else reference
    flux = fluxes_in(series, worst, reference, level, UNIT_STAR)
    normal = {star: level[star] / level[UNIT_STAR] for star in flux}
    names = ", ".join(str(star) for star in flux)
    spread = max(flux.values()) / min(flux.values())
    return study_comparison(
        "outlier",
        f"the outlier, {', '.join(series.exposure_ids[far])}",
        "counted as a measurement: triangles at the edge of three panels, kept in the mean",
        f"Its fluxes of stars {names} are as {' : '.join(f'{v:.2f}' for v in flux.values())}; in "
        f"the reference exposure they are as {' : '.join(f'{v:.2f}' for v in normal.values())}.",
        "Stars of very different brightness with nearly one flux: the apertures did not hold the "
        "stars. This is a failed match of positions, not instability, and the exposure should be "
        "rejected by rule."
        if spread < EQUAL_FLUXES
        else "The ratios are not those of empty apertures.",
        value=(max(normal.values()) / min(normal.values()), spread),
        agrees=spread >= EQUAL_FLUXES,
    )
