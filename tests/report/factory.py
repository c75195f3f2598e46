"""Campaigns for the tests of pages and site: the real record, and one with made-up numbers."""

from functools import cache
from typing import Any

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from pipeline.muse.modes import WIDE_MODES
from pipeline.published import read_record
from pipeline.report.build import BuildInfo
from pipeline.report.citation import Author, Citation
from pipeline.schema import APERTURE_RADII_PX, make_table, radius_column
from pipeline.schema.definitions import reported
from pipeline.schema.results import DetectionImage, Interval, ReportedValue, Results, SpectrumSet
from tests.report.fluxes import chain_fluxes, photometry, prediction
from tests.report.recipes import reductions
from tests.report.tables import (
    HEADLINE,
    channels,
    dependence,
    detections,
    differences,
    fill,
    ratios,
    reanalysis,
    record_findings,
    record_pairs,
    recovery,
)

BAND, RADIUS_PX = "I_Bessel", 4.5
HOSTILE = '<script>alert(1)</script> `x` *b* [l](javascript:alert(2)) "q" & | # $ \n# big'
HOSTILE_ID = "<img src=x onerror=alert(3)>"
HOSTILE_TITLE = "</script><script>alert(4)</script> \"q\" 'a' --> <!-- {{ x }} {% y %} & Å \\ }{ $%"


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


def hostile_build() -> BuildInfo:
    """A build whose every text wants to be markup."""
    authors = (Author(HOSTILE_TITLE, HOSTILE_TITLE), Author(HOSTILE_TITLE))
    citation = Citation(
        HOSTILE_TITLE,
        authors,
        abstract=HOSTILE_TITLE,
        keywords=(HOSTILE_TITLE,),
        references=(HOSTILE_TITLE,),
    )
    return build_info(citation=citation, version_label=HOSTILE_TITLE, commit=HOSTILE_TITLE)


@cache
def published() -> Results:
    """The real record of 2021, with made-up statistics of it."""
    record = read_record()
    tables = {**record.tables, "reanalysis": reanalysis(), "differences": differences()}
    tables |= {"record_pairs": record_pairs(), "record_findings": record_findings()}
    tables |= {"chain_fluxes": chain_fluxes(tables), "prediction": prediction(0.03)}
    return Results(
        name="record-published",
        title="The record of 2019",
        source="published",
        simulated=False,
        field_name="LTT 3218",
        first_night="2019-01-09",
        last_night="2019-12-26",
        tables=tables,
        numbers=(
            *_numbers(0.03),
            reported(
                "stability_floor",
                0.07,
                source="scatter",
                interval=Interval(0.02, 0.05, 0.09, 0.03, 0.11),
                note="posterior",
            ),
        ),
        notes=record.notes,
        reference_exposure=record.reference_exposure,
        inputs_digest="cd" * 32,
        short_title="study",
        introduction="The numbers of the study of 2021, read off its figures and analysed again.",
        is_measured=False,
    )


def campaign(
    name: str = "demo-simulated",
    *,
    simulated: bool = True,
    n_nights: int = 12,
    n_stars: int = 8,
    seed: int = 1,
    hostile: bool = False,
    band: str = BAND,
    radii_px: tuple[float, ...] = APERTURE_RADII_PX,
    radius_px: float = RADIUS_PX,
) -> Results:
    """A campaign with one exposure per night and mode, one outlier, one failed exposure."""
    rng = np.random.default_rng(seed)
    shots = _shots(rng, n_nights)
    ids = [f"MUSE.{night}T05:00:0{WIDE_MODES.index(mode)}.000" for night, mode, _ in shots]
    if hostile:
        ids[0] = HOSTILE_ID
    star_ids = sorted({star for pair in HEADLINE for star in pair} | set(range(1, n_stars + 1)))
    xy = rng.uniform(10, 290, (len(star_ids), 2))
    brightness = np.sort(rng.lognormal(3, 1.2, len(star_ids)))[::-1]
    exposures = _exposures(rng, shots, ids, len(star_ids), simulated, hostile)
    growth = np.interp(radii_px, APERTURE_RADII_PX, [0.6, 0.85, 0.97, 1.0, 0.98])
    snr_values = 60 * brightness[:, None] ** 0.7 * growth
    at_headline = snr_values[:, radii_px.index(radius_px)]
    timelines, pairs = ratios(rng, shots, ids, star_ids, xy, at_headline, (band, radius_px))
    title = "LTT 3218, simulated 2019" if simulated else "LTT 3218, cubes of 2019"
    return Results(
        name=name,
        title=f"{title} {HOSTILE}" if hostile else title,
        source="simulated" if simulated else "cubes",
        short_title="simulated" if simulated else "",
        introduction="Made on the computer: nothing here was observed." if simulated else "",
        simulated=simulated,
        field_name=HOSTILE if hostile else "LTT 3218",
        first_night=shots[0][0],
        last_night=shots[-1][0],
        tables={
            "exposures": exposures,
            "catalogue": _catalogue(rng, star_ids, xy, brightness, HOSTILE if hostile else "edge"),
            "snr": _snr(star_ids, snr_values, band, radii_px),
            "pairs": pairs,
            "timelines": timelines,
            "detections": detections(rng, ids, star_ids, xy),
            "recovery": recovery(),
            "photometry": photometry(
                seed, ids[:-1], star_ids, brightness, band, radii_px, HOSTILE if hostile else "edge"
            ),
            "prediction": prediction(0.02),
            "channel_responses": channels(rng, ids, "channel_responses"),
            "truth_channels": channels(rng, ids, "truth"),
            **dependence(radii_px, radius_px),
        },
        numbers=_numbers(0.03),
        notes=(HOSTILE if hostile else "A note on what to keep in mind.",),
        reference_exposure=ids[2],
        image=_image(rng, xy),
        spectra={
            mode: _spectra(rng, mode, ids, star_ids, brightness, radii_px)
            for mode in sorted(WIDE_MODES)
        },
        reductions=reductions(ids[:2], HOSTILE if hostile else "CHIP information does not match"),
        inputs_digest="ab" * 32,
        settings={
            "detection": {"threshold_sigma": 6.0, "fwhm_px": 5.0},
            "extraction": {"radii_px": list(radii_px)},
            "photometry": {"bands": [band]},
            "statistics": {
                "band": band,
                "radius_px": radius_px,
                "pairs": [list(p) for p in HEADLINE],
            },
        },
    )


def _numbers(value: float) -> tuple[ReportedValue, ...]:
    known = Interval(0.004, value - 0.004, value + 0.004, value - 0.008, value + 0.008)
    words = {"source": "pairs", "interval": known, "n": 65}
    return tuple(
        reported(quantity, factor * value, subject=f"{one}/{two}", **words)
        for quantity, factor in (("std_published", 1.0), ("std_without_outliers", 1.1))
        for one, two in HEADLINE
    )


def _shots(rng: np.random.Generator, n_nights: int) -> list[tuple[str, str, float]]:
    """Night, mode and time of every exposure, with a pause of half a year."""
    days = np.sort(rng.choice(120, n_nights, replace=False)) + 0.2
    days[n_nights // 2 :] += 180
    mjd = 58492.0 + days
    nights = [str(Time(value - 0.5, format="mjd").iso[:10]) for value in mjd]
    return [
        (night, mode, value)
        for night, value in zip(nights, mjd, strict=True)
        for mode in WIDE_MODES
    ]


def _exposures(
    rng: np.random.Generator,
    shots: list[tuple[str, str, float]],
    ids: list[str],
    n_stars: int,
    simulated: bool,
    hostile: bool,
) -> QTable:
    n = len(shots)
    why = HOSTILE if hostile else "CubeUnreadable: truncated, 100 bytes instead of 200"
    return fill(
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
        f=[*rng.normal(0, 3, n - 1), np.nan],
        match_rms_px=rng.uniform(0.05, 0.2, n),
        status=["ok"] * (n - 1) + ["failed"],
        reason=[""] * (n - 1) + [why],
        simulated=[simulated] * n,
    )


def _catalogue(
    rng: np.random.Generator, star_ids: list[int], xy: np.ndarray, flux: np.ndarray, flag: str
) -> QTable:
    n = len(star_ids)
    return fill(
        "catalogue",
        n,
        star_id=star_ids,
        x=xy[:, 0],
        y=xy[:, 1],
        flux=flux,
        channel=(xy[:, 1] // 12.5).astype(int) % 24 + 1,
        slice=rng.integers(1, 49, n),
        edge_distance_px=np.minimum(xy, 300 - xy).min(axis=1),
        flags=[""] * (n - 1) + [flag],
    )


def _snr(star_ids: list[int], values: np.ndarray, band: str, radii_px: tuple[float, ...]) -> QTable:
    columns = {radius_column(radius): values[:, k] for k, radius in enumerate(radii_px)}
    return make_table("snr", {"star_id": star_ids, **columns}, band=band, exposure="E1")


def _image(rng: np.random.Generator, xy: np.ndarray) -> DetectionImage:
    y, x = np.mgrid[:304, :315]
    pixels = rng.normal(1, 0.05, x.shape)  # faint beside the stars, as in a real image
    for star_x, star_y in xy:
        pixels += 5 * np.exp(-((x - star_x) ** 2 + (y - star_y) ** 2) / 12)
    pixels += 500 * np.exp(-((x - 150) ** 2 + (y - 150) ** 2) / 12)
    pixels[:4] = np.nan
    return DetectionImage(pixels, "MUSE.2019-03-10T05:00:00.000", "WFM-AO-N", (150.0, 150.0), 30.0)


def _spectra(
    rng: np.random.Generator,
    mode: str,
    ids: list[str],
    stars: list[int],
    brightness: np.ndarray,
    radii_px: tuple[float, ...],
) -> SpectrumSet:
    members = [one for one in ids if one.endswith(f"0{WIDE_MODES.index(mode)}.000")][:3]
    wave_aa = np.arange(4750.0 if mode.endswith("N") else 4600.0, 9351.0, 25.0)
    shape = (len(members), len(stars), len(radii_px), len(wave_aa))
    growth = np.interp(radii_px, APERTURE_RADII_PX, [0.3, 0.6, 0.8, 0.95, 1.0])[:, None]
    smooth = brightness[None, :, None, None] * growth * (wave_aa / 7000) ** -1.0
    flux = np.broadcast_to(smooth, shape) * rng.normal(1, 0.01, shape)
    if "-AO-" in mode:
        flux[..., (wave_aa > 5805) & (wave_aa < 5966)] = np.nan
    return SpectrumSet(
        tuple(members),
        tuple(stars),
        radii_px,
        wave_aa,
        flux,
        (0.01 * flux) ** 2,
        np.where(np.isfinite(flux), 1.0, 0.0),
        "10**(-20)*erg/s/cm**2/Angstrom",
    )
