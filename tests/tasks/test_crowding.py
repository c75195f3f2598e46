"""PSFs of exposures are kept from night to night, as long as what shapes them is the same."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.measure.contamination import Moffat
from pipeline.measure.crowding import Light
from pipeline.tasks import crowding
from pipeline.workflow import products

SOURCES = Light(np.array([(10.0, 12.0), (30.0, 31.5)]), np.array([1e4, 2e4]))


@pytest.fixture
def fitted(monkeypatch):
    """Numbers of the exposures whose PSF was fitted, in their order."""
    found = []

    def psf(job, *_):
        found.append(job.number)
        return Moffat(3.0 + job.number / 7, 2.8)

    monkeypatch.setattr(crowding, "_psf", psf)
    return found


def campaign(folder, n):
    """The exposures of a campaign, each with a stamp of its measurement."""
    jobs, measured = {}, {}
    for number in range(n):
        product = folder / f"{number}.fits"
        if not product.exists():
            products.make(product, "measure", {"number": number}, _write)
        jobs[f"e{number}"] = SimpleNamespace(measurement=product, number=number)
        measured[f"e{number}"] = SimpleNamespace(match=SimpleNamespace(affine=np.eye(2, 3)))
    return SimpleNamespace(measured=measured), jobs


def _write(output):
    output.path("product").write_text("measured")


def test_a_new_exposure_is_fitted_and_the_others_are_read(tmp_path, fitted):
    kept = tmp_path / "psfs.json"
    first = crowding._psfs(*campaign(tmp_path, 3), SOURCES, kept)
    assert fitted == [0, 1, 2]
    again = crowding._psfs(*campaign(tmp_path, 4), SOURCES, kept)
    assert fitted == [0, 1, 2, 3]
    assert again[:3] == first  # to the last digit
    assert again[3] == Moffat(3.0 + 3 / 7, 2.8)


def test_other_sources_or_another_measurement_need_another_fit(tmp_path, fitted):
    kept = tmp_path / "psfs.json"
    crowding._psfs(*campaign(tmp_path, 2), SOURCES, kept)
    crowding._psfs(*campaign(tmp_path, 2), Light(SOURCES.xy, 2 * SOURCES.flux), kept)
    assert fitted == [0, 1, 0, 1]
    gathered, jobs = campaign(tmp_path, 2)
    products.make(jobs["e1"].measurement, "measure", {"number": "new"}, _write)
    crowding._psfs(gathered, jobs, Light(SOURCES.xy, 2 * SOURCES.flux), kept)
    assert fitted == [0, 1, 0, 1, 1]


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-9], lambda text: text.replace("2.8", "2.9"), lambda _: "[]"]
)
def test_a_damaged_file_is_made_again(tmp_path, fitted, damage):
    kept = tmp_path / "psfs.json"
    first = crowding._psfs(*campaign(tmp_path, 2), SOURCES, kept)
    kept.write_text(damage(kept.read_text()))
    assert crowding._psfs(*campaign(tmp_path, 2), SOURCES, kept) == first
    assert fitted == [0, 1, 0, 1]
    assert set(json.loads(kept.read_text())["psfs"]) == {"e0", "e1"}
