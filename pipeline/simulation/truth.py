"""What was put into a simulated campaign, as tables to hold the measurement against."""

from collections.abc import Sequence

import numpy as np
from astropy import units as u
from astropy.table import QTable

from pipeline.muse.geometry import N_CHANNELS, N_SLICES
from pipeline.config.settings import SimulationSettings
from pipeline.simulation.plan import SimulatedExposure
from pipeline.simulation.response import ChannelResponse
from pipeline.simulation.scaling import aperture_weights, band_weights
from pipeline.simulation.scene import Scene
from pipeline.simulation.stars import StarSpec, catalogue_xy, light_xy

# What each column is, as UCD1+ words; the same in whatever table it stands.
_UCDS = {
    "exposure_id": "meta.id",
    "night": "time.epoch",
    "mode": "meta.code;instr.setup",
    "mjd_mid": "time.epoch",
    **dict.fromkeys("abcdef", "stat.fit.param"),
    "airmass": "obs.airMass",
    "seeing_arcsec": "instr.obsty.seeing",
    "fwhm_8000_px": "phys.angSize;instr.det.psf;stat.fwhm",
    "beta": "instr.det.psf",
    "throughput": "phys.transmission;obs.atmos",
    "haze_mag": "obs.atmos.extinction",
    "sky_continuum": "phot.flux.density;instr.background;arith.ratio",
    "sky_lines": "phot.flux.density;instr.background;arith.ratio",
    "sky_residual": "phot.flux.density;instr.background;arith.ratio",
    "refraction_px": "obs.atmos.refractAngle",
    "event": "meta.note",
    "channel": "meta.id;instr",
    "response": "phys.transmission;arith.ratio",
    "slice_std": "stat.stdev;phys.transmission",
    "star_id": "meta.id",
    "x": "pos.cartesian.x;instr.det",
    "y": "pos.cartesian.y;instr.det",
    "x_light": "pos.cartesian.x;instr.det",
    "y_light": "pos.cartesian.y;instr.det",
    "flux_8000": "phot.flux.density",
    "variability": "stat.stdev;phot.flux",
    "band": "meta.id;instr.bandpass",
    "radius_px": "phys.angSize;instr.pixel",
    "flux": "phot.flux.density",
    "flux_err": "stat.error;phot.flux.density",
    "sky": "phot.flux.density;instr.background",
    "own": "phot.flux.density",
    "coverage": "stat.filling",
}


def _table(columns: dict[str, tuple[object, u.UnitBase | None, str]]) -> QTable:
    table = QTable()
    for name, (values, unit, description) in columns.items():
        table[name] = np.asarray(values) * unit if unit is not None else np.asarray(values)
        table[name].info.description = description
        table[name].info.meta = {"ucd": _UCDS[name]}
    return table


def exposures_table(exposures: Sequence[SimulatedExposure]) -> QTable:
    """One row per exposure: what was drawn for it."""
    affine = np.array([exposure.affine for exposure in exposures]).reshape(-1, 6)
    moved = ("x' = a x + b y + c", "y' = d x + e y + f")
    columns: dict[str, tuple[object, u.UnitBase | None, str]] = {
        "exposure_id": ([e.exposure_id for e in exposures], None, "identity"),
        "night": ([e.night for e in exposures], None, "UT date of exposure start minus 12 h"),
        "mode": ([e.mode for e in exposures], None, "instrument mode"),
        "mjd_mid": ([e.mjd_mid for e in exposures], u.d, "middle of the exposure, UTC"),
    }
    for index, name in enumerate("abcdef"):
        unit = u.pix if name in "cf" else None
        text = f"affine, reference to exposure: {moved[index // 3]}"
        columns[name] = (affine[:, index], unit, text)
    columns |= {
        "airmass": ([e.mean_airmass for e in exposures], None, "mean of start and end"),
        "seeing_arcsec": (
            [sum(e.dimm_arcsec) / 2 for e in exposures],
            u.arcsec,
            "DIMM seeing as the header has it",
        ),
        "fwhm_8000_px": (
            [e.fwhm_8000_px for e in exposures],
            u.pix,
            "FWHM of the Moffat profile at 8000 Angstrom, before integration over spaxels",
        ),
        "beta": ([e.beta for e in exposures], None, "index of the Moffat profile"),
        "throughput": ([e.throughput for e in exposures], None, "grey transmission, 1: clear"),
        "haze_mag": (
            [e.haze_mag for e in exposures],
            u.mag,
            "aerosol extinction beyond the mean, per airmass at 5500 Angstrom",
        ),
        "sky_continuum": (
            [e.sky_continuum for e in exposures],
            None,
            "sky between the lines relative to a dark sky",
        ),
        "sky_lines": ([e.sky_lines for e in exposures], None, "airglow relative to its mean"),
        "sky_residual": (
            [e.sky_residual for e in exposures],
            None,
            "share of the sky that is left in every spaxel",
        ),
        "refraction_px": (
            [e.refraction_px for e in exposures],
            u.pix,
            "differential refraction left between 4750 and 7000 Angstrom",
        ),
        "event": ([e.event for e in exposures], None, "cloud or vignetting: on purpose"),
    }
    return _table(columns)


def channels_table(exposures: Sequence[SimulatedExposure], response: ChannelResponse) -> QTable:
    """One row per exposure and channel: the response as it has drifted."""
    channels = np.array([response.channels(e.mjd_mid) for e in exposures]).reshape(-1, N_CHANNELS)
    slices = np.array([response.slices(e.mjd_mid).std(axis=1) for e in exposures])
    slices = slices.reshape(-1, N_CHANNELS)
    n = channels.shape[1]
    return _table(
        {
            "exposure_id": (np.repeat([e.exposure_id for e in exposures], n), None, "identity"),
            "channel": (
                np.tile(np.arange(1, n + 1), len(exposures)),
                None,
                f"MUSE channel 1-{N_CHANNELS}",
            ),
            "response": (channels.ravel(), None, "response relative to its mean over a year"),
            "slice_std": (
                slices.ravel(),
                None,
                f"standard deviation of the {N_SLICES} slices' responses about that of the channel",
            ),
        }
    )


def stars_table(
    stars: tuple[StarSpec, ...], fluxes: Sequence[float], settings: SimulationSettings
) -> QTable:
    """One row per star: where its light falls in the reference exposure, and how much."""
    catalogue, light = catalogue_xy(stars), light_xy(stars)
    return _table(
        {
            "star_id": ([star.star_id for star in stars], None, "star number"),
            "x": (catalogue[:, 0], u.pix, "position in the reference catalogue, 0-based"),
            "y": (catalogue[:, 1], u.pix, "position in the reference catalogue, 0-based"),
            "x_light": (light[:, 0], u.pix, "position of the light: differs for a blended star"),
            "y_light": (light[:, 1], u.pix, "position of the light: differs for a blended star"),
            "flux_8000": (
                np.array(fluxes)[: len(stars)],
                None,
                "all the star's light at 8000 Angstrom above the atmosphere [cube unit]",
            ),
            "variability": (
                [
                    settings.variable_std * (star.star_id == settings.variable_star)
                    for star in stars
                ],
                None,
                "standard deviation of the star's own ln flux",
            ),
        }
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
    return _table(
        {
            "exposure_id": (np.full(n, exposure_id), None, "identity"),
            "star_id": (np.repeat(np.asarray(star_ids, int), n_radii), None, "star number"),
            "band": (np.full(n, band_name), None, "passband"),
            "radius_px": (np.tile(radii_px, n_stars), u.pix, "aperture radius"),
            "flux": (
                values[0],
                None,
                "mean flux density in the passband, without noise [cube unit]",
            ),
            "flux_err": (values[1], None, "1 sigma of it as expected from STAT [cube unit]"),
            "response": (
                values[2],
                None,
                "flux relative to what the aperture would hold if nothing drifted and nothing vignetted",
            ),
            "sky": (values[3], None, "part of flux that sky subtraction left behind [cube unit]"),
            "own": (values[4], None, "light of this star alone, before the instrument [cube unit]"),
            "coverage": (values[5], None, "share of the aperture on spaxels with data"),
        }
    )
