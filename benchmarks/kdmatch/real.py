"""Real positions: every pair of exposures of one pointing of NGC 7099, in both directions.

    python -m benchmarks.kdmatch.real

Prints a Markdown table. The positions are those of ``tests/kdmatch/data/ngc7099_positions.ecsv``.
*Wrong* is a map that moves the field by more than 25 px or changes its scale by more than 4.5 %, which
no two of these previews differ by; *triangle* is the distance, in the middle of the field, between a
map and the way by a third exposure.
"""

import itertools
import time

import numpy as np

import kdmatch
from kdmatch import Match
from tests.kdmatch.common import real_lists


def is_wrong(found: Match) -> bool:
    """Whether the map is none between two exposures of one pointing."""
    moved = np.abs(found.affine[:, 2]).max() > 25
    return bool(moved or np.abs(found.affine[:, :2] - np.eye(2)).max() > 0.045)


def main() -> None:
    """Print the table."""
    lists, pointing, _ = real_lists()
    centre = np.array([[155.0, 150.0]])
    print("| pointing | ordered pairs | found | wrong | least pairs | rms px, median | "
          "triangle px, median (max) | CPU ms, median (max) |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for p in np.unique(pointing):
        rows = np.flatnonzero(pointing == p)
        maps: dict[tuple[int, int], Match] = {}
        spent = []
        for i, j in itertools.permutations(rows, 2):
            start = time.process_time()
            try:
                maps[i, j] = kdmatch.match(lists[i], lists[j])
            except kdmatch.NoMatch as refusal:
                print(f"refused: {i}, {j}: {refusal}")
            spent.append(1e3 * (time.process_time() - start))
        around = [
            np.hypot(*(maps[j, k].transform(maps[i, j].transform(centre))
                       - maps[i, k].transform(centre)).T).max()
            for i, j, k in itertools.permutations(rows, 3)
            if {(i, j), (j, k), (i, k)} <= set(maps)
        ]  # fmt: skip
        found = list(maps.values())
        print(
            f"| {p} | {len(spent)} | {len(found)} | {sum(map(is_wrong, found))} | "
            f"{min(len(m.pairs) for m in found)} | {np.median([m.rms_px for m in found]):.2f} | "
            f"{np.median(around):.2f} ({max(around):.2f}) | "
            f"{np.median(spent):.1f} ({max(spent):.1f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
