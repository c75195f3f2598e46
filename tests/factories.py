"""Simulated campaigns for tests and benchmarks: the study's field in few, coarse exposures.

``small_campaign`` describes one (0.3 s), ``write_cubes`` puts its cubes on disk (0.4 s and 73 MB
each with 50 Angstrom bins).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.config.passbands import load_band
from pipeline.config.settings import Field, SimulationSettings
from pipeline.muse.cube import write_cube
from pipeline.published import read_record
from pipeline.schema import APERTURE_RADII_PX
from pipeline.simulation import CampaignRealization, PlannedExposure, StarSpec, simulate_campaign

REFERENCE = PlannedExposure("2019-03-10", "WFM-AO-N")
FEW = (
    PlannedExposure("2019-01-26", "WFM-NOAO-N"),
    REFERENCE,
    PlannedExposure("2019-04-19", "WFM-NOAO-E"),
    PlannedExposure("2019-05-09", "WFM-AO-E"),
)


def study_stars() -> tuple[StarSpec, ...]:
    """The 25 stars of the study with their positions and SNR."""
    tables = read_record().tables
    snr = np.column_stack([tables["snr"][f"r{radius}"] for radius in APERTURE_RADII_PX])
    return tuple(
        StarSpec(int(star), float(x), float(y), tuple(float(value) for value in row))
        for star, x, y, row in zip(
            tables["catalogue"]["star_id"],
            tables["catalogue"]["x"].value,
            tables["catalogue"]["y"].value,
            snr,
            strict=True,
        )
    )


def study_plan() -> tuple[PlannedExposure, ...]:
    """The 65 nights and modes of the study."""
    exposures = read_record().tables["exposures"]
    return tuple(
        PlannedExposure(str(night), str(mode))
        for night, mode in zip(exposures["night"], exposures["mode"], strict=True)
    )


def small_campaign(
    planned: Sequence[PlannedExposure] = FEW,
    stars: Sequence[StarSpec] | None = None,
    *,
    with_events: bool = False,
    **settings: float,
) -> CampaignRealization:
    """A campaign of few exposures in 50 Angstrom bins; ``settings`` are SimulationSettings'.

    The reference is 2019-03-10 WFM-AO-N if it is among the planned.
    """
    band = load_band("I_Bessel")
    values: dict[str, float] = {"wave_step_aa": 50.0, **settings}
    return simulate_campaign(
        planned,
        study_stars() if stars is None else stars,
        Field(),
        SimulationSettings(**values),  # type: ignore[arg-type]
        band=(band.wave_aa, band.weight),
        reference_index=list(planned).index(REFERENCE) if REFERENCE in planned else None,
        with_events=with_events,
    )


def write_cubes(folder: Path, campaign: CampaignRealization) -> list[Path]:
    """Write every cube of a campaign; the paths, in its order."""
    paths = []
    for index, exposure in enumerate(campaign.exposures):
        path = folder / f"{exposure.exposure_id.replace(':', '_')}.fits"
        write_cube(path, campaign.headers(index), campaign.layers(index))
        paths.append(path)
    return paths
