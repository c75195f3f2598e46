"""Which stars of a catalogue the targets of the settings are, and what is computed for them."""

from collections.abc import Mapping, Sequence

import numpy as np
from astropy.table import QTable

from pipeline.config.targets import TargetSettings
from pipeline.schema.definitions import BAD_PROBABILITY
from pipeline.schema.flux_array import FluxArray
from pipeline.statistics.columns import numbers, texts
from pipeline.statistics.fluxes import OUTLIER
from pipeline.statistics.selection import select_fluxes
from pipeline.statistics.targets import Target, target_tables

FLAG = "target"  # of a star in ``catalogue``: what may vary tells nothing of the instrument
MAX_SEPARATION_ARCSEC = (
    3.0  # the WCS of a cube that is not tied to a catalogue is off by 1 or 2 arcsec
)
MAX_FOUND = 10  # stars that the search calls variable and that get a light curve


def find_targets(
    wanted: Sequence[TargetSettings], catalogue: QTable
) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """The targets that the catalogue shows, and a sentence on each that it does not.

    Parameters
    ----------
    wanted : sequence of TargetSettings
    catalogue : QTable
        Table ``catalogue``. A target with coordinates is the nearest star within
        ``MAX_SEPARATION_ARCSEC``.
    """
    ids = np.asarray(catalogue["star_id"], int)
    radec = np.column_stack([numbers(catalogue[name]) for name in ("ra_deg", "dec_deg")])
    exposure = catalogue.meta.get("reference_exposure", "")
    found: dict[int, Target] = {}
    notes: list[str] = []
    for one in wanted:
        row, said = _row_of(one, ids, radec)
        if row is None:
            notes.append(f"Target {one.name}: {said} (reference exposure {exposure}).")
        elif int(ids[row]) in found:
            other = found[int(ids[row])].name
            notes.append(f"Target {one.name}: star {ids[row]} is already target {other}.")
        else:
            found[int(ids[row])] = Target(
                int(ids[row]), one.name, float(radec[row, 0]), float(radec[row, 1])
            )
    return tuple(found.values()), tuple(notes)


def _row_of(one: TargetSettings, ids: np.ndarray, radec: np.ndarray) -> tuple[int | None, str]:
    """Row of a target in the catalogue, or None and why."""
    from astropy.coordinates import SkyCoord  # where it is needed: a tenth of a second

    if one.star_id:
        rows = np.flatnonzero(ids == one.star_id)
        return (int(rows[0]), "") if len(rows) else (None, f"there is no star {one.star_id}")
    known = np.flatnonzero(np.isfinite(radec).all(axis=1))
    if not len(known):
        return None, "the cubes have no celestial coordinates; give its star_id"
    apart = SkyCoord(one.ra_deg, one.dec_deg, unit="deg").separation(
        SkyCoord(*radec[known].T, unit="deg")
    )
    nearest = int(np.argmin(apart))
    distance = float(apart[nearest].arcsec)
    if distance <= MAX_SEPARATION_ARCSEC:
        return int(known[nearest]), ""
    return None, (
        f"no star within {MAX_SEPARATION_ARCSEC:g} arcsec of its coordinates; the nearest, star "
        f"{ids[known[nearest]]}, is {distance:.1f} arcsec away"
    )


def tables_of_targets(
    array: FluxArray,
    tables: Mapping[str, QTable],
    targets: Sequence[Target],
    *,
    radius_px: float,
    reference_exposure: str,
    channel_share: np.ndarray,
) -> dict[str, QTable]:
    """Tables ``targets`` and ``light_curves`` of the targets and of the stars found to vary.

    Parameters
    ----------
    array : FluxArray
    tables : mapping
        ``exposures`` and ``catalogue``; ``variability`` if the stability model could be fitted.
    targets : sequence of Target
    radius_px : float
        Aperture.
    """
    catalogue, exposures = tables["catalogue"], tables["exposures"]
    found = _found_to_vary(tables, {one.star_id for one in targets})
    everybody = (*targets, *found)
    if not everybody:
        return {}
    flagged = np.asarray(catalogue["star_id"], int)[texts(catalogue["flags"]) != ""]
    bad = numbers(exposures["bad_probability"]) > BAD_PROBABILITY
    marked = exposures.copy()
    marked["status"] = np.where(bad, OUTLIER, texts(exposures["status"]))
    fluxes_of = {
        band: select_fluxes(
            array,
            marked,
            catalogue,
            band=band,
            radius_px=radius_px,
            reference_exposure=reference_exposure,
            channel_share=channel_share,
        )
        for band in array.bands
    }
    return target_tables(
        fluxes_of,
        everybody,
        left_out=[*flagged.tolist(), *(one.star_id for one in found)],
        method=array.method,
    )


def _found_to_vary(tables: Mapping[str, QTable], targets: set[int]) -> list[Target]:
    """The stars that vary by the search over the field, the most certain first."""
    if "variability" not in tables:
        return []
    table = tables["variability"]
    variable = table[texts(table["flag"]) == "variable"]
    where = {int(row["star_id"]): row for row in tables["catalogue"]}
    certain = np.lexsort((-numbers(variable["std"]), numbers(variable["probability"])))
    rows = [variable[int(k)] for k in certain if int(variable[int(k)]["star_id"]) not in targets]
    return [
        Target(
            int(row["star_id"]),
            f"star {row['star_id']}",
            float(numbers(where[int(row["star_id"])]["ra_deg"])),
            float(numbers(where[int(row["star_id"])]["dec_deg"])),
            asked=False,
            probability=float(row["probability"]),
        )
        for row in rows[:MAX_FOUND]
    ]


def note_on_targets(targets: Sequence[Target]) -> tuple[str, ...]:
    """What a reader must know about the stars that are targets."""
    if not targets:
        return ()
    named = ", ".join(f"{one.name} (star {one.star_id})" for one in targets)
    return (f"Left out of the floor and of every summary over pairs as targets: {named}.",)
