"""The reference catalogue as the seeing of a whole campaign shows it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.config.settings import Settings
from pipeline.measure.crowding import in_seeing_of_exposures, psf_of
from pipeline.tasks.collect import OK, Gathered
from pipeline.tasks.fits_products import read_detection
from pipeline.tasks.job import Job

MOST_PSFS = 60  # exposures whose PSF is measured, spread evenly over time: they tell it to 10 %


def with_campaign_contamination(
    gathered: Gathered, jobs: Sequence[Job], settings: Settings
) -> Gathered:
    """The campaign with contamination and the flag "blended" as the seeing of its exposures has them.

    Parameters
    ----------
    gathered : Gathered
    jobs : sequence of Job
        All of the campaign.
    settings : Settings
    """
    by_id = {job.entry.exposure_id: job for job in jobs}
    table = gathered.exposures
    ids = [str(one) for one in table["exposure_id"][[str(one) == OK for one in table["status"]]]]
    used = sorted(set(ids) & set(gathered.measured), key=list(gathered.measured).index)
    at = np.linspace(0, len(used) - 1, min(len(used), MOST_PSFS)).round().astype(int)
    psfs = [psf_of(read_detection(by_id[used[k]].detection)) for k in at.tolist()]
    reference = read_detection(by_id[gathered.catalogue.exposure_id].detection)
    catalogue = in_seeing_of_exposures(gathered.catalogue, reference, psfs, settings)
    return replace(gathered, catalogue=catalogue)
