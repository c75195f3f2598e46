"""The numbers that stars got in the first run of a campaign, kept for all later ones.

Without ``field.star_registry`` stars are numbered by position, so a new night with a better image
would give every star another number. The first reference catalogue is therefore kept as a registry of
the campaign's own, ``reference/stars.ecsv`` in its work folder: later runs prefer the same reference
exposure, known stars keep their numbers, new ones get new numbers. Named in ``field.star_registry`` the
file serves in any other work folder.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.table import Table, vstack

from pipeline.config.settings import ReferenceSettings, Settings
from pipeline.config.star_registry import StarRegistry, read_registry
from pipeline.measure.reference import ReferenceCatalogue
from pipeline.workflow import products

FILE = "stars.ecsv"
EXPOSURE = "reference_exposure"  # key in the meta of the file
MIN_STARS = 3  # that tie the frames of two reference exposures together


def kept_stars_path(workspace: Path, settings: Settings) -> Path | None:
    """Where a campaign keeps the numbers of its stars; None if the reader names a registry."""
    return None if settings.field.star_registry else workspace / "reference" / FILE


def kept_stars(path: Path | None) -> StarRegistry | None:
    """The stars of earlier runs, None if there was none.

    Raises
    ------
    ConfigError
        If the file is damaged.
    """
    if path is None or not path.is_file():
        return None
    return replace(read_registry(path), name=f"earlier runs ({path})")


def preferring_kept(path: Path | None, how: ReferenceSettings) -> ReferenceSettings:
    """The rule of the reference with that of earlier runs among the preferred exposures."""
    if path is None or not path.is_file():
        return how
    before = str(Table.read(path, format="ascii.ecsv").meta.get(EXPOSURE, ""))
    return replace(how, prefer=(*how.prefer, before))


def keep_stars(path: Path, catalogue: ReferenceCatalogue) -> None:
    """Write the stars of the first run, or add those that are new to the file.

    Columns id, x, y [pix] and ra_deg, dec_deg. A star once numbered keeps its number and its row; a
    new star's position is in the frame of the first reference.
    """
    table = catalogue.table()
    rows = Table(
        {
            "id": catalogue.star_id,
            "x": catalogue.x,
            "y": catalogue.y,
            **{name: table[name].value for name in ("ra_deg", "dec_deg")},
        },
        meta={EXPOSURE: catalogue.exposure_id},
    )
    if path.is_file():
        before = Table.read(path, format="ascii.ecsv")
        new = ~np.isin(catalogue.star_id, before["id"])
        if not new.any():
            return
        rows["x"], rows["y"] = _in_frame_of(before, catalogue).T
        rows = vstack([before, rows[new]], metadata_conflicts="silent")
        rows.meta[EXPOSURE] = before.meta.get(EXPOSURE, catalogue.exposure_id)
    with products.atomic_file(path) as file:
        rows.write(file, format="ascii.ecsv")


def _in_frame_of(before: Table, catalogue: ReferenceCatalogue) -> np.ndarray:
    """Positions (star, 2) of a catalogue in the frame of the kept stars, by an affine map."""
    known, here, there = np.intersect1d(catalogue.star_id, before["id"], return_indices=True)[0:3]
    if len(known) < MIN_STARS:
        return catalogue.xy
    design = np.column_stack([catalogue.xy, np.ones(len(catalogue.x))])
    target = np.column_stack([before["x"][there], before["y"][there]])
    affine, *_ = np.linalg.lstsq(design[here], target, rcond=None)
    return np.asarray(design @ affine)
