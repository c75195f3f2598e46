"""Fabricates campaigns with plausible numbers for the tests of pages and site."""

import itertools
from typing import Any

import numpy as np
from astropy.time import Time

from pipeline.campaign import MODES
from pipeline.report.build import BuildInfo
from pipeline.report.citation import Author, Citation
from pipeline.results import Image, Number, Results, SpectrumSet
from pipeline.schema import APERTURE_RADII_PX, TABLES, empty_value, make_table

HEADLINE = ((2, 22), (4, 6), (15, 2), (22, 4))
HOSTILE = '<script>alert(1)</script> `x` *b* [l](javascript:alert(2)) "q" & | # $ \n# big'


def build_info(**changes: Any) -> BuildInfo:
    """A build that is the same on every machine."""
    facts: dict[str, Any] = {
        "version_label": "v2026.11",
        "software_version": "2026.11",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "date": "2026-11-23",
        "command": "python build_report.py --source published --source simulated",
        "citation": Citation(authors=(Author("Doe", "Jane"), Author("Roe", "Richard"))),
        "libraries": {"numpy": "2.0", "astropy": "8.0"},
        "epoch": 1795392000,
    }
    return BuildInfo(**(facts | changes))


def fill(name: str, rows: int, **columns: Any) -> Any:
    """A table of the schema; columns that are not given hold what stands for "missing"."""
    filled = {
        column.name: columns.pop(column.name, [empty_value(column)] * rows)
        for column in TABLES[name]
    }
    assert not columns, f"{name} has no column {sorted(columns)}"
    return make_table(name, filled)


def campaign(
    name: str = "demo-simulated",
    *,
    simulated: bool = True,
    n_nights: int = 12,
    n_stars: int = 8,
    seed: int = 1,
    hostile: bool = False,
) -> Results:
    """A campaign with one exposure per night and mode, one outlier, one failed exposure."""
    rng = np.random.default_rng(seed)
    mjd = 58492.0 + np.sort(rng.choice(280, n_nights, replace=False)) + 0.2
    nights = [str(Time(value, format="mjd").iso[:10]) for value in mjd - 0.5]
    shots = [
        (night, mode, value) for night, value in zip(nights, mjd, strict=True) for mode in MODES
    ]
    n = len(shots)
    ids = [f"MUSE.{night}T05:00:0{MODES.index(mode)}.000" for night, mode, _ in shots]
    status = ["ok"] * (n - 1) + ["failed"]
    why = HOSTILE if hostile else "CubeUnreadable: truncated, 100 bytes instead of 200"
    if hostile:
        ids[0] = "<img src=x onerror=alert(3)>"
    exposures = fill(
        "exposures",
        n,
        exposure_id=ids,
        dp_id=ids,
        night=[night for night, _, _ in shots],
        mode=[mode for _, mode, _ in shots],
        mjd_mid=[value for _, _, value in shots],
        airmass=rng.uniform(1, 1.6, n),
        seeing_arcsec=rng.uniform(0.5, 1.4, n),
        exptime_s=[600.0] * n,
        n_detected=rng.integers(n_stars, n_stars + 4, n),
        n_matched=[n_stars] * n,
        a=rng.normal(1, 3e-4, n),
        b=rng.normal(0, 2e-3, n),
        c=rng.normal(0, 3, n),
        d=rng.normal(0, 2e-3, n),
        e=rng.normal(1, 3e-4, n),
        f=rng.normal(0, 3, n),
        match_rms_px=rng.uniform(0.05, 0.2, n),
        status=status,
        reason=[""] * (n - 1) + [why],
        simulated=[simulated] * n,
    )
    star_ids = sorted({star for pair in HEADLINE for star in pair} | set(range(1, n_stars + 1)))
    n_stars = len(star_ids)
    xy = rng.uniform(10, 290, (n_stars, 2))
    brightness = np.sort(rng.lognormal(3, 1.2, n_stars))[::-1]
    flags = ["edge" if star == star_ids[-1] else "" for star in star_ids]
    catalogue = fill(
        "catalogue",
        n_stars,
        star_id=star_ids,
        x=xy[:, 0],
        y=xy[:, 1],
        flux=brightness,
        channel=(xy[:, 1] // 12.5).astype(int) % 24 + 1,
        slice=rng.integers(1, 49, n_stars),
        edge_distance_px=np.minimum(xy, 300 - xy).min(axis=1),
        flags=flags,
    )
    growth = np.array([0.6, 0.85, 0.97, 1.0, 0.98])
    snr_values = 60 * brightness[:, None] ** 0.7 * growth
    snr = fill(
        "snr",
        n_stars,
        star_id=star_ids,
        **{f"r{radius}": snr_values[:, k] for k, radius in enumerate(APERTURE_RADII_PX)},
    )
    pairs = [
        (one, two) for one, two in itertools.combinations(star_ids, 2) if (two, one) not in HEADLINE
    ]
    pairs += [pair for pair in HEADLINE if pair not in pairs]
    drift = rng.normal(0, 0.02, (n, n_stars))
    index = {star: k for k, star in enumerate(star_ids)}
    rows: dict[str, list[Any]] = {column.name: [] for column in TABLES["timelines"]}
    stats: dict[str, list[Any]] = {column.name: [] for column in TABLES["pairs"]}
    for one, two in pairs:
        deviation = drift[:, index[one]] - drift[:, index[two]]
        deviation = deviation - deviation.mean()
        deviation[3] = 5.3 if (one, two) == (22, 4) else deviation[3]
        photon = float(np.hypot(1 / snr_values[index[one], 3], 1 / snr_values[index[two], 3]))
        for k, (night, mode, _) in enumerate(shots):
            rows["exposure_id"].append(ids[k])
            rows["night"].append(night)
            rows["mode"].append(mode)
            rows["star_1"].append(one)
            rows["star_2"].append(two)
            rows["deviation"].append(deviation[k])
            rows["deviation_err"].append(photon)
            rows["flag"].append("edge" if k % 17 == 5 else "")
        std = float(np.std(np.sort(deviation)[1:-1]))
        for column in TABLES["pairs"]:
            stats[column.name].append(
                {
                    "star_1": one,
                    "star_2": two,
                    "band": "I_Bessel",
                    "radius_px": 4.5,
                    "n": n,
                    "ratio_mean": brightness[index[one]] / brightness[index[two]],
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
                    "snr_gmean": np.sqrt(snr_values[index[one], 3] * snr_values[index[two], 3]),
                    "separation_px": np.hypot(*(xy[index[one]] - xy[index[two]])),
                    "same_channel": False,
                }[column.name]
            )
    tables = {
        "exposures": exposures,
        "catalogue": catalogue,
        "snr": snr,
        "pairs": make_table("pairs", stats),
        "timelines": make_table("timelines", rows),
    }
    numbers = tuple(
        Number(
            f"std_published.{one}-{two}",
            f"σ({one}/{two})",
            f"scatter of the flux ratio {one}/{two}, as published",
            0.03,
            0.004,
            "",
            "std of sorted (F1/F2)/<F1/F2> - 1 without both extremes",
            "pairs",
        )
        for one, two in HEADLINE
    )
    return Results(
        name=name,
        title="LTT 3218, simulated 2019" if simulated else "LTT 3218, published 2019",
        source="simulated" if simulated else "published",
        simulated=simulated,
        field_name=HOSTILE if hostile else "LTT 3218",
        first_night=nights[0],
        last_night=nights[-1],
        tables=tables,
        numbers=numbers,
        notes=("A note on what to keep in mind.",),
        reference_exposure=ids[2],
        image=_image(rng, xy) if simulated else None,
        spectra={"WFM-AO-N": _spectra(rng, ids[:3], star_ids, brightness)} if simulated else {},
        inputs_digest="ab" * 32,
        settings={"detection": {"threshold_sigma": 6.0, "fwhm_px": 5.0}},
    )


def _image(rng: np.random.Generator, xy: np.ndarray) -> Image:
    y, x = np.mgrid[:304, :315]
    pixels = rng.normal(1, 0.1, x.shape)
    for star_x, star_y in xy:
        pixels += 5 * np.exp(-((x - star_x) ** 2 + (y - star_y) ** 2) / 12)
    pixels += 500 * np.exp(-((x - 150) ** 2 + (y - 150) ** 2) / 12)
    pixels[:4] = np.nan
    return Image(pixels, "MUSE.2019-03-10T05:00:00.000", "WFM-AO-N", (150.0, 150.0), 30.0)


def _spectra(
    rng: np.random.Generator, ids: list[str], stars: list[int], brightness: np.ndarray
) -> SpectrumSet:
    wave_aa = np.arange(4750.0, 9351.0, 25.0)
    shape = (len(ids), len(stars), len(APERTURE_RADII_PX), len(wave_aa))
    growth = np.array([0.3, 0.6, 0.8, 0.95, 1.0])[:, None]
    flux = brightness[None, :, None, None] * growth * (wave_aa / 7000) ** -1.0
    flux = np.broadcast_to(flux, shape) * rng.normal(1, 0.01, shape)
    flux[..., (wave_aa > 5805) & (wave_aa < 5966)] = np.nan
    return SpectrumSet(
        tuple(ids),
        tuple(stars),
        APERTURE_RADII_PX,
        wave_aa,
        flux,
        (0.01 * flux) ** 2,
        np.where(np.isfinite(flux), 1.0, 0.0),
        "10**(-20)*erg/s/cm**2/Angstrom",
    )
