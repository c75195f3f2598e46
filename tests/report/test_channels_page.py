"""The maps of channels show what stars tell, and their titles say how well."""

from dataclasses import replace

import numpy as np

from pipeline.report.pages.base import PageInputs, PageNumbering
from pipeline.report.pages.channels import context, of_stars
from tests.report import factory
from tests.report.tables import fill

DRIFT = 0.02 * np.array([[1.0, -1.0], [-1.0, 1.0]])  # (exposure, channel) about both means


def campaign(found, truth, n_stars):
    results = factory.campaign()
    ids = [str(one) for one in results.tables["exposures"]["exposure_id"][:2]]
    keys = {"exposure_id": np.repeat(ids, 3), "channel": np.tile([5, 9, 11], 2)}
    responses = fill(
        "channel_responses", 6, **keys, response=found.ravel(), response_err=[0.001] * 6,
        n_stars=np.tile(n_stars, 2),
    )  # fmt: skip
    true = fill("truth_channels", 6, **keys, response=np.exp(truth).ravel())
    tables = {**results.tables, "channel_responses": responses, "truth_channels": true}
    return replace(results, tables=tables)


def test_channels_without_a_star_neither_appear_nor_count():
    """What is found in a channel without a star is far from the truth; the two others are half found."""
    empty = np.array([[9.0], [-9.0]])
    results = campaign(np.hstack([DRIFT / 2, empty]), np.hstack([DRIFT, -empty]), [1, 2, 0])
    assert set(of_stars(results.tables["channel_responses"])["channel"]) == {5, 9}
    inputs = PageInputs((results,), factory.build_info(), {})
    (shown,) = context(inputs, PageNumbering({}))["shown"]
    assert (
        shown.difference.figure.title == "The drift of 2.0 % rms is recovered to within 1.0 % rms"
    )
    assert "over a range of 2.0 %" in shown.found.figure.title


def test_all_channels_are_shown_where_nobody_knows_which_hold_stars():
    results = campaign(np.hstack([DRIFT, [[0.0], [0.0]]]), np.zeros((2, 3)), [0, 0, 0])
    assert len(of_stars(results.tables["channel_responses"])) == 6
