"""Exposures of a field that point elsewhere than the reference: who may show more of its stars."""

from collections.abc import Sequence

import numpy as np

from pipeline.config.settings import Settings
from pipeline.config.star_registry import StarRegistry
from pipeline.measure import make_reference
from pipeline.measure.pointings import with_stars_beyond
from pipeline.measure.reference import ReferenceCatalogue, by_seeing
from pipeline.muse.geometry import field_layout
from pipeline.tasks.fits_products import read_detection
from pipeline.tasks.job import Job, done

OTHER_POINTING = 1 / 6  # of the field's width: dithers are smaller
LOOKS_PER_POINTING = 2  # exposures of a pointing whose stars are looked at
Pointing = tuple[float, float]  # right ascension, declination [deg]


def other_pointings(jobs: Sequence[Job]) -> list[Job]:
    """The exposures with the best seeing of every pointing; none if all point at one place.

    What is left out of a reference because it lies beyond its image, these may show.
    """
    exposures = [job.entry.exposure for job in jobs if job.entry.exposure and job.plan is None]
    by_id = {job.entry.exposure_id: job for job in jobs}
    groups: list[list[tuple[Job, Pointing]]] = []
    for exposure in sorted(exposures, key=by_seeing):
        job = by_id[exposure.exposure_id]
        where = exposure.ra_deg, exposure.dec_deg
        if not np.isfinite(where).all():
            continue
        for group in groups:
            if not _is_elsewhere(job, where, group[0][1]):
                group.append((job, where))
                break
        else:
            groups.append([(job, where)])
    if len(groups) < 2:
        return []
    return [job for group in groups for job, _ in group[:LOOKS_PER_POINTING]]


def _pointing(job: Job) -> Pointing:
    exposure = job.entry.exposure
    return (np.nan, np.nan) if exposure is None else (exposure.ra_deg, exposure.dec_deg)


def _is_elsewhere(job: Job, one: Pointing, two: Pointing) -> bool:
    """Whether two pointings are farther apart than dithers are."""
    layout = field_layout(job.entry.exposure.mode if job.entry.exposure else "")
    width_deg = layout.width_px * job.settings.field.pixel_scale_arcsec / 3600
    known = bool(np.isfinite([one, two]).all())
    return known and separation_deg(one, two) > OTHER_POINTING * width_deg


def separation_deg(one: Pointing, two: Pointing) -> float:
    """Angle between two directions (right ascension, declination), in degrees.

    Examples
    --------
    >>> round(separation_deg((359.0, 60.0), (1.0, 60.0)), 4)  # on a parallel, half as long
    1.0
    """
    (ra_1, dec_1), (ra_2, dec_2) = np.radians(one), np.radians(two)
    square = np.sin((dec_2 - dec_1) / 2) ** 2
    square += np.cos(dec_1) * np.cos(dec_2) * np.sin((ra_2 - ra_1) / 2) ** 2
    return float(np.degrees(2 * np.arcsin(np.sqrt(min(1.0, square)))))


def with_other_pointings(
    catalogue: ReferenceCatalogue,
    looked_at: Sequence[Job],
    others: Sequence[Job],
    registry: StarRegistry | None,
    settings: Settings,
) -> ReferenceCatalogue:
    """The catalogue with the stars that exposures of other pointings show beyond its image."""
    own = next(job for job in looked_at if job.entry.exposure_id == catalogue.exposure_id)
    here = _pointing(own)
    found = []
    for job in others:
        if done(job.detection) and _is_elsewhere(job, _pointing(job), here):
            detection = read_detection(job.detection)
            alone = make_reference(job.entry.exposure_id, detection, None, settings)
            found.append((detection, alone))
    image = read_detection(own.detection).image
    return with_stars_beyond(catalogue, image, found, settings, registry)
