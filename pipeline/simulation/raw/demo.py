"""Two nights, two channels, a dozen stars: the smallest campaign that shows a channel drift.

Channel 13 sees 3 % more of the sky in the second night than its calibrations know of. Stars on
different channels must show it in their ratio, stars on one channel must not. Everything else is
the same in all nights but the transparency and the noise: with two channels there are too few stars
to average over what seeing and offsets do to an aperture.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy.time import Time

from pipeline.config.settings import Field, SimulationSettings
from pipeline.muse.geometry import ROW_HEIGHT_PX, SLICES_PER_STACK
from pipeline.simulation import CampaignRealization, PlannedExposure, StarSpec, simulate_campaign
from pipeline.simulation.plan import SimulatedExposure
from pipeline.simulation.raw.campaign import drifted_response, exposure_scene, to_grid
from pipeline.simulation.raw.frames import FrameCounts
from pipeline.simulation.raw.night import RawNight, write_night
from pipeline.simulation.raw.truth import write_truth

CHANNELS = (12, 13)
DRIFTING_CHANNEL, CHANGE = 13, 0.03
NIGHTS = ("2019-03-09", "2019-03-11")
# Along the slices: beyond the standard's wings, and so irregular that a match is unambiguous
X_FIELD_PX = ((-131.0, -97.0, -58.0, 79.0, 118.0), (-114.0, -78.0, -36.0, 96.0, 136.0))
Y_OFFSET_PX = ((0.6, -0.8, 0.3, -0.5, 0.9), (-0.7, 0.8, 0.2, -0.9, 0.5))  # from mid-channel
SNR = ((1600.0, 1240.0, 1000.0, 1440.0, 1120.0), (1540.0, 1080.0, 1360.0, 960.0, 1660.0))
# A channel that has changed by 3 % keeps 3 % of the sky, 3 spaxel units of a usual dark night, 1 %
# of the faintest star here: the effect of that is real, but is not what is to be shown.
SKY = 0.1  # relative to a dark sky
SIDEREAL_DAY = 0.99726957  # [d]


@dataclass(frozen=True)
class Injection:
    """One channel whose response to the sky differs from the second night on."""

    channel: int = DRIFTING_CHANNEL
    change: float = CHANGE

    def response(self, base: np.ndarray, night_number: int) -> np.ndarray:
        """The response (24, 48) in a night, 0 the first."""
        changed = base.copy()
        changed[self.channel - 1] *= 1 + self.change * (night_number > 0)
        return changed


def demo_stars(
    channels: Sequence[int] = CHANNELS, position_angle_deg: float = 0.0
) -> tuple[StarSpec, ...]:
    """Stars on the middle of two channels of a field that is turned by an angle."""
    stars: list[StarSpec] = []
    cosine, sine = np.cos(np.radians(position_angle_deg)), np.sin(np.radians(position_angle_deg))
    rows = zip(channels, X_FIELD_PX, Y_OFFSET_PX, SNR, strict=True)
    for channel, x_row, y_row, snr_row in rows:
        y_field = (channel - 12.5) * SLICES_PER_STACK * ROW_HEIGHT_PX
        for x_field, dy, snr in zip(x_row, y_row, snr_row, strict=True):
            across = y_field + dy
            x, y = to_grid(
                np.array(x_field * cosine - across * sine),
                np.array(x_field * sine + across * cosine),
            )
            stars.append(StarSpec(len(stars) + 1, float(x), float(y), (snr,)))
    return tuple(stars)


def demo_campaign(
    field: Field,
    settings: SimulationSettings,
    band: tuple[np.ndarray, np.ndarray],
    mode: str = "WFM-NOAO-N",
    nights: Sequence[str] = NIGHTS,
    position_angle_deg: float = 0.0,
) -> CampaignRealization:
    """The demonstration's campaign: no drift but the injected one, no telescope offset."""
    quiet = replace(settings, drift_std=0.0, offset_arcsec=0.0)
    planned = [PlannedExposure(night, mode) for night in nights]
    campaign = simulate_campaign(
        planned,
        demo_stars(position_angle_deg=position_angle_deg),
        field,
        quiet,
        band=band,
        reference_index=None,
        radii_px=(4.5,),
        with_events=False,
    )
    first = campaign.exposures[0]
    exposures = tuple(_like(first, exposure) for exposure in campaign.exposures)
    return replace(campaign, exposures=exposures)


def _like(first: SimulatedExposure, exposure: SimulatedExposure) -> SimulatedExposure:
    """An exposure under the conditions of the first one, at the same sidereal time.

    Even refraction must be the same: two nights of different airmass showed 0.3 % of scatter between
    stars of one channel, and less at equal sidereal time. Slices are 1.06 spaxels high, so where a
    star lies on them may be the reason; that is one comparison, not a proof.
    """
    days = round(exposure.mjd_start - first.mjd_start)
    start = Time(first.mjd_start + days * SIDEREAL_DAY, format="mjd", precision=3)
    return replace(
        first,
        exposure_id=f"MUSE.{start.isot}",
        date_obs=str(start.isot),
        night=exposure.night,
        mjd_start=float(start.mjd),
        throughput=exposure.throughput,
        affine=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        field_shift_px=(0.0, 0.0),
        sky_continuum=SKY,
        sky_lines=SKY,
    )


def write_demo(
    folder: Path,
    campaign: CampaignRealization,
    *,
    channels: Sequence[int] = CHANNELS,
    injection: Injection | None = None,
    position_angle_deg: float = 0.0,
    counts: FrameCounts | None = None,
    exposures: Sequence[int] | None = None,
) -> list[RawNight]:
    """Write the raw frames of all (or some) exposures of a campaign into one folder, and the truth."""
    injection = injection or Injection()
    field = campaign.field
    nights, responses = [], {}
    for index in range(len(campaign.exposures)) if exposures is None else exposures:
        exposure = campaign.exposures[index]
        response = injection.response(drifted_response(campaign, exposure), index)
        responses[exposure.exposure_id] = response
        scene, conditions = exposure_scene(
            campaign, index, position_angle_deg=position_angle_deg, response=response
        )
        night = write_night(
            folder,
            scene,
            conditions,
            exposure.mjd_start,
            channels=channels,
            seed=campaign.settings.seed,
            target=(field.name.replace(" ", ""), field.ra_deg, field.dec_deg),
            counts=counts or FrameCounts(skyflat=0, separate_flat_bias=False),
        )
        nights.append(night)
    write_truth(folder, responses)
    return nights
