"""What the page Explore loads: the published numbers to the last bit, channels where stars tell them."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from pipeline.muse.geometry import WIDE_FIELD
from pipeline.report.downloads import explore_fluxes
from pipeline.report.downloads.explore_data import channel_edges, chunks, packed, plan_data, years
from pipeline.report.downloads.explore_fluxes import can_be_explored, published_grids
from pipeline.report.downloads.files import as_published
from pipeline.schema.definitions import BAD_PROBABILITY
from tests.report import factory
from tests.report.tables import fill

STRIPE_PX = WIDE_FIELD.height_px / WIDE_FIELD.n_channels


def _unpacked(content: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(content["data"]), "<" + content["type"])


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
def test_an_array_comes_back_to_the_last_bit(kind: type) -> None:
    values = np.array([[0.1, 2.5, 7.0], [1 / 3, 0.0, 99.0]]).astype(kind)
    found = _unpacked(packed(values))
    assert found.dtype == kind
    assert found.tolist() == values.ravel().tolist()


def test_a_script_holds_the_published_fluxes() -> None:
    campaign = factory.campaign()
    made = chunks(campaign, factory.build_info())
    table = as_published(campaign.tables["photometry"])
    stars = made[campaign.name]["stars"]["id"]
    ids = made[campaign.name]["exposures"]["id"]
    view = made[campaign.name]["views"][0]
    parts = [_unpacked(made[part["file"]]["flux"]) for part in view["parts"]]
    flux = np.concatenate([part.reshape(len(stars), -1) for part in parts], axis=1)
    assert flux.shape == (len(stars), len(ids))
    chosen = (table["radius_px"] == view["radius"]) & (np.asarray(table["band"]) == view["band"])
    for row in table[chosen][::37]:
        found = flux[stars.index(row["star_id"]), ids.index(str(row["exposure_id"]))]
        assert found == row["flux"] or np.isnan(row["flux"])
    assert np.isnan(flux[:, -1]).all(), "the failed exposure has no flux"
    assert "failed" in made[campaign.name]["exposures"]["reason"][-1]


def test_the_view_of_the_headlines_is_first_and_alone_if_all_are_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = factory.campaign()
    grids = published_grids(campaign)
    assert [one.radius_px for one in grids] == [4.5, 1.5, 2.5, 3.5, 5.5]
    monkeypatch.setattr(explore_fluxes, "BUDGET_BYTES", 1000)
    assert [one.radius_px for one in published_grids(campaign)] == [4.5]


def test_the_stars_of_the_record_are_those_of_its_pairs() -> None:
    (grid,) = published_grids(factory.published())
    assert grid.is_log
    assert grid.flux.shape == (65, 5)
    made = chunks(factory.published(), factory.build_info())["record-published"]
    assert made["stars"]["id"] == [2, 4, 6, 15, 22]
    assert grid.snr[[0, 1, 4]] == pytest.approx([900.0, 4000.0, 2000.0])


def test_an_exposure_that_the_model_leaves_out_says_why() -> None:
    campaign = factory.campaign()
    exposures = campaign.tables["exposures"].copy()
    exposures["bad_probability"][0] = 1 - (1 - BAD_PROBABILITY) / 2
    changed = replace(campaign, tables={**campaign.tables, "exposures": exposures})
    reasons = chunks(changed, factory.build_info())[campaign.name]["exposures"]["reason"]
    assert reasons[0].startswith("outlier")
    assert reasons[1] == ""


def test_years_are_runs_of_nights() -> None:
    nights = ["2019-03-01", "2019-12-31", "2020-01-01", "2022-05-05"]
    assert list(years(nights)) == [("2019-0", 0, 2), ("2020-2", 2, 3), ("2022-3", 3, 4)]
    assert list(years([])) == []


def _catalogue(y: np.ndarray, channel: np.ndarray) -> object:
    return fill("catalogue", len(y), y=y, channel=channel, x=np.zeros(len(y)))


def test_channels_lie_where_the_stars_say() -> None:
    bottom = 3.0
    y = bottom + STRIPE_PX * np.array([0.02, 0.98, 5.5, 23.5])
    edges = channel_edges(_catalogue(y, np.array([1, 1, 6, 24])), "WFM-NOAO-N")
    assert edges is not None
    assert len(edges) == WIDE_FIELD.n_channels + 1
    assert edges[0] == pytest.approx(bottom, abs=0.02 * STRIPE_PX)
    assert np.diff(edges) == pytest.approx(STRIPE_PX, abs=0.011)  # both ends are rounded to 0.01


def test_channels_of_a_turned_field_or_of_unknown_ones_are_not_drawn() -> None:
    y = STRIPE_PX * np.array([0.5, 1.5, 2.5])
    assert channel_edges(_catalogue(y, np.array([3, 2, 1])), "WFM-NOAO-N") is None
    assert channel_edges(_catalogue(y, np.zeros(3, int)), "WFM-NOAO-N") is None


def test_a_campaign_without_fluxes_of_two_stars_has_no_page() -> None:
    campaign = factory.campaign()
    assert can_be_explored(campaign)
    for name in ("photometry", "catalogue"):
        tables = {key: table for key, table in campaign.tables.items() if key != name}
        assert not can_be_explored(replace(campaign, tables=tables))
    one = campaign.tables["catalogue"][:1]
    assert not can_be_explored(replace(campaign, tables={**campaign.tables, "catalogue": one}))


def test_the_planner_gets_the_rows_of_the_table() -> None:
    campaign = factory.campaign()
    data = plan_data(campaign)
    assert len(data["rows"]) == len(campaign.tables["prediction"])
    assert data["simulated"] is True
    assert data["rows"][0][1] is None, "the first rows are about the mean over a year"
