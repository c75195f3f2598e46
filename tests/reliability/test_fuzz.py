"""Random damage to every kind of file that is read: a typed refusal or a number, never a traceback.

Each runs for ``FUZZ_SECONDS`` (default: 10), or, with ``FUZZ_MUTATIONS``, over so many cubes and a
fifth of everything else; ``FUZZ_SEED`` makes another sequence. What is found is named by its number.
"""

import os
import re
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.config.star_registry import read_registry
from pipeline.errors import ExposureError, RequestError
from pipeline.measure import detect, make_reference, measure
from pipeline.muse.association import parse_tree
from pipeline.muse.cube import open_cube, read_header
from pipeline.muse.exposure import field_of, identify
from pipeline.workflow import products
from pipeline.workflow.supervise import Limits, supervise
from tests.archive.world import World
from tests.reliability.cubes import write_config, write_exposure
from tests.reliability.mutations import mutated

SECONDS = float(os.environ.get("FUZZ_SECONDS", "10"))
N_CUBES = int(os.environ.get("FUZZ_MUTATIONS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SLOWEST_S = 5.0
BATCH = 40  # mutations a child process
# The wall time of a loaded machine, where one of a batch hangs; the CPU time of each is checked
LIMITS = Limits(SLOWEST_S * 12, 1 << 30)
INGREDIENTS = {"stage": "test", "settings": {"a": 1}, "inputs": {"x": "k1"}}


def seeds(n: int = N_CUBES // 5) -> Iterator[int]:
    """Numbers of mutations: as many as were asked for, or as there is time for."""
    deadline = time.monotonic() + SECONDS
    for number in count(SEED * 10_000_000):
        if number - SEED * 10_000_000 >= n if n else time.monotonic() > deadline:
            return
        yield number


class Chain:
    """From a file to band fluxes, as a run does it, on mutations of a good cube."""

    def __init__(self, folder):
        self.settings = read_settings(write_config(folder))
        self.path = write_exposure(folder / "cube.fits", 1, side_px=80)
        self.good = self.path.read_bytes()
        detection = detect(open_cube(self.path), self.settings)
        self.reference = make_reference("good", detection, None, self.settings)

    def run(self, seed):
        """The reason why a mutation has no fluxes; "" if it has."""
        self.path.write_bytes(mutated(self.good, seed, within=6 * 2880))
        try:
            header = read_header(self.path)
            identify(header, self.path.name)
            field_of(header, [self.settings.field])
            cube = open_cube(self.path)
            detection = detect(cube, self.settings)
            found = measure(cube, detection, self.reference, self.settings)
        except ExposureError as error:
            return str(error)
        for one in found.photometry:
            flux, sigma = one.fluxes.flux, one.fluxes.sigma
            assert not np.isinf(flux).any()
            assert not (sigma < 0).any()
        return ""

    def run_batch(self, batch):
        """Of each mutation its CPU time and reason."""
        results = []
        for seed in batch:
            started = time.process_time()
            try:
                reason = self.run(seed)
            except Exception as error:
                raise AssertionError(f"mutation {seed} of the cube: {error!r}") from error
            results.append((seed, time.process_time() - started, reason))
        return results


def test_mutated_cubes(tmp_path):
    """In child processes with a limit on memory; a batch that crashes or hangs is tried one by one."""
    chain, numbers = Chain(tmp_path), seeds(N_CUBES)
    n = n_measured = 0
    while batch := list(islice(numbers, BATCH)):
        try:
            results = supervise(chain.run_batch, batch, LIMITS)
        except Exception as first:
            for seed in batch:
                try:
                    supervise(chain.run_batch, [seed], LIMITS)
                except Exception as error:
                    raise AssertionError(f"mutation {seed} of the cube: {error!r}") from error
            raise AssertionError(f"mutations {batch[0]} to {batch[-1]}: {first!r}") from first
        for seed, cpu_s, reason in results:
            assert cpu_s < SLOWEST_S, seed
            assert not re.search(r"[\x00-\x1f]", reason), seed
            assert str(tmp_path) not in reason, seed
            n_measured += not reason
        n += len(batch)
    print(f"{n} mutated cubes, {n_measured} measured, {n - n_measured} refused")
    assert n >= BATCH
    assert 0 < n_measured < n


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
    assert n >= 50


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
    assert n >= 50


def test_mutated_association_trees():
    world = World().night("2019-03-09", "WFM-AO-N")
    good = next(world.tree(name) for name in world.rows if world.tree(name))
    n = n_read = 0
    for seed in seeds():
        content = mutated(good, seed)
        started, reason = time.process_time(), ""
        try:
            parse_tree(content)
        except ExposureError as error:
            reason = str(error)
        except Exception as error:
            raise AssertionError(f"mutation {seed} of the tree: {error!r}") from error
        assert not re.search(r"[\x00-\x1f]", reason), seed
        n_read += not reason
        assert time.process_time() - started < SLOWEST_S
        n += 1
    print(f"{n} mutated trees, {n_read} read")
    assert n >= 50
    assert 0 < n_read < n


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
    assert n >= 30
