"""An exposure with two cubes, and raw frames with a truth beside them: both are told."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest
from astropy.io import fits

from pipeline.config.loader import read_settings
from pipeline.simulation.raw.truth import TRUTH_FILE, read_truth, write_truth
from pipeline.sources import ArchiveFrames
from pipeline.sources.request import Request
from pipeline.tasks.inputs import PRODUCT, RAW, by_time, cubes_in, without_doubles
from pipeline.workflow.executors import Workers
from tests.reliability.cubes import write_config, write_exposure

CHANGE = 0.03


class TwoReductions(ArchiveFrames):
    """Cubes of both origins, as raw frames that were reduced and products that were fetched leave them."""

    nights = ()

    @cached_property
    def cubes(self):
        found = []
        for name, origin in (("here", RAW), ("there", PRODUCT)):
            entries = cubes_in(self.request.root / name, self.settings)
            found += [replace(one, origin=origin) for one in entries]
        return found

    def entries(self):
        return sorted(without_doubles(self.cubes), key=by_time)

    def reduce(self):
        """They are there."""


@pytest.fixture
def campaign(tmp_path):
    """Three exposures that were reduced here; of the second there is a product, too."""
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    for number in range(3):
        write_exposure(tmp_path / "here" / f"{number}.fits", number)
    product = write_exposure(tmp_path / "there" / "product.fits", 1)
    with fits.open(product, mode="update") as hdus:
        hdus[0].header["ARCFILE"] = "ADP.2020-01-01T00:00:00.000.fits"
        hdus["DATA"].data *= 1.1
        hdus["STAT"].data *= 1.1**2
    settings = read_settings(write_config(tmp_path))
    request = Request(
        settings, tmp_path, ("archive",), None, tmp_path / "here", tmp_path / "work", Workers(1), ()
    )
    return TwoReductions(request)


@pytest.mark.slow
def test_two_reductions_of_one_exposure_are_compared_and_counted_once(campaign):
    campaign.measure()
    tables = campaign.summary.tables
    status = {str(row["exposure_id"]): str(row["status"]) for row in tables["exposures"]}
    assert sorted(status.values()) == ["excluded", "ok", "ok", "ok"]
    (row,) = tables["reductions_compared"]
    assert status[str(row["exposure_id"])] == "excluded"
    assert str(row["product_id"]).startswith("ADP.")
    assert row["n_stars"] == 16
    # the same pixels times 1.1, in single precision
    assert row["offset"] == pytest.approx(-np.log(1.1), abs=1e-5)
    assert row["std"] < 1e-5
    assert "Reduced here and by the observatory: 1 exposures" in campaign.summary.notes[0]


@pytest.mark.slow
def test_what_was_put_in_stands_beside_what_is_found(campaign, tmp_path):
    campaign.measure()
    first, *_, last = [one.exposure_id for one in campaign.entries()]
    channel = int(np.median(campaign.summary.tables["catalogue"]["channel"]))
    assert "recovery" not in campaign.summary.tables
    response = np.ones((24, 48))
    changed = response.copy()
    changed[channel - 1] *= 1 + CHANGE
    write_truth(tmp_path / "here", {first: response})
    write_truth(tmp_path / "here", {last: changed})  # a second call adds to the first
    assert len(read_truth(tmp_path / "here" / TRUTH_FILE)) == 48
    again = TwoReductions(campaign.request)
    (check,) = again.summary.tables["recovery"]  # the truth alone makes the summary stale
    assert check["expected"] == pytest.approx(100 * CHANGE)
    assert check["unit"] == "%"
    assert not check["passed"]  # nothing was put into these cubes
    assert any(
        note.startswith("Put in on purpose: change of channel") for note in again.summary.notes
    )
    assert len(again.summary.tables["truth_channels"]) == 48
