"""The reference: which exposure it is, and the numbered stars that it defines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable
from scipy.spatial import cKDTree

from pipeline.campaign import Exposure
from pipeline.errors import NoStarsMatched, ReferenceError
from pipeline.geometry import slice_address
from pipeline.measure.detection import edge_distance
from pipeline.measure.matching import match_exposure
from pipeline.schema import make_table
from pipeline.settings import ReferenceSettings, Settings


@dataclass(frozen=True)
class Sharpness:
    """What the rule weighs: how many stars an exposure shows, and how sharp they are."""

    n_detected: int
    fwhm_px: float  # NaN: could not be measured


@dataclass(frozen=True)
class StarRegistry:
    """Known stars of a field: numbers that stay, whichever exposure is the reference."""

    star_id: np.ndarray  # (star,) int
    x: np.ndarray  # (star,) [pix], in the frame of any exposure of the field
    y: np.ndarray


@dataclass(frozen=True)
class ReferenceCatalogue:
    """Stars of the reference exposure, by number; every array has shape (star,)."""

    exposure_id: str
    star_id: np.ndarray  # int
    x: np.ndarray  # [pix]
    y: np.ndarray
    flux: np.ndarray  # [cube unit], DAOFIND
    channel: np.ndarray  # 1 to 24, 0: outside the field
    slice: np.ndarray  # 1 to 48, 0: outside the field
    edge_distance_px: np.ndarray
    flags: tuple[str, ...]  # edge, blended, near_standard; space separated
    reasons: tuple[str, ...]  # the same in words, "" where there is no flag

    @property
    def xy(self) -> np.ndarray:
        """Positions, shape (star, 2)."""
        return np.column_stack([self.x, self.y])

    def table(self) -> QTable:
        """The table ``catalogue`` of the schema; exposure and reasons are in its meta."""
        names = ("star_id", "x", "y", "flux", "channel", "slice", "edge_distance_px", "flags")
        return make_table(
            "catalogue",
            {name: getattr(self, name) for name in names},
            reference_exposure=self.exposure_id,
            reasons=list(self.reasons),
        )

    @classmethod
    def from_table(cls, table: QTable) -> "ReferenceCatalogue":
        """The catalogue that ``table()`` was made from."""

        def plain(name: str) -> np.ndarray:
            return np.asarray(getattr(table[name], "value", table[name]))

        return cls(
            str(table.meta["reference_exposure"]),
            plain("star_id"),
            plain("x"),
            plain("y"),
            plain("flux"),
            plain("channel"),
            plain("slice"),
            plain("edge_distance_px"),
            tuple(str(flag) for flag in table["flags"]),
            tuple(str(reason) for reason in table.meta["reasons"]),
        )


def reference_candidates(
    exposures: Sequence[Exposure], settings: ReferenceSettings
) -> tuple[str, ...]:
    """Exposure ids among which the reference is chosen: detect on these first.

    The preferred exposures in their order, then those with the best seeing in their headers (the
    silent ones last; the earlier, then the lower id, among equals).
    """
    preferred = _preferred(exposures, settings)
    by_seeing = sorted(
        exposures,
        key=lambda e: (
            np.inf if np.isnan(e.seeing_arcsec) else e.seeing_arcsec,
            e.mjd_mid,
            e.exposure_id,
        ),
    )
    best = [e.exposure_id for e in by_seeing[: settings.candidates]]
    return tuple(dict.fromkeys([*preferred, *best]))


def choose_reference(
    exposures: Sequence[Exposure],
    detected: Mapping[str, Sharpness],
    settings: ReferenceSettings,
) -> str:
    """The id of the reference exposure.

    The first preferred exposure that shows stars; else, of those looked at, the one with most
    detections, then the smallest FWHM, then the earliest.

    Parameters
    ----------
    exposures : sequence of Exposure
    detected : mapping of exposure id to Sharpness
        Of the exposures on which stars were detected; the others are left out.

    Raises
    ------
    ReferenceError
        If no exposure shows a star.
    """
    known = {e.exposure_id: e for e in exposures if e.exposure_id in detected}
    if not known:
        raise ReferenceError(
            f"none of {len(exposures)} exposures shows stars that could number a catalogue; "
            "look at the reasons of the failed exposures or lower detection.threshold_sigma"
        )
    for exposure_id in _preferred(exposures, settings):
        if exposure_id in known:
            return exposure_id

    def rank(exposure: Exposure) -> tuple[float, float, float, str]:
        seen = detected[exposure.exposure_id]
        fwhm = np.inf if np.isnan(seen.fwhm_px) else seen.fwhm_px
        return -seen.n_detected, fwhm, exposure.mjd_mid, exposure.exposure_id

    return min(known.values(), key=rank).exposure_id


def _preferred(exposures: Sequence[Exposure], settings: ReferenceSettings) -> list[str]:
    """Ids that ``prefer`` names, by id or by "NIGHT MODE", in its order, then by time."""
    by_time = sorted(exposures, key=lambda e: (e.mjd_mid, e.exposure_id))
    return [
        e.exposure_id
        for wanted in settings.prefer
        for e in by_time
        if wanted in (e.exposure_id, f"{e.night} {e.mode}")
    ]


def build_catalogue(
    exposure_id: str,
    image: np.ndarray,
    xy: np.ndarray,
    flux: np.ndarray,
    standard_xy: tuple[float, float],
    settings: Settings,
    *,
    registry: StarRegistry | None = None,
    position_angle_deg: float = 0.0,
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
    standard_xy : (x, y) of the standard
    position_angle_deg : float
        ESO INS DROT POSANG: rotation of the slices against the rows of the cube.

    Raises
    ------
    ReferenceError
        If the registry's stars cannot be found among the detections.
    """
    star_id = _numbers(xy, registry, settings)
    edge = edge_distance(image, xy)
    neighbour = _nearest_neighbour(xy)
    standard = np.hypot(*(xy - np.asarray(standard_xy)).T)
    reach = max(settings.extraction.radii_px) + settings.statistics.edge_margin_px
    rules = (
        ("edge", edge, reach, "from the edge of the footprint"),
        ("blended", neighbour, settings.statistics.blend_distance_px, "from its neighbour"),
        ("near_standard", standard, settings.statistics.standard_distance_px, "from the standard"),
    )
    flags = [
        " ".join(name for name, distance, limit, _ in rules if distance[i] < limit)
        for i in range(len(xy))
    ]
    reasons = [
        "; ".join(
            f"{distance[i]:.1f} px {where}, less than {limit:g} px"
            for _, distance, limit, where in rules
            if distance[i] < limit
        )
        for i in range(len(xy))
    ]
    address = slice_address(*_field_offsets(image, xy, position_angle_deg))
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
        tuple(flags[i] for i in order),
        tuple(reasons[i] for i in order),
    )


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
        raise ReferenceError(
            f"the stars of field.star_registry are not those of the reference exposure "
            f'({error}); name the right registry, or "" to number the stars from 1'
        ) from error
    distance, source = cKDTree(xy).query(match.xy)
    back = cKDTree(match.xy).query(xy)[1]
    star = np.flatnonzero(
        (distance <= settings.detection.fwhm_px / 2) & (back[source] == np.arange(len(known)))
    )
    return star, source[star]


def _nearest_neighbour(xy: np.ndarray) -> np.ndarray:
    """Distance to the nearest other position [pix], infinite for a single one."""
    return np.asarray(cKDTree(xy).query(xy, k=2)[0][:, 1])


def _field_offsets(
    image: np.ndarray, xy: np.ndarray, position_angle_deg: float
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets along and across the slices from the centre of the spaxels with data [pix]."""
    row, column = np.nonzero(np.isfinite(image))
    dx, dy = xy[:, 0] - column.mean(), xy[:, 1] - row.mean()
    angle = np.deg2rad(position_angle_deg)
    return dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
