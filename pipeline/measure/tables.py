"""Measurements as the published tables ``photometry`` and ``snr``."""

import numpy as np
from astropy.table import QTable

from pipeline.measure.reference import ReferenceCatalogue
from pipeline.measure.results import Measurement
from pipeline.schema import APERTURE_RADII_PX, make_table


def photometry_table(
    exposure_id: str, reference: ReferenceCatalogue, measurement: Measurement
) -> QTable:
    """The rows of one exposure: star by star, band by band, aperture by aperture."""
    bands = measurement.photometry
    shape = (len(reference.star_id), len(bands), len(measurement.spectra.radii_px))

    def column(name: str) -> np.ndarray:
        return np.stack([getattr(b.fluxes, name) for b in bands], axis=1).ravel()

    star, band, radius = np.indices(shape).reshape(3, -1)
    return make_table(
        "photometry",
        {
            "exposure_id": np.full(star.size, exposure_id),
            "star_id": reference.star_id[star],
            "band": np.array([b.band for b in bands])[band],
            "radius_px": measurement.spectra.radii_px[radius],
            "flux": column("flux"),
            "flux_err": column("sigma"),
            "snr": column("snr"),
            "coverage": column("coverage"),
            "flags": np.stack([b.flags for b in bands], axis=1).ravel(),
        },
    )


def snr_table(reference: ReferenceCatalogue, measurement: Measurement, band: str) -> QTable:
    """SNR of the reference exposure in a passband, one column per published aperture.

    A radius of the study that was not measured is a column of NaN.
    """
    snr = next(b.fluxes.snr for b in measurement.photometry if b.band == band)
    at_radius = dict(zip(measurement.spectra.radii_px.tolist(), snr.T, strict=True))
    unknown = np.full(len(snr), np.nan)
    columns = {f"r{radius}": at_radius.get(radius, unknown) for radius in APERTURE_RADII_PX}
    return make_table("snr", {"star_id": reference.star_id, **columns})
