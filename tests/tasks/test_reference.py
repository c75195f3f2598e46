"""Who may become the reference exposure, in which order."""

import numpy as np

from pipeline.config.settings import ReferenceSettings, Settings
from pipeline.muse.exposure import Exposure
from pipeline.tasks import reference
from pipeline.tasks.entry import InputExposure
from pipeline.tasks.job import Job


def test_every_exposure_of_a_campaign_of_any_length_may_become_the_reference(tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "MOST_CANDIDATES", 7)
    settings = Settings(reference=ReferenceSettings(prefer=("MUSE.0011",), candidates=2))
    rng = np.random.default_rng(4)
    seeing = rng.permutation(30) / 30
    exposures = [
        Exposure(f"MUSE.{k:04d}", "", "2019-03-10", "WFM-AO-N", 58500.0 + k, 1.0, one, 40.0, True)
        for k, one in enumerate(seeing.tolist())
    ]
    jobs = [
        Job(InputExposure(one.exposure_id, one), settings, tmp_path / "exposures" / one.exposure_id)
        for one in exposures
    ]
    groups = reference.candidates(jobs, settings)
    ordered = [job.entry.exposure_id for group in groups for job in group]
    best = [exposures[k].exposure_id for k in np.argsort(seeing, kind="stable")]
    assert ordered == ["MUSE.0011", *(one for one in best if one != "MUSE.0011")]
    assert {len(group) for group in groups[1:]} <= {1, 2}
