"""The reference: which exposure it is, and what its catalogue holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from astropy.table import QTable

from pipeline.config.settings import ReferenceSettings
from pipeline.errors import NoReferenceExposure
from pipeline.muse.exposure import Exposure
from pipeline.schema import make_table


@dataclass(frozen=True)
class Sharpness:
    """What the rule weighs: how many stars an exposure shows, and how sharp they are."""

    n_detected: int
    fwhm_px: float  # NaN: could not be measured


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
    contamination: np.ndarray  # [ln], change of ln F that neighbours can make
    flags: tuple[str, ...]  # edge, blended, near_standard; space separated
    reasons: tuple[str, ...]  # the same in words, "" where there is no flag
    radec_deg: np.ndarray  # (star, 2) [deg, ICRS], NaN without a celestial WCS

    @property
    def xy(self) -> np.ndarray:
        """Positions, shape (star, 2)."""
        return np.column_stack([self.x, self.y])

    def table(self) -> QTable:
        """The table ``catalogue`` of the schema; exposure and reasons are in its meta."""
        names = (
            *("star_id", "x", "y", "flux", "channel", "slice"),
            *("edge_distance_px", "contamination", "flags"),
        )
        return make_table(
            "catalogue",
            {
                **{name: getattr(self, name) for name in names},
                "ra_deg": self.radec_deg[:, 0],
                "dec_deg": self.radec_deg[:, 1],
            },
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
            plain("contamination"),
            tuple(np.ma.filled(table["flags"], "").tolist()),  # ECSV reads "" as masked
            tuple(str(reason) for reason in table.meta["reasons"]),
            np.column_stack([plain("ra_deg"), plain("dec_deg")]),
        )


def reference_candidates(
    exposures: Sequence[Exposure], settings: ReferenceSettings
) -> tuple[str, ...]:
    """Exposure ids among which the reference is chosen: detect on these first.

    The preferred exposures in their order, then those with the best seeing in their headers (the
    silent ones last; the earlier, then the lower id, among equals).
    """
    preferred = _preferred(exposures, settings)
    best = [e.exposure_id for e in sorted(exposures, key=by_seeing)[: settings.candidates]]
    return tuple(dict.fromkeys([*preferred, *best]))


def by_seeing(exposure: Exposure) -> tuple[float, float, str]:
    """Sorting key: the best seeing in the header first; the silent ones last, then by time and id."""
    seeing = exposure.seeing_arcsec
    return np.inf if np.isnan(seeing) else seeing, exposure.mjd_mid, exposure.exposure_id


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
    NoReferenceExposure
        If no exposure shows a star.
    """
    known = {e.exposure_id: e for e in exposures if e.exposure_id in detected}
    if not known:
        raise NoReferenceExposure(
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
