"""Raw frames of a simulated campaign: the exposures, stars and drifts of its cubes, as photons.

What is a property of the reduction in a simulated cube (residual refraction and sky, cosmic rays)
is left to the recipes here; the spikes of the spider arms (1.5 % of a star's light) are not drawn.
"""

from dataclasses import replace

import numpy as np

from pipeline.simulation import instrument, sky
from pipeline.simulation.headers import exposure_headers
from pipeline.simulation.plan import SimulatedExposure
from pipeline.simulation.raw import headers
from pipeline.simulation.raw.exposure import RawScene
from pipeline.simulation.raw.headers import Pointing
from pipeline.simulation.raw.scene import Conditions, FieldStars, make_scene
from pipeline.simulation.response import ChannelResponse
from pipeline.simulation.simulate import CampaignRealization


def exposure_scene(
    campaign: CampaignRealization,
    index: int,
    *,
    position_angle_deg: float = 0.0,
    response: np.ndarray | None = None,
) -> tuple[RawScene, Conditions]:
    """What the telescope sees in one exposure of a campaign, and under which conditions.

    Parameters
    ----------
    position_angle_deg : float
        ESO INS DROT POSANG, while the campaign's cubes all have 0.
    response : ndarray, shape (24, 48), or None
        Response of channels and slices; None: as they have drifted in the campaign.
    """
    exposure = campaign.exposures[index]
    conditions = _conditions(campaign, exposure, position_angle_deg)
    if response is None:
        response = drifted_response(campaign, exposure)
    x, y = _field_xy(exposure, campaign.star_xy(index))
    stars = FieldStars(
        star_id=np.array([star.star_id for star in campaign.stars]),
        east_px=-x,
        north_px=y,
        flux=np.array(campaign.fluxes[:-1]) * exposure.throughput,
    )
    standard_xy = to_field(exposure, np.array([sky.STANDARD_XY]))
    scene = make_scene(
        stars,
        conditions,
        seed=campaign.settings.seed,
        response=response,
        standard_px=(float(-standard_xy[0][0]), float(standard_xy[1][0])),
        standard_flux=campaign.fluxes[-1] * exposure.throughput,
        sky_scale=(exposure.sky_continuum, exposure.sky_lines),
    )
    fwhm = np.array([exposure.profile(float(wave)).fwhm_px for wave in scene.wave_aa[::100]])
    fwhm = np.interp(scene.wave_aa, scene.wave_aa[::100], fwhm)
    return replace(scene, fwhm_px=fwhm, beta=exposure.beta), conditions


def drifted_response(campaign: CampaignRealization, exposure: SimulatedExposure) -> np.ndarray:
    """Response of channels and slices at the time of an exposure, shape (24, 48)."""
    settings = campaign.settings
    response = ChannelResponse.from_settings(settings)
    mjd = exposure.mjd_mid
    return np.asarray(response.channels(mjd)[:, None] * response.slices(mjd))


def to_field(
    exposure: SimulatedExposure, reference_xy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Place in the field [0.2 arcsec] of positions in the reference exposure, shape (n, 2)."""
    a, b, c, d, e, f = exposure.affine
    moved = reference_xy @ np.array([[a, d], [b, e]]) + np.array([c, f])
    return _field_xy(exposure, moved)


def to_grid(x_field_px: np.ndarray, y_field_px: np.ndarray) -> np.ndarray:
    """Position in the reference exposure's image of a place in the field, shape (n, 2) [pix]."""
    angle = np.radians(instrument.FIELD_ANGLE_DEG)
    x, y = np.asarray(x_field_px, float), np.asarray(y_field_px, float)
    dx, dy = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    return np.asarray(np.stack([dx, dy], axis=-1) + np.array(instrument.FIELD_CENTRE_XY))


def _field_xy(exposure: SimulatedExposure, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angle = np.radians(instrument.FIELD_ANGLE_DEG)
    centre = np.add(instrument.FIELD_CENTRE_XY, exposure.field_shift_px)
    dx, dy = (xy - centre).T
    return dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)


def _conditions(
    campaign: CampaignRealization, exposure: SimulatedExposure, position_angle_deg: float
) -> Conditions:
    """The exposure's conditions; the hour angle is the one of its sidereal time."""
    primary = exposure_headers(exposure, campaign.field, np.array([5000.0, 5001.0]))[0]
    start_deg = primary["LST"] / headers.SECONDS_PER_DEGREE
    middle = start_deg - primary["RA"] + exposure.exptime_s / headers.SECONDS_PER_DEGREE / 2
    hour_angle = (middle + 180.0) % 360.0 - 180.0
    return Conditions(
        mode=exposure.mode,
        pointing=Pointing(primary["RA"], primary["DEC"], hour_angle, position_angle_deg),
        exptime_s=exposure.exptime_s,
        seeing_arcsec=exposure.dimm_arcsec[0],
        beta=exposure.beta,
        haze_mag=exposure.haze_mag,
    )
