"""Made-up fluxes and predictions, for the tests of the pages Explore and Plan."""

from collections.abc import Mapping

import numpy as np
from astropy.table import QTable

from pipeline.schema import APERTURE_RADII_PX
from pipeline.statistics.model_tables import chain_table, fluxes_of_series
from pipeline.statistics.nodes import Nodes
from pipeline.statistics.prediction import prediction_table
from pipeline.statistics.reanalysis import series_of_record
from tests.report.tables import fill


def chain_fluxes(tables: Mapping[str, QTable]) -> QTable:
    """Those of the record's five stars, two of them without a known SNR."""
    return chain_table(
        fluxes_of_series(series_of_record(tables), {2: 900.0, 22: 2000.0, 4: 4000.0})
    )


def photometry(
    seed: int,
    ids: list[str],
    star_ids: list[int],
    brightness: np.ndarray,
    band: str,
    radii_px: tuple[float, ...],
    flag: str,
) -> QTable:
    """Fluxes that drift by 2 %; a star with a flag once, a flux that is missing."""
    rng = np.random.default_rng([seed, 7])
    shape = (len(ids), len(star_ids), len(radii_px))
    growth = np.interp(radii_px, APERTURE_RADII_PX, [0.6, 0.85, 0.97, 1.0, 0.98])
    drift = np.exp(rng.normal(0, 0.02, shape[:2]))[:, :, np.newaxis]
    flux = brightness[:, np.newaxis] * growth * drift * rng.lognormal(0, 0.002, shape)
    err = flux / (60 * brightness[:, np.newaxis] ** 0.7 * growth)
    flux[2, 0] = np.nan
    flags = np.full(shape, "", object)
    flags[5, 1] = flag
    n = flux.size
    return fill(
        "photometry",
        n,
        exposure_id=np.repeat(ids, shape[1] * shape[2]),
        star_id=np.tile(np.repeat(star_ids, shape[2]), shape[0]),
        band=[band] * n,
        radius_px=np.tile(radii_px, shape[0] * shape[1]),
        flux=flux.ravel(),
        flux_err=err.ravel(),
        snr=(flux / err).ravel(),
        coverage=[1.0] * n,
        flags=flags.ravel().tolist(),
        method=["exact"] * n,
        noise_source=["STAT"] * n,
        background_std=[0.0] * n,
    )


def prediction(size: float) -> QTable:
    """Of a posterior of three nodes about one size of every part."""
    scale = size**2 * np.array([0.8, 1.0, 1.3])
    parts = dict.fromkeys(("slow", "night", "exposure", "jitter"), scale)
    return prediction_table(
        Nodes(
            **parts,
            tau_days=np.array([30.0, 60.0, 90.0]),
            weight=np.array([0.3, 0.4, 0.3]),
            log_like=np.zeros(3),
            log_like_none=-100.0,
        )
    )
