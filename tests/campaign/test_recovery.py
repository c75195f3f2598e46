"""From the simulated sky to the published tables: the chain finds what was put in, and no more."""

import dataclasses

import numpy as np
import pytest

from pipeline.config.paths import ROOT
from pipeline.config.settings import ExtractionSettings, Settings, SimulationSettings
from pipeline.sources import SimulatedCampaign, simulation_plan
from pipeline.sources.request import Request
from pipeline.workflow.executors import Workers

pytestmark = pytest.mark.slow

DRIFT_STD = 0.025
EVERY = 6  # each sixth exposure of the record, and the reference: 12 of 65, over the whole year
BRIGHT_SNR = 1000.0


class FewExposures(SimulatedCampaign):
    """The simulated campaign with some of its exposures; they are the same as among all."""

    @property
    def plan(self):
        """The record's plan, thinned out."""
        whole = simulation_plan()
        kept = sorted({*range(0, len(whole.planned), EVERY), whole.reference_index})
        return dataclasses.replace(
            whole,
            planned=tuple(whole.planned[index] for index in kept),
            reference_index=kept.index(whole.reference_index),
        )


def measured(work, drift_std, mask):
    """Tables of a campaign with that drift and those aperture masks."""
    settings = Settings(
        extraction=ExtractionSettings(method=mask),
        simulation=SimulationSettings(wave_step_aa=50.0, drift_std=drift_std),
    )
    request = Request(settings, ROOT, ("simulated",), None, None, work, Workers(1), ())
    campaign = FewExposures(request)
    campaign.measure()
    return campaign.summary.tables


@pytest.fixture(scope="module")
def published_masks(tmp_path_factory):
    """As the study and the default report: whole spaxels, drifting channels."""
    return measured(tmp_path_factory.mktemp("published_masks"), DRIFT_STD, "center")


@pytest.fixture(scope="module")
def drifting(tmp_path_factory):
    return measured(tmp_path_factory.mktemp("drifting"), DRIFT_STD, "exact")


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    return measured(tmp_path_factory.mktemp("steady"), 0.0, "exact")


def excess_of_bright_pairs(tables):
    """Excess scatter of bright pairs of unflagged stars on different channels."""
    flagged = {int(row["star_id"]) for row in tables["catalogue"] if row["flags"]}
    return np.array(
        [
            float(row["excess_std"])
            for row in tables["pairs"]
            if row["snr_gmean"] > BRIGHT_SNR
            and not row["same_channel"]
            and not {int(row["star_1"]), int(row["star_2"])} & flagged
        ]
    )


def assert_recovered(recovery):
    """All checks pass but one that is known to miss its tolerance of 0.1 px, and by how much.

    With the field's real size (313 x 305.5 px) steps of the sky reach farther into the image, and
    the centroids of faint stars feel them; the page on recovery shows the miss.
    """
    missed = {str(row["quantity"]) for row in recovery if not row["passed"]}
    assert missed <= {"affine, worst exposure"}
    worst = recovery[np.asarray(recovery["quantity"], str) == "affine, worst exposure"][0]
    assert worst["measured"] < 0.15


def test_every_quantity_is_recovered_within_its_tolerance(published_masks):
    recovery = published_masks["recovery"]
    assert len(recovery) == 10
    assert_recovered(recovery)


def test_the_truth_is_summed_as_the_measurement_is(drifting):
    recovery = drifting["recovery"]
    assert len(recovery) == 10
    assert_recovered(recovery)


def test_channels_that_drift_are_seen_in_pair_ratios_and_channels_that_do_not_are_not(
    drifting, steady
):
    # A pair on two channels scatters by sqrt(2) times what is left of a channel's drift after the
    # stars' share of neighbouring channels; half of that is a cautious lower limit.
    seen = np.median(excess_of_bright_pairs(drifting))
    assert 0.5 * np.sqrt(2) * DRIFT_STD < seen < 2 * np.sqrt(2) * DRIFT_STD
    # Without drift, overlap areas leave what the affine's error moves: 0.35 % of a flux at most.
    none = np.median(excess_of_bright_pairs(steady))
    assert none < np.sqrt(2) * 0.0035
    assert none < seen / 5


def test_the_truth_of_a_steady_campaign_says_that_nothing_drifts(steady):
    assert np.ptp(steady["truth_channels"]["response"]) == 0


def test_everything_simulated_says_so(drifting):
    assert all(drifting["exposures"]["simulated"])


def test_no_simulated_cube_is_left_behind(tmp_path_factory, drifting):
    assert drifting["exposures"]["status"].tolist() == ["ok"] * len(drifting["exposures"])
    work = tmp_path_factory.getbasetemp() / "drifting0"  # the first and only one of this module
    assert len(list(work.rglob("measurement.fits"))) == len(drifting["exposures"])
    assert list(work.rglob("cube.fits*")) == []


def test_the_snr_of_the_reference_exposure_is_the_record_s(published_masks):
    record = {star.star_id: star.snr for star in simulation_plan().stars}
    blended = {
        int(row["star_id"]) for row in published_masks["catalogue"] if "blended" in row["flags"]
    }
    ratio = {
        int(row["star_id"]): float(row["r4.5"]) / record[int(row["star_id"])][3]
        for row in published_masks["snr"]
        if int(row["star_id"]) not in blended
    }
    # One exposure: a flux is known to 1/SNR < 1 %, and the affine's error moves whole spaxels in and
    # out of an aperture: 1.1 % of the flux, at most. STAT's own scatter averages out.
    assert max(abs(value - 1) for value in ratio.values()) < 3 * np.hypot(0.01, 0.011)
