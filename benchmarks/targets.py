"""Are variable sources found, and nothing else? A cluster and a quasar field, at the level of fluxes.

    python -m benchmarks.targets [--seeds N] [--first SEED] [--case cluster|quasar]

Responses of channels and slices are those of the simulator (``pipeline.simulation.response``, preset
"record"), the channels of a star those on which its light falls after dither and rotation. Prints a
Markdown table: shares of the seeds in which the variables were found and no other star was called
variable, and chi squared of the injected light curves.
"""

import argparse
from dataclasses import dataclass, replace

import numpy as np
from astropy.table import QTable

from pipeline.config.settings import SimulationSettings
from pipeline.measure.channel_share import FieldPlace, light_share
from pipeline.measure.contamination import Moffat
from pipeline.simulation.presets import resolve_preset
from pipeline.simulation.response import ChannelResponse
from pipeline.statistics.fluxes import Fluxes
from pipeline.statistics.stability import fit_stability
from pipeline.statistics.targets import Target, target_tables
from pipeline.statistics.variability import variability

FIRST_SEED = 71_000_000  # of the proof; nothing was tuned on these
START_MJD = 58484.0
FIELD_PX, MARGIN_PX = 300.0, 12.0
DITHER_PX = 5.0
RADIUS_PX, BETA, ARCSEC_PER_PX = 4.5, 2.8, 0.2
SEEING_ARCSEC = (0.6, 1.4)
TRANSPARENCY_STD = 0.1  # of ln, common to all stars of an exposure
LINE_SNR_SHARE = 0.3  # of the SNR in the band: a window holds a tenth of the photons
LEVEL = 0.05


@dataclass(frozen=True)
class FieldCase:
    """A field: its stars, exposures and what varies in it."""

    name: str
    n_stars: int
    n_exposures: int
    span_days: float
    snr: tuple[float, float]  # of one exposure, log-uniform
    variable: tuple[tuple[int, float], ...]  # rank in brightness, standard deviation of ln
    asked: int  # how many of these are targets, the others must be found
    rotated: bool = True


CLUSTER = FieldCase("cluster", 300, 12, 200.0, (20.0, 500.0), ((30, 0.05), (60, 0.20)), 0)
QUASAR = FieldCase("quasar", 5, 30, 300.0, (80.0, 300.0), ((0, 0.05),), 1)
CASES = {one.name: one for one in (CLUSTER, QUASAR)}


@dataclass(frozen=True)
class DrawnField:
    """Fluxes in a band and in a window, and what was injected."""

    band: Fluxes
    window: Fluxes
    variable: np.ndarray  # (variable,) columns
    injected: np.ndarray  # (exposure, variable) ln


def draw_field(case: FieldCase, seed: int) -> DrawnField:
    """One campaign of the case.

    Parameters
    ----------
    seed : int
    """
    rng = np.random.default_rng(seed)
    response = ChannelResponse.from_settings(
        resolve_preset(SimulationSettings(preset="record", seed=seed))
    )
    nights = np.sort(rng.choice(int(case.span_days), size=case.n_exposures, replace=False))
    mjd = START_MJD + nights + 1.2 + rng.uniform(-0.15, 0.15, case.n_exposures)
    xy = rng.uniform(MARGIN_PX, FIELD_PX - MARGIN_PX, (case.n_stars, 2)) - FIELD_PX / 2
    if case.n_stars < 24:  # a sparse field: each star on a channel of its own
        xy[:, 1] = np.linspace(-FIELD_PX / 2.4, FIELD_PX / 2.4, case.n_stars)
    shares, factor = _light(case, xy, mjd, response, rng)
    snr = np.exp(rng.uniform(np.log(case.snr[0]), np.log(case.snr[1]), case.n_stars))
    order = np.argsort(-snr)
    variable = order[[rank for rank, _ in case.variable]]
    injected = np.array([std for _, std in case.variable]) * rng.standard_normal(
        (case.n_exposures, len(variable))
    )
    log_flux = np.log(factor) + TRANSPARENCY_STD * rng.standard_normal((case.n_exposures, 1))
    log_flux[:, variable] += injected
    band, window = (
        _fluxes(log_flux, share * snr, mjd, shares, rng) for share in (1.0, LINE_SNR_SHARE)
    )
    return DrawnField(band, window, variable, injected)


def _light(
    case: FieldCase,
    xy: np.ndarray,
    mjd: np.ndarray,
    response: ChannelResponse,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of light (exposure, star, channel) and what the instrument makes of each flux."""
    shares, factors = [], []
    for time in mjd.tolist():
        angle = 90.0 * int(rng.integers(4)) if case.rotated else 0.0
        centre = rng.uniform(-DITHER_PX, DITHER_PX, 2)
        psf = Moffat(rng.uniform(SEEING_ARCSEC[0], SEEING_ARCSEC[1]) / ARCSEC_PER_PX, BETA)
        light = light_share(
            xy, FieldPlace((float(centre[0]), float(centre[1])), angle), psf, RADIUS_PX
        )
        seen = response.channels(time)[:, np.newaxis] * response.slices(time)
        shares.append(light.channels)
        factors.append(np.einsum("scl,cl->s", light.slices, seen))
    return np.array(shares), np.array(factors)


def _fluxes(
    log_flux: np.ndarray,
    snr: np.ndarray,
    mjd: np.ndarray,
    shares: np.ndarray,
    rng: np.random.Generator,
) -> Fluxes:
    mean = np.exp(log_flux) * snr**2
    with np.errstate(invalid="ignore"):
        err = np.sqrt(mean)
    lit = shares.sum(axis=2) > 0.98  # the whole aperture is in the field
    flux = np.where(lit, mean + err * rng.standard_normal(mean.shape), np.nan)
    return Fluxes.from_arrays(flux, np.where(lit, err, np.nan), mjd=mjd, channel_share=shares)


@dataclass(frozen=True)
class Outcome:
    """What came of one seed."""

    found: tuple[bool, ...]  # for each variable
    false_alarms: int
    chi2: tuple[float, ...]  # reduced, of each injected light curve
    chi2_window: tuple[float, ...]


def outcome(case: FieldCase, seed: int) -> Outcome:
    """Whether the variables of one campaign were found, and how well their light curves recovered."""
    drawn = draw_field(case, seed)
    ids = drawn.band.star_ids[drawn.variable]
    asked = [Target(int(star), f"target {star}") for star in ids[: case.asked]]
    clean = _without(drawn.band, [one.star_id for one in asked])
    table = variability(clean, stability=fit_stability(clean))
    called = set(np.asarray(table["star_id"])[np.asarray(table["flag"]) == "variable"].tolist())
    everybody = [
        *asked,
        *(Target(int(star), f"star {star}", asked=False) for star in ids[case.asked :]),
    ]
    tables = target_tables(
        {"band": drawn.band, "window": drawn.window}, everybody, left_out=sorted(called)
    )
    for row in tables["targets"]:
        if row["asked"] and row["band"] == "band" and row["probability"] < LEVEL:
            called.add(int(row["star_id"]))
    chi2, window = (
        tuple(
            _chi2(tables["light_curves"], drawn, name, k, int(star)) for k, star in enumerate(ids)
        )
        for name in ("band", "window")
    )
    others = called - set(ids.tolist())
    return Outcome(tuple(int(star) in called for star in ids), len(others), chi2, window)


def _without(fluxes: Fluxes, stars: list[int]) -> Fluxes:
    left_out = np.isin(fluxes.star_ids, np.array(stars, int))
    return replace(fluxes, flux_flags=np.where(left_out, "target", fluxes.flux_flags))


def _chi2(table: QTable, drawn: DrawnField, band: str, k: int, star: int) -> float:
    """Mean square of the recovered less the injected light curve, in errors."""
    rows = table[(table["star_id"] == star) & (table["band"] == band)]
    place = {mjd: e for e, mjd in enumerate(drawn.band.mjd.tolist())}
    at = [place[float(mjd)] for mjd in rows["mjd_mid"].value]
    truth = drawn.injected[at, k]
    value = np.log(np.asarray(rows["flux"]))
    err = np.asarray(rows["flux_err"]) / np.asarray(rows["flux"])
    return float(np.mean(((value - (truth - truth.mean())) / err) ** 2))


def summary(case: FieldCase, outcomes: list[Outcome]) -> list[str]:
    """A row of the table for each variable of the case."""
    quiet = np.mean([one.false_alarms == 0 for one in outcomes])

    def pooled(name: str, k: int) -> float:
        return float(np.mean([getattr(one, name)[k] for one in outcomes]))

    return [
        f"| {case.name} | {100 * std:g} % | {np.mean([one.found[k] for one in outcomes]):.2f} | "
        f"{quiet:.2f} | {pooled('chi2', k):.2f} | {pooled('chi2_window', k):.2f} | {len(outcomes)} |"
        for k, (_, std) in enumerate(case.variable)
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--case", choices=sorted(CASES), help="only this field")
    given = parser.parse_args()
    print(
        "| field | variation | found | no other star called variable | chi2 | in the window | seeds |"
    )
    print("|---|---|---|---|---|---|---|")
    for case in [CASES[given.case]] if given.case else CASES.values():
        seeds = range(given.first, given.first + given.seeds)
        print("\n".join(summary(case, [outcome(case, seed) for seed in seeds])), flush=True)


if __name__ == "__main__":
    main()
