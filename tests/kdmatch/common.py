"""What the tests of the matcher share: a random permitted map and the real pair of catalogues."""

from pathlib import Path

import numpy as np
from astropy.table import Table

from kdmatch.synthetic import affine_of

DATA = Path(__file__).parent / "data"
PACKAGE = Path(__file__).parents[2] / "kdmatch"


def any_affine(rng: np.random.Generator, *, reflect: bool = False) -> np.ndarray:
    """(2, 3) map drawn from all that `kdmatch.match` permits by default."""
    return affine_of(
        rotation_deg=rng.uniform(0, 360),
        scale=float(np.exp(rng.uniform(np.log(0.5), np.log(2)))),
        shear=rng.uniform(-0.1, 0.1),
        shear_angle_deg=rng.uniform(0, 180),
        reflect=reflect,
        offset_px=(rng.uniform(-500, 500), rng.uniform(-500, 500)),
    )


def unrelated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two independent uniform catalogues in a MUSE field."""
    rng = np.random.default_rng([seed, n])
    return rng.uniform(0, 1, (n, 2)) * [319, 313], rng.uniform(0, 1, (n, 2)) * [319, 313]


def real_pair() -> tuple[Table, Table]:
    """Reference (25 stars) and target (29 detections) of the published study, digitised."""
    return (
        Table.read(DATA / "ltt3218_reference.ecsv", format="ascii.ecsv"),
        Table.read(DATA / "ltt3218_target.ecsv", format="ascii.ecsv"),
    )


def xy(table: Table) -> np.ndarray:
    """Columns x and y as (star, 2)."""
    return np.column_stack([np.asarray(table["x"]), np.asarray(table["y"])])


def real_lists() -> tuple[list[np.ndarray], np.ndarray, list[str]]:
    """Positions in 46 exposures of NGC 7099, the pointing of each and its start; see the file."""
    table = Table.read(DATA / "ngc7099_positions.ecsv", format="ascii.ecsv")
    number, positions = np.asarray(table["exposure"]), xy(table)
    lists = [positions[number == n] for n in np.unique(number)]
    return lists, np.array(table.meta["pointing"]), table.meta["start"]
