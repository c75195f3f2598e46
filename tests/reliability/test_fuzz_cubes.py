"""Random damage to cubes: a typed refusal or fluxes, never a traceback; what is found has a number.

Each runs for ``FUZZ_SECONDS`` (default: 10), or, with ``FUZZ_MUTATIONS``, over so many cubes;
``FUZZ_SEED`` makes another sequence.
"""

import re
from itertools import islice

import pytest

from pipeline.muse.fits_layout import layout
from pipeline.workflow.supervise import Limits, supervise
from tests.reliability.fuzzing import N_CUBES, Chain, seeds
from tests.reliability.hostile import put_card
from tests.reliability.mutations import mutated_fits

SLOWEST_S = 5.0
BATCH = 40  # mutations a child process
# The wall time of a loaded machine, where one of a batch hangs; the CPU time of each is checked
LIMITS = Limits(SLOWEST_S * 12, 1 << 30)


@pytest.mark.slow
def test_mutated_cubes(tmp_path):
    """In child processes with a limit on memory; a batch that crashes or hangs is tried one by one."""
    chain, numbers = Chain(tmp_path), seeds(N_CUBES)
    n = n_measured = 0
    slowest_s, failures = 0.0, []
    while batch := list(islice(numbers, BATCH)):
        for seed, cpu_s, reason in results_of(chain, batch, failures):
            slowest_s = max(slowest_s, cpu_s)
            if (
                cpu_s > SLOWEST_S
                or re.search(r"[\x00-\x1f\x7f]", reason)
                or str(tmp_path) in reason
            ):
                failures.append(f"mutation {seed} of the cube: {cpu_s:.1f} s, {reason!r}")
            n_measured += not reason
        n += len(batch)
    print(f"{n} mutated cubes, {n_measured} measured, {n - n_measured} refused", end="; ")
    print(f"the slowest took {slowest_s:.2f} s of CPU")
    assert failures == []
    assert n >= BATCH
    assert 0 < n_measured < n


def results_of(chain, batch, failures):
    """Results of a batch; of one that raises, crashes or hangs those of its sound members."""
    try:
        return supervise(chain.run_batch, batch, LIMITS)
    except Exception:
        results = []
        for seed in batch:
            try:
                results += supervise(chain.run_batch, [seed], LIMITS)
            except Exception as error:
                failures.append(f"mutation {seed} of the cube: {error!r}")
        return results


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return Chain(tmp_path_factory.mktemp("chain"))


@pytest.mark.parametrize("number", range(12))
def test_every_form_that_is_damaged_is_measured_as_it_is(chain, number):
    assert chain.measured(chain.good[number]) == ""


FAULTS = {  # of each kind that was found, as cards of a plain cube
    "a year whose leap seconds nobody knows": (
        (0, "DATE-OBS", "'2065-03-16T02:24:00.000'"),
        (0, "MJD-OBS", "''"),
    ),
    "a frame that astropy does not know": ((1, "RADESYS", "'FK7'"),),
    "an equinox beyond all numbers": ((1, "EQUINOX", "1E308"),),
    "a kind of axis with a control character": ((1, "CTYPE1", "'RA---\x00TAN'"),),
    "a frame with a control character": ((1, "RADESYS", "'FK\x1b5'"),),
    "an angle of more than 64 bits": ((0, "ESO INS DROT POSANG", "9" * 30),),
}


@pytest.mark.parametrize("cards", FAULTS.values(), ids=FAULTS)
def test_cards_that_raised_or_warned_once(chain, cards):
    plain = chain.path.with_name("plain.fits")
    content = bytearray(plain.read_bytes())
    for card in cards:
        put_card(content, plain, *card)
    assert isinstance(chain.measured(content), str)


@pytest.mark.parametrize(
    ("number", "sample"),
    [(b"\x7f\xa0\x00\x00", "signalling NaN"), (b"\x7f\x7f\xff\xff", "largest")],
)
@pytest.mark.parametrize("n_samples", [1, 6400, 40_000])
def test_samples_that_raised_or_warned_once(chain, number, sample, n_samples):
    """A signalling NaN, and sums beyond single precision."""
    plain = chain.path.with_name("plain.fits")
    content = bytearray(plain.read_bytes())
    start = layout(plain)[1].data + 4 * 6400
    content[start : start + 4 * n_samples] = number * n_samples
    assert isinstance(chain.measured(content), str), sample


@pytest.mark.parametrize("seed", [70000109, 70000157, 70000181, 70001117, 70001309, 100000589])
def test_damaged_tiles_of_fpack_are_refused_in_words(chain, seed):
    """Whatever cfitsio, zlib or astropy raise where the tiles are read."""
    good = chain.good[5]  # Rice-coded
    assert isinstance(chain.measured(mutated_fits(good, seed)), str)
