"""What a call of a recipe takes: memory and time, from measured figures.

Measured with muse 2.8.7, esorex 3.13.6 and one thread on simulated frames of full size
(``benchmarks/reduction``); the model is within 25 % of every measured peak, with 3 to 15 frames, 1
to 24 channels and two ranges of wavelength (a test).
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from pipeline.reduction.plan import Call
from pipeline.reduction.recipes import RECIPES

FULL_RANGE_AA = (4750.0, 9350.0)  # that a cube covers where no parameter narrows it
LAMPS = 3  # frames of one lamp are held at a time
LEAST_LIMIT_S = 900.0  # of a call: starting up, reading from a slow disk
MARGIN = 12.0  # of the time limit over the measured CPU time: a busy machine, and real data
MODEL_SKY = (
    18.0  # how much longer muse_scipost takes to model the sky (real log: 15 000 to 18 000 s)
)
REFERENCE_S = 0.090  # that the sort of ``slowness`` takes where the figures were measured


@dataclass(frozen=True)
class Linear:
    """A linear model of a call."""

    base: float = 0.0
    per_frame: float = 0.0  # raw frames that are held at a time
    per_channel: float = 0.0
    per_channel_of_range: float = 0.0  # in proportion to the range of wavelengths

    def of(self, call: Call) -> float:
        """The model's prediction for a call."""
        whole = self.per_channel + self.per_channel_of_range * _range_share(call.parameters)
        return self.base + self.per_frame * _frames(call) + whole * call.n_channels


MEMORY_MB: Mapping[str, Linear] = {
    "muse_bias": Linear(290, per_frame=193),
    "muse_flat": Linear(290, per_frame=193),
    "muse_wavecal": Linear(608, per_frame=193),
    "muse_twilight": Linear(300, per_frame=193, per_channel=450),
    "muse_scibasic": Linear(1350),
    "muse_standard": Linear(50, per_channel=702),
    "muse_scipost": Linear(30, per_channel_of_range=1020),
    "muse_scipost_combine_pixtables": Linear(310, per_channel=421),
    "muse_scipost_make_cube": Linear(70, per_channel=400, per_channel_of_range=250),
}
CPU_S: Mapping[str, Linear] = {
    "muse_bias": Linear(3.0, per_frame=2.6),
    "muse_flat": Linear(5.0, per_frame=3.9),
    "muse_wavecal": Linear(per_frame=13),
    "muse_twilight": Linear(per_frame=30, per_channel=22),
    "muse_scibasic": Linear(10.5),
    "muse_standard": Linear(per_channel=33),
    "muse_scipost": Linear(per_channel=41),
    "muse_scipost_combine_pixtables": Linear(per_channel=3.3),
    "muse_scipost_make_cube": Linear(per_channel=15),
}


def memory_mb(call: Call) -> float:
    """Peak memory of a call [MB]."""
    return MEMORY_MB[call.recipe].of(call)


def time_limit_s(call: Call, machine_slowness: float = 1.0) -> float:
    """Wall time after which a call is taken for one that never ends [s].

    muse_wavecal can loop for ever, and nothing else tells.
    """
    cpu_s = CPU_S[call.recipe].of(call)
    if call.recipe == "muse_scipost" and _models_sky(call):
        cpu_s *= MODEL_SKY
    return max(LEAST_LIMIT_S, MARGIN * cpu_s) * max(1.0, machine_slowness)


@cache
def slowness() -> float:
    """How much slower this machine computes than the one that the figures are of.

    The best of five short runs: whoever else uses the machine does not count, the margin is for them.
    """
    rng = np.random.default_rng(1)
    values = rng.standard_normal(1 << 20)
    best = float("inf")
    for _ in range(5):
        started = time.thread_time()
        np.sort(values)
        best = min(best, time.thread_time() - started)
    return best / REFERENCE_S


def _frames(call: Call) -> float:
    """How many raw frames a call holds at a time: muse_wavecal those of one lamp."""
    tags = Counter(one.tag for one in call.inputs)
    n_frames = tags[RECIPES[call.recipe].raw[0]]
    return np.ceil(n_frames / LAMPS) if call.recipe == "muse_wavecal" else n_frames


def _range_share(parameters: Sequence[tuple[str, str]]) -> float:
    """Share of the full range of wavelengths that lambdamin and lambdamax leave."""
    given = dict(parameters)
    low = max(float(given.get("lambdamin", FULL_RANGE_AA[0])), FULL_RANGE_AA[0])
    high = min(float(given.get("lambdamax", FULL_RANGE_AA[1])), FULL_RANGE_AA[1])
    return max(high - low, 0.0) / (FULL_RANGE_AA[1] - FULL_RANGE_AA[0])


def _models_sky(call: Call) -> bool:
    given = dict(call.parameters)
    return given.get("skymethod", "model") == "model" or given.get("autocalib", "none") != "none"
