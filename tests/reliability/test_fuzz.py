"""Random damage to every kind of file that is read: a typed refusal or a number, never a traceback.

Each runs for ``FUZZ_SECONDS`` (default: 10), or, with ``FUZZ_MUTATIONS``, over so many cubes and a
fifth of everything else; ``FUZZ_SEED`` makes another sequence. What is found is named by its number.
"""

import os
import re
import time
from pathlib import Path

import pytest

from pipeline.config.loader import read_settings
from pipeline.config.paths import ROOT
from pipeline.config.settings import Settings
from pipeline.config.star_registry import read_registry
from pipeline.errors import ConfigError, ExposureError, RequestError
from pipeline.muse.association import parse_tree
from pipeline.tasks.cube_cache import SETTLED_NS, CubeCache
from pipeline.tasks.inputs import cubes_in
from pipeline.workflow import products
from tests.archive.world import World
from tests.muse.cubes import primary_header, small_cube
from tests.reliability.fuzzing import seeds
from tests.reliability.mutations import mutated

SLOWEST_S = 5.0
INGREDIENTS = {"stage": "test", "settings": {"a": 1}, "inputs": {"x": "k1"}}


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_mutated_caches_of_cubes(tmp_path):
    """What is used of a damaged cache is what was written, or nothing."""
    folder, cached = tmp_path / "cubes", tmp_path / "cubes.json"
    folder.mkdir()
    path = folder / "one.fits"
    small_cube(path, primary=primary_header())
    os.utime(path, ns=(1, 1))
    while time.time_ns() - path.stat().st_ctime_ns < SETTLED_NS:
        time.sleep(0.1)
    first = CubeCache(cached, 1)
    (entry,) = cubes_in(folder, Settings(), cache=first)
    first.write()
    good, n = cached.read_bytes(), 0
    for seed in seeds():
        cached.write_bytes(mutated(good, seed))
        try:
            found = CubeCache(cached, 1).find(path, "one.fits", ())
        except Exception as error:
            raise AssertionError(f"mutation {seed} of the cache: {error!r}") from error
        assert found in (None, (entry, 0)), f"mutation {seed} of the cache"
        n += 1
    print(f"{n} mutated caches of cubes")
    assert n >= 50
    cached.write_bytes(good)
    assert CubeCache(cached, 1).find(path, "one.fits", ()) == (entry, 0)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "text",
    [
        f"[simulation]\npsf_gradient = {'9' * 400}",
        f"[simulation]\npsf_gradient = 1{'0' * 5000}",
        f"[simulation]\npsf_gradient = 0x{'f' * 9000}",
        f"[reference]\ncandidates = {2**63}",
        f"[statistics]\npairs = [[1, {'9' * 30}]]",
        f"[statistics]\npairs = {'[' * 3000}{']' * 3000}",
    ],
)
def test_numbers_and_lists_without_end_are_refused_in_words(tmp_path, text):
    """The first of these was mutation 70000669 of report.toml."""
    path = tmp_path / "report.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"more than 64 bits|not valid TOML|expected"):
        read_settings(path)
