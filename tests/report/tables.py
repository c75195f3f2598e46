"""Made-up tables of statistics, for the tests of pages."""

import itertools
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.schema import TABLES, empty_value, make_table

HEADLINE = ((2, 22), (4, 6), (15, 2), (22, 4))


def fill(name: str, rows: int, **columns: Any) -> QTable:
    """A table of the schema; columns that are not given hold what stands for "missing"."""
    filled = {
        column.name: columns.pop(column.name, [empty_value(column)] * rows)
        for column in TABLES[name]
    }
    assert not columns, f"{name} has no column {sorted(columns)}"
    return make_table(name, filled)


def ratios(
    rng: np.random.Generator,
    shots: list[tuple[str, str, float]],
    ids: list[str],
    star_ids: list[int],
    xy: np.ndarray,
    snr: np.ndarray,
    choice: tuple[str, float],
) -> tuple[QTable, QTable]:
    """Timelines and pairs of all stars; the exposure 3 of 22/4 is an outlier."""
    pairs = [pair for pair in itertools.combinations(star_ids, 2) if pair[::-1] not in HEADLINE]
    pairs += [pair for pair in HEADLINE if pair not in pairs]
    drift = rng.normal(0, 0.02, (len(shots), len(star_ids)))
    index = {star: k for k, star in enumerate(star_ids)}
    points: list[tuple[Any, ...]] = []
    stats: list[dict[str, Any]] = []
    for one, two in pairs:
        i, j = index[one], index[two]
        deviation = drift[:, i] - drift[:, j]
        deviation -= deviation.mean()
        if (one, two) == (22, 4):
            deviation[3] = 5.3
        photon = float(np.hypot(1 / snr[i], 1 / snr[j]))
        points += [
            (ids[k], night, mode, one, two, deviation[k], photon, "edge" if k % 17 == 5 else "")
            for k, (night, mode, _) in enumerate(shots)
        ]
        std = float(np.std(np.sort(deviation)[1:-1]))
        stats.append(
            {
                "star_1": one,
                "star_2": two,
                "band": choice[0],
                "radius_px": choice[1],
                "n": len(shots),
                "ratio_mean": 1.0,
                "std_published": std,
                "std": std * 1.1,
                "std_robust": std * 0.9,
                "photon_std": photon,
                "excess_std": np.sqrt(max(std**2 - photon**2, 0)),
                "excess_std_err": std / 10,
                "spearman_rho": rng.uniform(-0.5, 0.5),
                "spearman_p": rng.uniform(0, 1),
                "spearman_p_nights": rng.uniform(0, 1),
                "slope_per_year": rng.normal(0, 0.02),
                "slope_err": 0.01,
                "trend_p": 0.4,
                "trend_p_adjusted": 1.0,
                "snr_gmean": np.sqrt(snr[i] * snr[j]),
                "snr_ratio": 1 / np.hypot(1 / snr[i], 1 / snr[j]),
                "separation_px": np.hypot(*(xy[i] - xy[j])),
                "same_channel": False,
            }
        )
    names = [column.name for column in TABLES["timelines"]]
    return (
        make_table(
            "timelines",
            dict(zip(names, map(list, zip(*points, strict=True)), strict=True)),
            band=choice[0],
            radius=choice[1],
        ),
        fill("pairs", len(stats), **{name: [row[name] for row in stats] for name in stats[0]}),
    )


def detections(
    rng: np.random.Generator, ids: list[str], star_ids: list[int], xy: np.ndarray
) -> QTable:
    """Every star near its place, and one source that is no reference star."""
    n = len(star_ids) + 1
    places = np.vstack([xy, [20.0, 20.0]])
    return QTable(
        {
            "exposure_id": np.repeat(ids, n),
            "star_id": np.tile([*star_ids, 0], len(ids)),
            "x": np.tile(places[:, 0], len(ids)) + rng.normal(0, 0.1, n * len(ids)),
            "y": np.tile(places[:, 1], len(ids)) + rng.normal(0, 0.1, n * len(ids)),
        }
    )


def reanalysis() -> QTable:
    subsets = ("all", "without outliers", "mode WFM-AO-N", "season 2019-01-09 to 2019-03-13")
    rows = [(pair, subset) for pair in HEADLINE for subset in subsets]
    n = len(rows)
    numbers = ("mean_shift", "std_published", "std", "std_robust")
    errors = ("std_published_err", "std_err", "std_robust_err", "reading_err")
    trends = ("spearman_rho", "spearman_p", "spearman_rho_nights", "spearman_p_nights")
    return fill(
        "reanalysis",
        n,
        star_1=[pair[0] for pair, _ in rows],
        star_2=[pair[1] for pair, _ in rows],
        subset=[subset for _, subset in rows],
        n=[65] * n,
        n_nights=[39] * n,
        **{name: np.linspace(0.03, 0.05, n) for name in numbers},
        **dict.fromkeys(errors, np.full(n, 0.004)),
        **{name: np.linspace(0.001, 0.9, n) for name in trends},
    )


def differences() -> QTable:
    return fill(
        "differences",
        2,
        key=["one", "two"],
        subject=["trend of 4/6", "aperture of the best SNR"],
        published=["not significant", "r = 4.5 px"],
        data=["p = 0.0019", "r = 4.5 px for 14 of 25 stars"],
        agrees=[False, True],
        matters=["It changes.", "It holds."],
    )


def recovery() -> QTable:
    return fill(
        "recovery",
        2,
        quantity=["affine, worst exposure", "band flux, bias"],
        measured=[0.05, 0.002],
        expected=[0.0, 0.0],
        tolerance=[0.1, 0.001],
        unit=["pix", ""],
        passed=[True, False],
        meaning=["largest distance over the field", "median over stars"],
    )


def channels(rng: np.random.Generator, ids: list[str], name: str) -> QTable:
    n = len(ids) * 4
    columns = {"exposure_id": np.repeat(ids, 4), "channel": np.tile([2, 5, 9, 20], len(ids))}
    drift = rng.normal(0, 0.02, n)
    if name == "truth":
        return QTable(columns | {"response": 1 + drift})
    return fill(name, n, **columns, response=drift, response_err=[0.001] * n, n_stars=[1] * n)


def record_pairs() -> QTable:
    """All ten pairs of five stars; adaptive optics changes the first of them."""
    pairs = list(itertools.combinations((2, 4, 6, 15, 22), 2))
    n = len(pairs)
    spread = np.linspace(0.02, 0.05, n)
    return fill(
        "record_pairs",
        n,
        star_1=[one for one, _ in pairs],
        star_2=[two for _, two in pairs],
        n=[61] * n,
        n_nights=[37] * n,
        std=spread,
        std_within=0.4 * spread,
        std_between=0.9 * spread,
        f_nights=np.linspace(5, 9, n),
        p_nights=np.linspace(1e-5, 7e-4, n),
        slope_per_year=np.linspace(-0.01, 0.01, n),
        slope_err=[0.012] * n,
        trend_p=np.linspace(0.13, 0.83, n),
        trend_p_adjusted=np.linspace(0.61, 0.97, n),
        ao_offset=np.linspace(0.017, 0.001, n),
        ao_offset_err=[0.0047] * n,
        ao_nights=[18] * n,
        ao_p_adjusted=np.linspace(0.013, 0.94, n),
    )


def record_findings() -> QTable:
    """What the page on the record says in words."""
    rows = (
        ("independence", 58.3, np.nan, 4e-11, "five stars", 61),
        ("floor_geometric_mean", 0.0713, 0.0172, np.nan, "all pairs", 276),
        ("floor_ratio", 0.0387, 0.0143, np.nan, "all pairs", 276),
        ("left_out_rms", 0.371, np.nan, np.nan, "pairs known by name", 97),
        ("left_out_covered", 0.931, np.nan, np.nan, "pairs known by name", 97),
    )
    names = ("quantity", "value", "err", "p", "subject", "n")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    return fill("record_findings", len(rows), **columns, meaning=["of made-up numbers"] * len(rows))


def dependence(radii_px: tuple[float, ...], radius_px: float) -> dict[str, QTable]:
    """What ratios depend on: one table of each kind, with a row that says nothing."""
    step = np.linspace(0.0, 0.06, 7)
    return {
        "structure_function": fill(
            "structure_function",
            4,
            lag_days=[np.nan, 0.0, 3.0, 90.0],
            n=[0, 21, 30, 60],
            std=[np.nan, 0.012, 0.021, 0.052],
            std_err=[np.nan, 0.002, 0.003, 0.006],
            model_std=[np.nan, 0.011, 0.022, 0.05],
            model_low=[np.nan, 0.01, 0.02, 0.045],
            model_high=[np.nan, 0.012, 0.025, 0.056],
        ),
        "wavelength": fill(
            "wavelength",
            3,
            band=["R_Bessel", "5000-5100", "7600-7700"],
            first_aa=[5500.0, 5000.0, 7600.0],
            last_aa=[9000.0, 5100.0, 7700.0],
            feature=["O2 B, H2O, O2 A, notch", "", "O2 A"],
            n=[30, 63, 4],
            n_stars=[18, 18, 18],
            floor=[0.034, 0.036, np.nan],
            low68=[0.033, 0.034, np.nan],
            high68=[0.036, 0.038, np.nan],
            low95=[0.031, 0.032, np.nan],
            high95=[0.038, 0.041, np.nan],
            response_std=[0.016, 0.017, np.nan],
            response_correlation=[0.98, 0.95, np.nan],
        ),
        "scatter_comparisons": fill(
            "scatter_comparisons",
            2,
            first=[f"aperture {radii_px[0]:g} px", "AO"],
            second=[f"aperture {radius_px:g} px", "no AO"],
            n_stars=[18, 18],
            n_first=[63, 33],
            n_second=[63, 30],
            ratio=[0.83, 1.05],
            low95=[0.74, 0.95],
            high95=[0.92, 1.16],
            p=[0.002, 0.3],
            p_adjusted=[0.004, 0.3],
        ),
        "mode_offsets": fill(
            "mode_offsets",
            2,
            star_1=[2, 4],
            star_2=[22, 6],
            first=["AO", "AO"],
            second=["no AO", "no AO"],
            n_nights=[19, 3],
            difference=[0.0033, np.nan],
            err=[0.0022, np.nan],
            low95=[-0.0012, np.nan],
            high95=[0.0079, np.nan],
            p_adjusted=[0.43, np.nan],
        ),
        "conditions": fill(
            "conditions",
            2,
            condition=["seeing", "position x"],
            std=[0.0, 0.004],
            low95=[0.0, 0.002],
            high95=[0.0023, 0.006],
            p=[0.9, 0.001],
            p_adjusted=[0.9, 0.002],
            n=[55, 55],
        ),
        "channel_tests": fill(
            "channel_tests",
            2,
            channel=[3, 18],
            step=[0.044, -0.012],
            step_err=[0.016, 0.006],
            step_found=[True, False],
            smallest_step=[0.047, 0.035],
            drift_p_adjusted=[0.0031, 0.7],
        ),
        "step_power": fill(
            "step_power",
            7,
            step=step,
            power_best=np.linspace(0.01, 1.0, 7),
            power_median=np.linspace(0.01, 0.98, 7),
            power_worst=np.linspace(0.01, 0.7, 7),
        ),
    }
