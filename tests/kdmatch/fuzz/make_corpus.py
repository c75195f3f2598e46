"""Write the seeds of the fuzz corpus: ``python tests/kdmatch/fuzz/make_corpus.py``.

A file is four bytes (share of reference rows, tolerance, flags and style, shear) and two big-endian
bytes for each coordinate in 1/64 px, as ``fuzz_match.c`` reads them.
"""

from pathlib import Path

import numpy as np

CORPUS = Path(__file__).parent / "corpus"


def encode(
    reference: np.ndarray, target: np.ndarray, *, flags: int = 16, tolerance: int = 12
) -> bytes:
    """The bytes of one pair of catalogues, positions within 0 to 1023 px."""
    share = round(255 * len(reference) / max(1, len(reference) + len(target)))
    both = np.concatenate([reference.reshape(-1, 2), target.reshape(-1, 2)])
    return bytes([share, tolerance, flags, 6]) + np.round(both * 64).astype(">u2").tobytes()


def seeds() -> dict[str, bytes]:
    """Name and content of each seed."""
    rng = np.random.default_rng(0)
    stars = rng.uniform(50, 350, (24, 2))
    moved = stars + np.array([7, 3]) + rng.normal(0, 0.1, (24, 2))
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2) * 40.0
    line = np.linspace(0, 400, 20)[:, None] * [1, 0.5]
    return {
        "match": encode(stars, rng.permutation(moved)[:20]),
        "prior": encode(stars, moved, flags=17),
        "mirror": encode(stars, moved * [-1, 1] + [400, 0], flags=18),
        "unrelated": encode(stars, rng.uniform(0, 400, (24, 2))),
        "lattice": encode(grid, grid + 5),
        "line": encode(line, line),
        "duplicates": encode(np.repeat(stars[:8], 3, axis=0), np.repeat(moved[:8], 2, axis=0)),
        "one-star": encode(stars[:1], moved),
        "extreme": encode(stars, moved, flags=5),
        "tiny": encode(stars, moved, flags=9),
        "nan": encode(stars * 0 + 1023.9, moved, flags=13),
        "empty": encode(np.empty((0, 2)), np.empty((0, 2))),
    }


if __name__ == "__main__":
    CORPUS.mkdir(exist_ok=True)
    for name, content in seeds().items():
        (CORPUS / name).write_bytes(content)
