"""Explore with a large campaign: 200 stars, 1000 exposures, four years, in scripts of a year each."""

import shutil
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.report.downloads.explore_data import FOLDER, chunks, write_explore
from pipeline.report.downloads.script_file import SCRIPTS
from pipeline.schema.results import Results
from tests.report import factory
from tests.report.tables import fill

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N_EXPOSURES, N_STARS, N_CHANGES = 1000, 200, 20
READY_S = 2.0
CHANGE_MS = 100.0
AFTER_PAINT = "() => new Promise((d) => requestAnimationFrame(() => setTimeout(d, 50)))"
NAME = "large-simulated"


def large_campaign() -> Results:
    """Fluxes that drift by 3 %, of four years."""
    rng = np.random.default_rng(8)
    days = np.sort(rng.uniform(0, 4 * 365, N_EXPOSURES))
    nights = np.datetime64("2019-01-02") + np.floor(days).astype("timedelta64[D]")
    modes = rng.choice(["WFM-AO-N", "WFM-NOAO-N", "WFM-AO-E"], N_EXPOSURES)
    ids = [f"MUSE.{k:06d}" for k in range(N_EXPOSURES)]
    stars = np.arange(1, N_STARS + 1)
    shape = (N_EXPOSURES, N_STARS)
    flux = rng.lognormal(5, 1, N_STARS) * np.exp(rng.normal(0, 0.03, shape))
    err = 0.003 * flux
    n = flux.size
    return Results(
        name=NAME,
        title="Large, simulated",
        source="simulated",
        simulated=True,
        field_name="LTT 3218",
        first_night=str(nights[0]),
        last_night=str(nights[-1]),
        numbers=(),
        reference_exposure=ids[0],
        tables={
            "exposures": fill(
                "exposures",
                N_EXPOSURES,
                exposure_id=ids,
                dp_id=ids,
                night=nights.astype(str).tolist(),
                mode=modes.tolist(),
                mjd_mid=58484.0 + days,
                status=["ok"] * N_EXPOSURES,
            ),
            "catalogue": fill(
                "catalogue",
                N_STARS,
                star_id=stars,
                x=rng.uniform(5, 300, N_STARS),
                y=rng.uniform(5, 300, N_STARS),
            ),
            "photometry": fill(
                "photometry",
                n,
                exposure_id=np.repeat(ids, N_STARS),
                star_id=np.tile(stars, N_EXPOSURES),
                band=["I_Bessel"] * n,
                radius_px=[4.5] * n,
                flux=flux.ravel(),
                flux_err=err.ravel(),
                snr=(flux / err).ravel(),
                method=["exact"] * n,
            ),
        },
    )


@pytest.fixture(scope="module")
def large_site(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site with the large campaign in place of its first one on the page Explore."""
    target = tmp_path_factory.mktemp("large") / "site"
    shutil.copytree(site, target)
    write_explore(target, [large_campaign()], factory.build_info())
    page = target / "explore.html"
    text = page.read_text(encoding="utf-8")
    first = text.split('<option value="')[1].split('"')[0]
    page.write_text(text.replace(f'value="{first}"', f'value="{NAME}"'), encoding="utf-8")
    return target


def test_each_year_is_a_script_of_its_own() -> None:
    made = chunks(large_campaign(), factory.build_info())
    view = made[NAME]["views"][0]
    assert [part["n"] for part in view["parts"]] == [
        sum(night.startswith(year) for night in made[NAME]["exposures"]["night"])
        for year in ("2019", "2020", "2021", "2022")
    ]
    assert {part["file"] for part in view["parts"]} <= set(made)


def test_it_is_ready_in_two_seconds_and_a_change_takes_a_tenth(
    watched: Any, large_site: Path, serve: Any
) -> None:
    address = str(serve(large_site))
    one = watched(allowed=address)
    page = one.page
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def worked_s() -> float:
        """Seconds of processor that the page's main thread has used: other work does not count."""
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float({one["name"]: one["value"] for one in metrics}["TaskDuration"])

    page.goto(f"{address}explore.html?campaign={NAME}")
    page.wait_for_selector(".ex-app[data-ready]")
    ready = worked_s()
    assert page.locator("#ex-stat-n").text_content() == str(N_EXPOSURES)
    assert (large_site / SCRIPTS / FOLDER / f"{NAME}.js").is_file()
    page.wait_for_selector(".ex-app[data-pairs]")
    times = []
    for k in range(N_CHANGES):
        page.wait_for_timeout(100)
        before = worked_s()
        page.locator("#ex-a").select_option(str(3 + k))
        page.evaluate(AFTER_PAINT)
        times.append(1000 * (worked_s() - before))
    one.clean()
    print(f"ready after {ready:.2f} s; a change {statistics.median(times):.0f} ms: {times}")
    assert ready < READY_S
    assert statistics.median(times) < CHANGE_MS
