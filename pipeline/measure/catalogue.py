"""The numbered, flagged stars that the reference exposure's detections make."""

import numpy as np

from pipeline.config.settings import Settings
from pipeline.config.star_registry import StarRegistry
from pipeline.errors import NoReferenceExposure, NoStarsMatched
from pipeline.measure.channel_share import find_field
from pipeline.measure.detection import edge_distance
from pipeline.measure.matching import match_exposure, mutual_pairs
from pipeline.measure.reference import ReferenceCatalogue
from pipeline.muse.geometry import WIDE_FIELD, FieldLayout, slice_address


def build_catalogue(
    exposure_id: str,
    image: np.ndarray,
    xy: np.ndarray,
    flux: np.ndarray,
    masked_xy: np.ndarray,
    settings: Settings,
    *,
    contamination: np.ndarray,
    registry: StarRegistry | None = None,
    position_angle_deg: float = 0.0,
    layout: FieldLayout = WIDE_FIELD,
    radec_deg: np.ndarray | None = None,
) -> ReferenceCatalogue:
    """Number the detections of the reference exposure and flag those that summaries leave out.

    Stars that match the registry take its numbers; the others follow after its highest number, by
    y. Without a registry all are numbered from 1 by y.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Detection image, NaN: no data.
    xy : ndarray, shape (source, 2)
        Detected positions [pix].
    flux : ndarray, shape (source,)
    masked_xy : ndarray, shape (other, 2)
        Bright stars that are masked: the standard, or saturated ones; may be empty.
    contamination : ndarray, shape (source,)
        Change of ln F that neighbours can make, see ``pipeline.measure.contamination``.
    position_angle_deg : float
        ESO INS DROT POSANG: rotation of the slices against the rows of the cube.
    layout : FieldLayout
        Of the exposure's mode.
    radec_deg : ndarray, shape (source, 2), optional
        ICRS, from the cube's WCS.

    Raises
    ------
    NoReferenceExposure
        If the registry's stars cannot be found among the detections.
    """
    star_id = _numbers(xy, registry, settings)
    edge = edge_distance(image, xy)
    flags, reasons = _flags(edge, contamination, _nearest(xy, masked_xy), settings)
    address = slice_address(*find_field(image, position_angle_deg, layout).offsets(xy), layout)
    order = np.argsort(star_id)
    return ReferenceCatalogue(
        exposure_id,
        star_id[order],
        xy[order, 0],
        xy[order, 1],
        np.asarray(flux)[order],
        address.channel[order],
        address.slice[order],
        edge[order],
        contamination[order],
        tuple(flags[i] for i in order),
        tuple(reasons[i] for i in order),
        np.full((len(xy), 2), np.nan) if radec_deg is None else np.asarray(radec_deg)[order],
    )


def _flags(
    edge: np.ndarray, contamination: np.ndarray, masked: np.ndarray, settings: Settings
) -> tuple[list[str], list[str]]:
    """Flags of each source, space separated, and the reasons as sentences."""
    how = settings.statistics
    reach = max(settings.extraction.radii_px) + how.edge_margin_px
    flags, reasons = [], []
    for distance, change, far in zip(edge, contamination, masked, strict=True):
        found = {
            "edge": (
                distance < reach,
                f"{distance:.1f} px from the edge of the footprint, less than {reach:g} px",
            ),
            "blended": (
                change > how.max_contamination,
                blended_reason(change, how.max_contamination),
            ),
            "near_standard": (
                far < how.standard_distance_px,
                f"{far:.1f} px from the masked star, less than {how.standard_distance_px:g} px",
            ),
        }
        flags.append(" ".join(name for name, (holds, _) in found.items() if holds))
        reasons.append("; ".join(reason for holds, reason in found.values() if holds))
    return flags, reasons


def blended_reason(change: float, limit: float) -> str:
    """Why a star is blended, in words."""
    return f"neighbours can change ln F by {change:.2g}, more than {limit:g}"


def _nearest(xy: np.ndarray, masked_xy: np.ndarray) -> np.ndarray:
    """Distance of each position to the nearest masked star [pix], infinite without one."""
    apart = np.hypot(*(xy[:, np.newaxis] - np.reshape(masked_xy, (-1, 2))).transpose(2, 0, 1))
    return np.asarray(apart.min(axis=1, initial=np.inf))


def _numbers(xy: np.ndarray, registry: StarRegistry | None, settings: Settings) -> np.ndarray:
    star_id = np.zeros(len(xy), int)
    next_id = 1
    if registry is not None:
        star, source = _same_stars(registry, xy, settings)
        star_id[source] = registry.star_id[star]
        next_id = int(registry.star_id.max()) + 1
    new = [row for row in np.lexsort((xy[:, 0], xy[:, 1])) if star_id[row] == 0]
    star_id[new] = np.arange(next_id, next_id + len(new))
    return star_id


def _same_stars(
    registry: StarRegistry, xy: np.ndarray, settings: Settings
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of registry stars and of their detections.

    The affine comes from the match; a star is then its mutually nearest detection within half the
    FWHM of the kernel: blends shift by more than ``tolerance_px`` with seeing and stay the star.
    """
    known = np.column_stack([registry.x, registry.y])
    try:
        match = match_exposure(
            known,
            xy,
            tolerance_px=settings.matching.tolerance_px,
            max_false_alarm=settings.matching.max_false_alarm,
        )
    except NoStarsMatched as error:
        raise NoReferenceExposure(
            f"the stars of {registry.name} are not those of the reference exposure "
            f'({error}); name the right registry, or "" to number the stars from 1'
        ) from error
    star, source = mutual_pairs(match.xy, xy, settings.detection.fwhm_px / 2).T
    return star, source
