"""Synthetic campaigns with known scatter, drift and noise: one factory for all tests here."""

from dataclasses import replace

import numpy as np

from pipeline.statistics.fluxes import Fluxes


def nights_of(n: int, start: str = "2019-01-01", step_days: int = 5) -> np.ndarray:
    """n nights, evenly spaced."""
    return (np.datetime64(start) + step_days * np.arange(n)).astype(str)


def campaign(
    n_exposures: int = 65,
    n_stars: int = 25,
    *,
    snr: float = 1000.0,
    scatter: float = 0.0,
    seed: int = 1,
) -> Fluxes:
    """Stars of constant flux, each with independent scatter and photon noise.

    An exposure's transparency is common to its stars and cancels in ratios. Stars are a factor
    two apart at most; all have the same SNR.
    """
    rng = np.random.default_rng(seed)
    star = np.exp(rng.uniform(0, np.log(2), n_stars)) * 1e4
    transparency = rng.uniform(0.5, 1, (n_exposures, 1))
    truth = star * transparency
    err = truth / snr
    flux = truth * (1 + scatter * rng.normal(size=truth.shape)) + err * rng.normal(size=truth.shape)
    return Fluxes(
        flux=flux,
        flux_err=err,
        nights=nights_of(n_exposures),
        channel=np.arange(n_stars) % 24 + 1,
        snr=np.full(n_stars, snr),
        xy=np.column_stack([10.0 * np.arange(n_stars), np.zeros(n_stars)]),
        modes=np.resize(["WFM-AO-N", "WFM-NOAO-N"], n_exposures),
    )


def with_flux(fluxes: Fluxes, flux: np.ndarray) -> Fluxes:
    """The same campaign with other fluxes, published ones included."""
    return replace(fluxes, flux=flux, flux_published=flux)
