"""Two nights, two channels, a dozen stars: the smallest campaign that shows a channel drift.

Channel 13 sees 3 % more of the sky in the second night than its calibrations know of. Stars on
different channels must show it in their ratio, stars on one channel must not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.geometry import ROW_HEIGHT_PX, SLICES_PER_STACK
from pipeline.settings import Field, SimulationSettings
from pipeline.simulation import PlannedExposure, SimulatedCampaign, StarSpec, simulate_campaign
from pipeline.simulation.raw.campaign import drifted_response, exposure_scene, to_grid
from pipeline.simulation.raw.night import FrameCounts, RawNight, write_night

CHANNELS = (12, 13)
DRIFTING_CHANNEL, CHANGE = 13, 0.03
NIGHTS = ("2019-03-09", "2019-03-11")
# Along the slices: beyond the standard's wings, no closer than 17 px to a star of the other channel
X_FIELD_PX = ((-130.0, -95.0, -60.0, 75.0, 110.0), (-112.5, -77.5, -42.5, 92.5, 127.5))
SNR = ((700.0, 500.0, 350.0, 600.0, 400.0), (650.0, 450.0, 550.0, 300.0, 750.0))


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


def demo_stars(channels: Sequence[int] = CHANNELS) -> tuple[StarSpec, ...]:
    """Stars on the middle of two channels."""
    stars: list[StarSpec] = []
    for channel, x_row, snr_row in zip(channels, X_FIELD_PX, SNR, strict=True):
        y_field = (channel - 12.5) * SLICES_PER_STACK * ROW_HEIGHT_PX
        for x_field, snr in zip(x_row, snr_row, strict=True):
            x, y = to_grid(np.array(x_field), np.array(y_field))
            stars.append(StarSpec(len(stars) + 1, float(x), float(y), (snr,)))
    return tuple(stars)


def demo_campaign(
    field: Field,
    settings: SimulationSettings,
    band: tuple[np.ndarray, np.ndarray],
    mode: str = "WFM-NOAO-N",
    nights: Sequence[str] = NIGHTS,
) -> SimulatedCampaign:
    """The demonstration's campaign: no drift but the injected one, no telescope offset."""
    quiet = replace(settings, drift_std=0.0, offset_arcsec=0.0)
    planned = [PlannedExposure(night, mode) for night in nights]
    return simulate_campaign(
        planned,
        demo_stars(),
        field,
        quiet,
        band=band,
        reference_index=None,
        radii_px=(4.5,),
        with_events=False,
    )


def write_demo(
    folder: Path,
    campaign: SimulatedCampaign,
    *,
    channels: Sequence[int] = CHANNELS,
    injection: Injection | None = None,
    position_angle_deg: float = 0.0,
    counts: FrameCounts | None = None,
    exposures: Sequence[int] | None = None,
) -> list[RawNight]:
    """Write the raw frames of all (or some) exposures of a campaign into one folder."""
    injection = injection or Injection()
    field = campaign.field
    nights = []
    for index in range(len(campaign.exposures)) if exposures is None else exposures:
        exposure = campaign.exposures[index]
        response = injection.response(drifted_response(campaign, exposure), index)
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
    return nights
