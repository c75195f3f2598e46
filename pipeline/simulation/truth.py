"""What was put into a simulated campaign, as tables to hold the measurement against."""

from collections.abc import Sequence

import numpy as np
from astropy.table import QTable

from pipeline.config.settings import SimulationSettings
from pipeline.muse.geometry import N_CHANNELS
from pipeline.schema import make_table
from pipeline.simulation.plan import SimulatedExposure
from pipeline.simulation.response import ChannelResponse
from pipeline.simulation.scaling import aperture_weights, band_weights
from pipeline.simulation.scene import Scene
from pipeline.simulation.stars import StarSpec, catalogue_xy, light_xy


def exposures_table(exposures: Sequence[SimulatedExposure]) -> QTable:
    """One row per exposure: what was drawn for it."""
    affine = np.array([exposure.affine for exposure in exposures]).reshape(-1, 6)
    same = (
        *("exposure_id", "night", "mode", "mjd_mid", "fwhm_8000_px", "beta", "throughput"),
        *("haze_mag", "sky_continuum", "sky_lines", "sky_residual", "refraction_px", "event"),
    )
    return make_table(
        "truth_exposures",
        {
            **{name: [getattr(one, name) for one in exposures] for name in same},
            **dict(zip("abcdef", affine.T, strict=True)),
            "airmass": [one.mean_airmass for one in exposures],
            "seeing_arcsec": [sum(one.dimm_arcsec) / 2 for one in exposures],
        },
    )


def channels_table(exposures: Sequence[SimulatedExposure], response: ChannelResponse) -> QTable:
    """One row per exposure and channel: the response as it has drifted."""
    channels = np.array([response.channels(e.mjd_mid) for e in exposures]).reshape(-1, N_CHANNELS)
    slices = np.array([response.slices(e.mjd_mid).std(axis=1) for e in exposures])
    slices = slices.reshape(-1, N_CHANNELS)
    n = channels.shape[1]
    return make_table(
        "truth_channels",
        {
            "exposure_id": np.repeat([one.exposure_id for one in exposures], n),
            "channel": np.tile(np.arange(1, n + 1), len(exposures)),
            "response": channels.ravel(),
            "slice_std": slices.ravel(),
        },
    )


def stars_table(
    stars: tuple[StarSpec, ...], fluxes: Sequence[float], settings: SimulationSettings
) -> QTable:
    """One row per star: where its light falls in the reference exposure, and how much."""
    catalogue, light = catalogue_xy(stars), light_xy(stars)
    return make_table(
        "truth_stars",
        {
            "star_id": [star.star_id for star in stars],
            "x": catalogue[:, 0],
            "y": catalogue[:, 1],
            "x_light": light[:, 0],
            "y_light": light[:, 1],
            "flux_8000": np.array(fluxes)[: len(stars)],
            "variability": [
                settings.variable_std * (star.star_id == settings.variable_star) for star in stars
            ],
        },
    )


def fluxes_table(
    exposure_id: str,
    scene: Scene,
    fluxes: np.ndarray,
    star_ids: Sequence[int],
    star_xy: np.ndarray,
    radii_px: Sequence[float],
    band: tuple[np.ndarray, np.ndarray],
    band_name: str,
    method: str,
) -> QTable:
    """One row per star and radius: what an aperture holds, without noise.

    The aperture stands at the catalogue position taken through the true affine; its spaxels count
    as ``aperture_weights`` says, those without data as zero. Cosmic rays are noise and not in it.
    """
    weights = band_weights(scene, band)
    starlight = scene.starlight(fluxes, weights)
    seen = scene.transmission * starlight
    sky = scene.sky_image(weights)
    uniform_sky = scene.uniform_residual * (weights @ scene.sky)
    variance = scene.variance(fluxes, weights**2)
    rows: list[tuple[float, ...]] = []
    for j, xy in enumerate(star_xy):
        own = np.zeros(starlight.shape)
        own[scene.sources[j].where] = fluxes[j] * scene.summed(scene.sources[j], weights)
        for radius_px in radii_px:
            mask, share = aperture_weights(starlight.shape, xy, radius_px, method)
            has_data = np.isfinite(seen[mask])
            ideal = (share * (starlight[mask] + uniform_sky))[has_data].sum()
            stars, left = (np.nansum(share * image[mask]) for image in (seen, sky))
            noise = np.nansum(share**2 * variance[mask])
            rows.append(
                (
                    stars + left,
                    np.sqrt(noise),
                    (stars + left) / ideal if ideal > 0 else np.nan,
                    left,
                    (share * own[mask])[has_data].sum(),
                    share[has_data].sum() / share.sum() if has_data.size else 0.0,
                )
            )
    values = np.array(rows).reshape(-1, 6).T
    n_stars, n_radii = len(star_ids), len(radii_px)
    n = n_stars * n_radii
    return make_table(
        "truth_fluxes",
        {
            "exposure_id": np.full(n, exposure_id),
            "star_id": np.repeat(np.asarray(star_ids, int), n_radii),
            "band": np.full(n, band_name),
            "radius_px": np.tile(radii_px, n_stars),
            **dict(
                zip(("flux", "flux_err", "response", "sky", "own", "coverage"), values, strict=True)
            ),
        },
    )
