"""Stars that other pointings of a field show beyond the image of the reference exposure.

Each pointing has a catalogue of its own. What it shows beyond the footprint of the reference is taken
into the frame of the reference through the match of the stars that both show, or that a third
pointing shows, and numbered after the stars of the reference.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy

from pipeline.config.settings import Settings
from pipeline.config.star_registry import StarRegistry
from pipeline.errors import NoStarsMatched
from pipeline.measure.detection import edge_distance
from pipeline.measure.matching import ExposureMatch, mutual_pairs
from pipeline.measure.reference import ReferenceCatalogue
from pipeline.measure.results import Detection
from pipeline.measure.sky_matching import match_detection

_COLUMNS = (
    *("star_id", "x", "y", "flux", "channel", "slice"),
    *("edge_distance_px", "contamination", "radec_deg"),
)
MIN_TIED = 3  # stars that tie the frame of the registry to that of the reference


def with_stars_beyond(
    catalogue: ReferenceCatalogue,
    image: np.ndarray,
    others: Sequence[tuple[Detection, ReferenceCatalogue]],
    settings: Settings,
    registry: StarRegistry | None = None,
) -> ReferenceCatalogue:
    """The catalogue of the reference with the stars that other pointings show beyond its image.

    Channel, slice, flags and contamination of such a star are those in the exposure that shows it,
    its coordinates and flux on the scale of the reference.

    Parameters
    ----------
    catalogue : ReferenceCatalogue
        Of the reference exposure.
    image : ndarray, shape (y, x)
        Its detection image, NaN: no data.
    others : sequence of (Detection, ReferenceCatalogue)
        An exposure of each other pointing with a catalogue of its own, without a registry. One that
        shares too few stars with those before adds none.
    settings : Settings
    registry : StarRegistry, optional
        Known stars keep their numbers.
    """
    found, left = catalogue, list(others)
    while left:
        tied = [(one, _match(found, one[0], settings)) for one in left]
        ready = [(one, match) for one, match in tied if match is not None]
        if not ready:
            break
        (detection, own), match = ready[0]
        left = [one for one in left if one[0] is not detection]
        found = _joined(found, _beyond(found, image, own, match, settings))
    return _numbered(found, len(catalogue.star_id), registry, settings)


def _match(
    catalogue: ReferenceCatalogue, detection: Detection, settings: Settings
) -> ExposureMatch | None:
    try:
        return match_detection(catalogue.xy, catalogue.radec_deg, detection, settings)
    except NoStarsMatched:
        return None


def _beyond(
    catalogue: ReferenceCatalogue,
    image: np.ndarray,
    own: ReferenceCatalogue,
    match: ExposureMatch,
    settings: Settings,
) -> ReferenceCatalogue:
    """The stars of a pointing that the catalogue does not hold, in its frame."""
    matrix, shift = match.affine[:, :2], match.affine[:, 2]
    xy = np.linalg.solve(matrix, (own.xy - shift).T).T
    near = scipy.spatial.cKDTree(catalogue.xy).query(xy)[0] <= settings.detection.fwhm_px
    new = np.flatnonzero((edge_distance(image, xy) == 0) & ~near)
    both = mutual_pairs(xy, catalogue.xy, settings.matching.tolerance_px)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = catalogue.flux[both[:, 1]] / own.flux[both[:, 0]]
        offset = _on_sky(catalogue.radec_deg[both[:, 1]] - own.radec_deg[both[:, 0]])
    chosen = _rows(own, new)
    return replace(
        chosen,
        x=xy[new, 0],
        y=xy[new, 1],
        flux=chosen.flux * (np.nanmedian(scale) if np.isfinite(scale).any() else 1.0),
        radec_deg=chosen.radec_deg + offset,
    )


def _on_sky(offsets_deg: np.ndarray) -> np.ndarray:
    """Median offset (2,) of the coordinates of two exposures, 0 where none is known."""
    offsets = (offsets_deg + 180.0) % 360.0 - 180.0
    known = offsets[np.isfinite(offsets).all(axis=1)]
    return np.asarray(np.median(known, axis=0)) if len(known) else np.zeros(2)


def _rows(catalogue: ReferenceCatalogue, rows: np.ndarray) -> ReferenceCatalogue:
    """Some stars of a catalogue."""
    columns: dict[str, Any] = {name: getattr(catalogue, name)[rows] for name in _COLUMNS}
    return replace(
        catalogue,
        **columns,
        flags=tuple(catalogue.flags[row] for row in rows),
        reasons=tuple(catalogue.reasons[row] for row in rows),
    )


def _joined(one: ReferenceCatalogue, more: ReferenceCatalogue) -> ReferenceCatalogue:
    """The stars of the first catalogue, then those of the second."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(one, name), getattr(more, name)]) for name in _COLUMNS
    }
    return replace(
        one,
        **columns,
        flags=(*one.flags, *more.flags),
        reasons=(*one.reasons, *more.reasons),
    )


def _numbered(
    catalogue: ReferenceCatalogue, n_first: int, registry: StarRegistry | None, settings: Settings
) -> ReferenceCatalogue:
    """The catalogue by number: stars from row ``n_first`` on get those of the registry, else new ones."""
    star_id = catalogue.star_id.copy()
    more = np.arange(n_first, len(star_id))
    star_id[more] = 0
    highest = int(star_id.max(initial=0))
    if registry is not None:
        highest = max(highest, int(registry.star_id.max(initial=0)))
        known_xy = _in_frame(registry, catalogue, n_first)
        unused = np.flatnonzero(~np.isin(registry.star_id, star_id))
        if known_xy is not None and len(unused) and len(more):
            limit = settings.detection.fwhm_px / 2
            pairs = mutual_pairs(known_xy[unused], catalogue.xy[more], limit)
            star_id[more[pairs[:, 1]]] = registry.star_id[unused[pairs[:, 0]]]
    new = more[star_id[more] == 0]
    new = new[np.lexsort((catalogue.x[new], catalogue.y[new]))]
    star_id[new] = highest + 1 + np.arange(len(new))
    return _rows(replace(catalogue, star_id=star_id), np.argsort(star_id))


def _in_frame(
    registry: StarRegistry, catalogue: ReferenceCatalogue, n_first: int
) -> np.ndarray | None:
    """Positions (star, 2) of the registry in the frame of the reference; None if too few are tied."""
    _, here, there = np.intersect1d(
        registry.star_id, catalogue.star_id[:n_first], return_indices=True
    )
    if len(here) < MIN_TIED:
        return None
    known = np.column_stack([registry.x, registry.y])
    design = np.column_stack([known, np.ones(len(known))])
    affine, *_ = np.linalg.lstsq(design[here], catalogue.xy[there], rcond=None)
    return np.asarray(design @ affine)
