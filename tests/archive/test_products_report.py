"""The short way, from the archive's reduced cubes to the report."""

import json

import numpy as np
import pytest
from astropy.table import Table

from pipeline.archive.retrieved import retrieved_cubes
from pipeline.config.loader import read_settings
from tests.archive.adp import simulated_world
from tests.archive.server import DATA, Faults, TestArchive
from tests.factories import REFERENCE, small_campaign, study_plan

N_NIGHTS = 20
FAULTS = ("503", "reset", "truncate", "slow")


def twenty_nights():
    """Twenty nights of the study, one mode each, with the reference."""
    by_night = {one.night: one for one in study_plan()} | {REFERENCE.night: REFERENCE}
    others = [one for night, one in sorted(by_night.items()) if night != REFERENCE.night]
    return (*others[:: len(others) // (N_NIGHTS - 1)][: N_NIGHTS - 1], REFERENCE)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_twenty_nights_of_products_and_raw_frames_with_faults_make_a_report(workspace):
    campaign = small_campaign(twenty_nights())
    kinds = ["product"] * 10 + ["both"] * 4 + ["raw"] * 5 + ["product"]
    assert len(kinds) == len(campaign.exposures) == N_NIGHTS
    world = simulated_world(workspace.folder, campaign, kinds)
    faults = Faults(share=0.2, kinds=FAULTS, seed=20, chunk_pause_s=0.0005, services=(DATA,))
    with TestArchive(world, faults) as archive:
        workspace.point_at(archive, read_timeout_s=30.0)
        assert workspace.run("retrieve") == 0
    settings = read_settings(workspace.config)
    cubes = retrieved_cubes(workspace.work, settings)
    assert len(cubes) == 15
    assert len(list(workspace.raw.glob("*_raw2raw.xml"))) == 5  # what has a product is not reduced
    site = workspace.folder / "site"
    assert workspace.run("build", "--source", "archive", "--site", str(site), "--jobs", "1") == 0

    name = f"{settings.campaign.name}-archive"
    exposures = Table.read(site / "data" / name / "exposures.ecsv")
    assert len(exposures) == N_NIGHTS
    origin = np.asarray(exposures["origin"], str)
    status = np.asarray(exposures["status"], str)
    assert set(status[origin == "product"]) == {"ok"}
    assert set(status[origin == "raw"]) == {"failed"}  # its frames are a few pixels of noise
    assert (origin == "product").sum() == 15
    seen = {
        (str(row["night"]), str(row["mode"])) for row in exposures if row["origin"] == "product"
    }
    expected = zip(campaign.exposures, kinds, strict=True)
    assert seen == {(one.night, one.mode) for one, kind in expected if kind != "raw"}
    assert all(str(row["exposure_id"]).startswith("ADP.") for row in exposures[origin == "product"])
    photometry = Table.read(site / "data" / name / "photometry.ecsv")
    assert set(photometry["exposure_id"]) == set(exposures["exposure_id"][origin == "product"])
    report = json.loads((site / "data" / "report.json").read_text())
    assert name in json.dumps(report)
    products = Table.read(workspace.campaign / "products.ecsv")
    assert set(products["pipeline"]) == {"muse/2.8.7"}
    assert all(str(one).startswith("MUSE.") for one in products["provenance"])
