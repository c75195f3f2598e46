"""Whether what a match states is true: limits, errors of distorted fields, directions, budget.

    python -m benchmarks.kdmatch.errors [--trials N] [limits] [distorted] [rounded] [directions] [hopeless]

Prints a Markdown table of counts that should be small, of those named or of all. Some ten CPU minutes
with the default of 1000 trials, most of them of hopeless searches, of which there are half as many.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

import kdmatch
from kdmatch import Match
from kdmatch.synthetic import MUSE_FIELD_PX, affine_of, simulate_pair

Array = np.ndarray
FIELD = np.array(MUSE_FIELD_PX)


def attempt(first: Array, second: Array, **options: object) -> Match | None:
    """The match, or None."""
    try:
        return kdmatch.match(first, second, **options)
    except kdmatch.NoMatch:
        return None


def ratio(found: Match, stars: Array, true: Array) -> float:
    """Greatest true error over the stars, divided by the greatest stated one."""
    off = np.hypot(*(found.transform(stars) - true).T).max()
    return float(off / np.hypot(*found.position_sigma_px(stars).T).max())


def beyond(rng: np.random.Generator) -> Array:
    """A map outside of the limits on shear, scale or reflection."""
    turn = rng.uniform(0, 360)
    kind = rng.integers(4)
    if kind == 0:
        shear, along = rng.uniform(0.12, 0.6), rng.uniform(0, 180)
        return affine_of(
            rotation_deg=turn, scale=rng.uniform(1, 1.9), shear=shear, shear_angle_deg=along
        )
    if kind == 1:
        return affine_of(rotation_deg=turn, scale=rng.uniform(2.02, 3))
    if kind == 2:
        return affine_of(rotation_deg=turn, scale=rng.uniform(0.3, 0.49))
    return affine_of(rotation_deg=turn, shear=-rng.uniform(0, 0.3), reflect=True)


def limits(trials: int) -> str:
    """Maps returned where the true one is outside of the limits."""
    returned = 0
    for seed in range(trials):
        rng = np.random.default_rng([seed, 71])
        stars = rng.uniform(0, 300, (int(rng.choice([12, 25, 60])), 2))
        truth = beyond(rng)
        noise = rng.normal(0, rng.choice([0, 0.05, 0.1]), stars.shape)
        returned += attempt(stars, stars @ truth[:, :2].T + noise) is not None
    return f"maps beyond the limits | {trials} | {returned}"


def bend(xy: Array, kind: str, size_px: float, rng: np.random.Generator) -> Array:
    """Positions moved by a distortion of about ``size_px`` in the corners."""
    off = (xy - FIELD / 2) / np.hypot(*(FIELD / 2))
    if kind == "off axis":
        off = off + rng.uniform(-0.45, 0.45, 2)
    r2 = (off**2).sum(axis=1, keepdims=True)
    if kind == "quadratic":
        terms = np.column_stack([off[:, 0] ** 2, off[:, 0] * off[:, 1], off[:, 1] ** 2])
        return np.asarray(xy + 2 * size_px * terms @ rng.normal(0, 0.4, (3, 2)))
    if kind == "refraction":
        angle = rng.uniform(0, 2 * np.pi)
        along = np.array([np.cos(angle), np.sin(angle)])
        zenith = (off @ along)[:, None]
        return np.asarray(xy + size_px * (zenith**2 + 0.3 * zenith**3) * along)
    return np.asarray(xy + size_px * off * (r2**2 if kind == "fifth order" else r2))


KINDS = ("cubic", "off axis", "quadratic", "refraction", "fifth order")


def distorted(trials: int) -> str:
    """Matches of distorted fields whose greatest error is over twice the greatest stated one."""
    ratios = []
    for seed in range(trials):
        rng = np.random.default_rng([seed, 72])
        n = int(rng.choice([12, 25, 60, 150]))
        size = float(np.exp(rng.uniform(np.log(0.1), np.log(40)))) * rng.choice([-1, 1])
        stars = rng.uniform(0, 1, (n, 2)) * FIELD
        truth = affine_of(rotation_deg=rng.uniform(0, 360), offset_px=(5, 9))
        true = bend(stars, str(rng.choice(KINDS)), size, rng) @ truth[:, :2].T + truth[:, 2]
        seen = true[rng.random(n) < rng.choice([1, 0.8, 0.6])]
        spurious = rng.uniform(seen.min(0), seen.max(0), (n // 5, 2))
        found = attempt(stars, np.concatenate([seen + rng.normal(0, 0.1, seen.shape), spurious]))
        if found is not None:
            ratios.append(ratio(found, stars, true))
    over = int((np.array(ratios) > 2).sum())
    return (f"distorted, true error over twice the stated one ({len(ratios)} matched, median ratio "
            f"{np.median(ratios):.2f}, greatest {max(ratios):.1f}) | {trials} | {over}")  # fmt: skip


def rounded(trials: int) -> str:
    """Matches of lists rounded to whole pixels, judged likewise."""
    ratios = []
    truth = affine_of(rotation_deg=2, offset_px=(5.3, -7.7))
    for seed in range(trials):
        stars = np.random.default_rng([seed, 73]).uniform(0, 1, (12, 2)) * FIELD
        true = stars @ truth[:, :2].T + truth[:, 2]
        found = attempt(np.round(stars), np.round(true))
        if found is not None:
            ratios.append(ratio(found, stars, true))
    over = int((np.array(ratios) > 2).sum())
    return (f"rounded to pixels, N = 12, likewise ({len(ratios)} matched, median ratio "
            f"{np.median(ratios):.2f}) | {trials} | {over}")  # fmt: skip


def directions(trials: int) -> str:
    """Pairs of lists with another outcome, or other pairs, when they change places."""
    differ = 0
    for seed in range(trials):
        rng = np.random.default_rng([seed, 74])
        scale, shear = float(2 ** rng.uniform(-1, 1)), rng.uniform(-0.1, 0.1)
        truth = affine_of(
            rotation_deg=rng.uniform(0, 360), scale=scale, shear=shear, offset_px=(3, 5)
        )
        n, shares = int(rng.choice([6, 8, 12, 25, 60])), rng.choice([0, 0.2, 0.5], 2)
        noise = float(rng.choice([0.05, 0.1, 0.3]))
        pair = simulate_pair(
            n, truth, missing=shares[0], spurious=shares[1], noise_px=noise, seed=(seed, n)
        )
        there, back = attempt(pair.reference, pair.target), attempt(pair.target, pair.reference)
        if there is None or back is None:
            differ += (there is None) != (back is None)
        else:
            differ += sorted(there.pairs.tolist()) != sorted(back.pairs[:, ::-1].tolist())
    return f"other outcome in the other direction | {trials} | {differ}"


def hopeless(trials: int) -> str:
    """Searches of unrelated lists, sparse to crowded, that take over two seconds of CPU time."""
    spent = []
    for seed in range(trials // 2):
        rng = np.random.default_rng([seed, 75])
        n = int(rng.choice([25, 60, 100, 200, 400, 1000, 2000, 5000]))
        sizes = (n, int(n * rng.choice([0.5, 1, 2])))
        kind, tolerance_px = rng.integers(3), float(rng.choice([0.5, 1, 2, 3]))
        first, second = (
            rng.normal(150, 40, (size, 2)) if kind == 1 else rng.uniform(0, 1, (size, 2)) * FIELD
            for size in sizes
        )
        if kind == 2:
            first, second = np.round(first), np.round(second)
        start = time.process_time()
        attempt(first, second, tolerance_px=tolerance_px, allow_reflection=rng.random() < 0.3)
        spent.append(time.process_time() - start)
    over = int((np.array(spent) > 2).sum())
    return (f"hopeless searches over 2 CPU s (median {np.median(spent):.2f}, longest "
            f"{max(spent):.2f}) | {trials // 2} | {over}")  # fmt: skip


CHECKS: dict[str, Callable[[int], str]] = {
    check.__name__: check for check in (limits, distorted, rounded, directions, hopeless)
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checks", nargs="*", help="which [all]")
    parser.add_argument("--trials", type=int, default=1000)
    options = parser.parse_args()
    print("| what | trials | count |\n|---|---|---|")
    for name in options.checks or CHECKS:
        print(f"| {CHECKS[name](options.trials)} |", flush=True)


if __name__ == "__main__":
    main()
