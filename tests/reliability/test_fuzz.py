"""Random damage to every kind of file that is read: a typed refusal or a number, never a traceback.

Each runs for ``FUZZ_SECONDS`` (default: 10); ``FUZZ_SEED`` makes another sequence.
"""

import os
import re
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.config.star_registry import read_registry
from pipeline.errors import ExposureError, RequestError
from pipeline.measure import detect
from pipeline.muse.cube import open_cube, read_header
from pipeline.muse.exposure import field_of, identify
from pipeline.workflow import products
from pipeline.workflow.supervise import Limits, supervise
from tests.reliability.cubes import write_config, write_exposure
from tests.reliability.mutations import mutated

SECONDS = float(os.environ.get("FUZZ_SECONDS", "10"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SLOWEST_S = 5.0
LIMITS = Limits(SLOWEST_S * 4, 1 << 30)  # the wall time of a loaded machine; CPU time is checked
INGREDIENTS = {"stage": "test", "settings": {"a": 1}, "inputs": {"x": "k1"}}


def seeds():
    """Numbers of mutations for the time that there is, a hundred at least of the quick ones."""
    deadline = time.monotonic() + SECONDS
    for number in count(SEED * 10_000_000):
        if time.monotonic() > deadline:
            return
        yield number


def chain(path_and_settings):
    """From a file to detected stars; returns the CPU time it took, and the reason why not."""
    path, settings = path_and_settings
    started = time.process_time()
    try:
        header = read_header(path)
        identify(header, path.name)
        field_of(header, [settings.field])
        detection = detect(open_cube(path), settings)
        assert np.isfinite(detection.sources.xy).all()
    except ExposureError as error:
        return time.process_time() - started, str(error)
    return time.process_time() - started, ""


def test_mutated_cubes(tmp_path):
    settings = read_settings(write_config(tmp_path))
    good = write_exposure(tmp_path / "good.fits", 1, side_px=70, n_wave=5).read_bytes()
    path = tmp_path / "cube.fits"
    n = 0
    for seed in seeds():
        path.write_bytes(mutated(good, seed, within=6 * 2880))
        try:
            cpu_s, reason = supervise(chain, (path, settings), LIMITS)
        except Exception as error:
            raise AssertionError(f"mutation {seed} of the cube: {error!r}") from error
        assert cpu_s < SLOWEST_S
        assert not re.search(r"[\x00-\x1f]", reason)
        assert str(tmp_path) not in reason
        n += 1
    print(f"{n} mutated cubes")
    assert n > 10


def test_mutated_stamps(tmp_path):
    product = tmp_path / "product.txt"
    products.make(product, "t", INGREDIENTS, lambda out: out.path(product.name).write_text("hello"))
    stamp = product.with_name("product.txt.stamp.json")
    good = stamp.read_bytes()
    n = 0
    for seed in seeds():
        stamp.write_bytes(mutated(good, seed))
        try:
            reason = products.staleness(product, INGREDIENTS)
            read = products.read_stamp(product)
        except Exception as error:
            raise AssertionError(f"mutation {seed} of the stamp: {error!r}") from error
        assert isinstance(reason, str)
        if not reason:
            assert read is not None
            assert read.key == products.digest(INGREDIENTS)
        n += 1
    print(f"{n} mutated stamps")
    assert n > 100


def test_mutated_products(tmp_path):
    good = (ROOT / "pipeline/published/data/reference_positions.ecsv").read_bytes()
    product = tmp_path / "table.ecsv"
    products.make(product, "t", INGREDIENTS, lambda out: out.path(product.name).write_bytes(good))
    n = 0
    for seed in seeds():
        content = mutated(good, seed)
        product.write_bytes(content)
        reason = products.staleness(product, INGREDIENTS)
        assert bool(reason) == (content != good), f"mutation {seed} of the product"
        n += 1
    print(f"{n} mutated products")
    assert n > 100


@pytest.mark.filterwarnings("ignore")  # astropy warns of what it then refuses
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("pipeline/published/data/reference_positions.ecsv", read_registry),
        ("report.toml", read_settings),
    ],
)
def test_mutated_files_of_a_reader(tmp_path, name, read):
    good = (ROOT / name).read_bytes()
    path = tmp_path / Path(name).name
    n = 0
    for seed in seeds():
        path.write_bytes(mutated(good, seed))
        started = time.process_time()
        try:
            read(path)
        except RequestError:
            pass
        except Exception as error:
            raise AssertionError(f"mutation {seed} of {name}: {error!r}") from error
        assert time.process_time() - started < SLOWEST_S
        n += 1
    print(f"{n} mutated {name}")
    assert n > 30
