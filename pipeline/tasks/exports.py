"""Long tables made from the flux array, for readers; no statistic starts from them."""

import numpy as np
from astropy.table import QTable

from pipeline.schema import make_table, radius_column
from pipeline.schema.flux_array import FluxArray


def photometry_table(fluxes: FluxArray) -> QTable:
    """The table ``photometry``: every star, band and aperture of every exposure that was measured.

    Rows are sorted by exposure, then by band, star and aperture.
    """
    exposure, band = np.nonzero(fluxes.measured)
    n_stars, n_radii = len(fluxes.star_ids), len(fluxes.radii_px)

    def long(values: np.ndarray) -> np.ndarray:
        """(exposure, star, aperture, band) as one column."""
        return values.transpose(0, 3, 1, 2)[exposure, band].ravel()

    each = n_stars * n_radii
    return make_table(
        "photometry",
        {
            "exposure_id": np.repeat(np.array(fluxes.exposure_ids, str)[exposure], each),
            "star_id": np.tile(np.repeat(fluxes.star_ids, n_radii), len(exposure)),
            "band": np.repeat(np.array(fluxes.bands, str)[band], each),
            "radius_px": np.tile(fluxes.radii_px, len(exposure) * n_stars),
            "flux": long(fluxes.flux),
            "flux_err": long(fluxes.flux_err),
            "snr": long(fluxes.snr),
            "coverage": long(fluxes.coverage),
            "flags": long(fluxes.flags),
            "method": np.full(len(exposure) * each, fluxes.method),
            "noise_source": long(fluxes.noise_source),
            "background_std": long(fluxes.background_std),
        },
        passbands=fluxes.passbands,
    )


def snr_table(fluxes: FluxArray, exposure_id: str, band: str) -> QTable:
    """The table ``snr``: SNR of every star in every aperture of one exposure; NaN: not measured."""
    row = fluxes.exposure_ids.index(exposure_id)
    snr = fluxes.snr[row, :, :, fluxes.band(band)]
    columns = {radius_column(radius): snr[:, k] for k, radius in enumerate(fluxes.radii_px)}
    return make_table(
        "snr", {"star_id": fluxes.star_ids, **columns}, exposure=exposure_id, band=band
    )
