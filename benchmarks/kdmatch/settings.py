"""The settings of the published comparison, and how a matcher is asked and judged."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

import kdmatch
from kdmatch.synthetic import Pair, affine_of, simulate_pair

SHARES = (0.0, 0.2, 0.5)
ROTATIONS_DEG = (0, 1, 5)


def offset(rng: np.random.Generator) -> tuple[float, float]:
    """10 px in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    return 10 * np.cos(angle), 10 * np.sin(angle)


def near_translations(seeds: range, n: int = 25) -> Iterator[Pair]:
    """27 settings: rotation 0, 1, 5 deg; 0, 20, 50 % spurious; 0, 20, 50 % missing; noise 0.1 px."""
    for rotation, spurious, missing in itertools.product(ROTATIONS_DEG, SHARES, SHARES):
        for seed in seeds:
            truth = affine_of(
                rotation_deg=rotation, offset_px=offset(np.random.default_rng([seed, 1]))
            )
            yield simulate_pair(n, truth, missing=missing, spurious=spurious, seed=seed)


def any_affine(rng: np.random.Generator) -> np.ndarray:
    """Any rotation, scale 0.5 to 2 (uniform in its logarithm), shear to 10 % in any direction."""
    return affine_of(
        rotation_deg=rng.uniform(0, 360),
        scale=float(2 ** rng.uniform(-1, 1)),
        shear=rng.uniform(-0.1, 0.1),
        shear_angle_deg=rng.uniform(0, 180),
        offset_px=(rng.uniform(-1000, 1000), rng.uniform(-1000, 1000)),
    )


def general_affines(seeds: range, n: int = 25) -> Iterator[Pair]:
    """The same 27 settings, with any map in place of the rotation."""
    for k, spurious, missing in itertools.product(range(3), SHARES, SHARES):
        for seed in seeds:
            truth = any_affine(np.random.default_rng([seed, k, 2]))
            yield simulate_pair(n, truth, missing=missing, spurious=spurious, seed=(seed, k))


def few_stars(n: int, seeds: range, *, general: bool) -> Iterator[Pair]:
    """20 % missing and spurious; rotation 1 deg, or any map."""
    for seed in seeds:
        rng = np.random.default_rng([seed, 3])
        truth = any_affine(rng) if general else affine_of(rotation_deg=1, offset_px=offset(rng))
        yield simulate_pair(n, truth, missing=0.2, spurious=0.2, seed=(seed, n))


def unrelated_pairs(n: int, seeds: range) -> Iterator[Pair]:
    """Independent catalogues: there is nothing to find."""
    for seed in seeds:
        rng = np.random.default_rng([seed, n, 4])
        first, second = rng.uniform(0, 1, (2, n, 2)) * (319, 313)
        yield Pair(first, second, np.full((2, 3), np.nan), np.empty((0, 2), dtype=np.int64))


Matcher = Callable[[np.ndarray, np.ndarray], np.ndarray | None]


def ours(reference: np.ndarray, target: np.ndarray) -> np.ndarray | None:
    """`kdmatch.match` with its defaults: no prior."""
    try:
        return kdmatch.match(reference, target).affine
    except kdmatch.NoMatch:
        return None


def theirs(reference: np.ndarray, target: np.ndarray) -> np.ndarray | None:
    """`astroalign.find_transform` with its defaults: a similarity."""
    import astroalign

    try:
        transform, _ = astroalign.find_transform(reference, target)
    except (astroalign.MaxIterError, TypeError, ValueError):  # the last two: too few stars
        return None
    return np.asarray(transform.params)[:2]


@dataclass
class Score:
    """Counts over many pairs."""

    trials: int = 0
    within_03: int = 0
    within_1: int = 0
    wrong: int = 0  # a map, 1 px or more off somewhere in the field
    none: int = 0
    cpu_s: list[float] = field(default_factory=list)

    def add(self, pair: Pair, matcher: Matcher) -> None:
        """Ask and judge: greatest error over the hull of the reference stars."""
        start = time.process_time()
        affine = matcher(pair.reference, pair.target)
        self.cpu_s.append(time.process_time() - start)
        self.trials += 1
        if affine is None:
            self.none += 1
            return
        error = pair.field_error_px(affine)
        self.within_03 += error < 0.3
        self.within_1 += error < 1
        self.wrong += not error < 1

    def row(self, *first: str) -> str:
        """One Markdown row."""
        n = self.trials
        median = f"{1e3 * float(np.median(self.cpu_s)):.2f}"
        cells = (f"{n}", f"{self.within_03 / n:.4f}", f"{self.within_1 / n:.4f}",
                 f"{self.wrong}", f"{self.none}", median)  # fmt: skip
        return "| " + " | ".join((*first, *cells)) + " |"


HEADER = (
    "| setting | matcher | trials | < 0.3 px | < 1 px | wrong | no match | median CPU ms |\n"
    "|---|---|---|---|---|---|---|---|"
)
