"""What the archives say about a campaign: Gaia sources of its stars, nights of its field.

The commands ``identify`` and ``overview`` leave tables below ``work/archive/<campaign>``. A campaign
takes them from there if they are its own; their content is an ingredient of its summary, so a new
answer makes the summary stale and nothing else. Without any, nothing changes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from pipeline.archive.gaia import IDENTIFIED, StarList, not_identified
from pipeline.archive.tap import SIMULATED
from pipeline.config.settings import Settings
from pipeline.schema import TABLES, make_table
from pipeline.schema.availability import availability_table
from pipeline.statistics.columns import numbers
from pipeline.tasks.fits_products import read_table
from pipeline.tasks.kept_tables import read_kept
from pipeline.workflow import products

VARIABLE = "variable"  # the flag of a star in ``catalogue``; in capitals, Gaia's own word
STARS = "stars"  # key in the meta of ``identification``: digest of the catalogue it was made for


@dataclass(frozen=True)
class IdentificationStore:
    """Where the archives' responses for a campaign are kept, and what kind of campaign it is."""

    folder: Path  # work/archive/<campaign>
    source: str
    simulated: bool

    def digests(self, *, with_availability: bool) -> dict[str, str]:
        """sha256 of each table that there is, by name: ingredients of the summary."""
        paths = {"identification": self._identification()}
        if with_availability:
            paths["availability"] = self.folder / "availability.ecsv"
        return {
            name: products.file_sha256(path)
            for name, path in paths.items()
            if path is not None and path.is_file()
        }

    def identification(self, catalogue: QTable) -> QTable | None:
        """The table ``identification`` of a catalogue, None if Gaia has not been queried.

        What was made for other stars identifies none of these, and says so.
        """
        path = self._identification()
        if path is None:
            return None
        try:
            kept = read_table(path)
            columns = {
                column.name: getattr(kept[column.name], "value", kept[column.name])
                for column in TABLES["identification"]
            }
        except (OSError, ValueError, KeyError) as error:
            return not_identified(catalogue, f"{path.name} cannot be read: {error}")
        if kept.meta.get(STARS) != stars_digest(catalogue):
            reason = f"{path.name} was made for another reference catalogue; run identify again"
            return not_identified(catalogue, reason)
        if bool(kept.meta.get(SIMULATED)) != self.simulated:
            said = "simulated" if kept.meta.get(SIMULATED) else "observed"
            return not_identified(catalogue, f"{path.name} is of {said} stars, these are not")
        return make_table("identification", columns)

    def availability(self) -> QTable | None:
        """The table ``availability`` of the campaign's field, None if it has not been queried."""
        path = self.folder / "availability.ecsv"
        if not path.is_file():
            return None
        kept = read_table(path)
        if not len(kept) or bool(kept.meta.get(SIMULATED)) != self.simulated:
            return None
        return availability_table(kept["date"], {name: kept[name] for name in kept.colnames[1:]})

    def _identification(self) -> Path | None:
        """Of this source, else the one that a reader made for a catalogue of their own."""
        names = (identification_name(self.source), identification_name())
        return next((self.folder / n for n in names if (self.folder / n).is_file()), None)


def identification_name(source: str = "") -> str:
    """File of the identification of a source's stars, or of a catalogue of the reader's."""
    return f"identification-{source}.ecsv" if source else "identification.ecsv"


def stars_digest(catalogue: QTable) -> str:
    """Identity of a catalogue for the purpose of identification: numbers and positions."""
    stars = [
        (int(row["star_id"]), *(f"{float(getattr(row[k], 'value', row[k])):.2f}" for k in "xy"))
        for row in catalogue
    ]
    return products.digest(sorted(stars))


def star_lists(work: Path, settings: Settings, sources: Sequence[str]) -> dict[str, StarList]:
    """The reference stars of each source that has been summarised in a work folder."""
    lists = {}
    for source in sources:
        folder = work / settings.campaign.of_source(source) / "summary"
        if (folder / "summary.json").is_file():
            lists[source] = _star_list(folder)
    return lists


def _star_list(folder: Path) -> StarList:
    record = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    exposures = read_kept(folder / "exposures.npz")
    (row,) = exposures[exposures["exposure_id"] == record["reference_exposure"]]
    mjd = float(getattr(row["mjd_mid"], "value", row["mjd_mid"]))
    if np.isfinite(mjd):
        epoch_yr = float(Time(mjd, format="mjd").jyear)
    else:  # a record that gives only the night: Gaia moves its sources by the year
        epoch_yr = float(Time(str(row["night"])).jyear)
    return StarList(read_kept(folder / "catalogue.npz"), epoch_yr, bool(row["simulated"]))


def variable_stars(identification: QTable) -> tuple[int, ...]:
    """Numbers of the stars that Gaia calls variable, in order."""
    known = np.asarray(identification["status"], str) == IDENTIFIED
    variable = known & (np.asarray(identification["variable"], str) == VARIABLE.upper())
    return tuple(sorted(int(star) for star in identification["star_id"][variable]))


def flag_stars(
    catalogue: QTable,
    stars: Sequence[int],
    flag: str = VARIABLE,
    reason: str = "variable in Gaia DR3",
) -> QTable:
    """The table ``catalogue`` in which some stars carry a flag, ``variable`` unless said else.

    A flag leaves a star out of summaries: what varies there need not be the instrument.
    """
    if not stars:
        return catalogue
    flagged = catalogue.copy()
    is_variable = np.isin(np.asarray(catalogue["star_id"]), stars)
    flags = np.asarray(catalogue["flags"], str).tolist()
    reasons = catalogue.meta.get("reasons") or [""] * len(catalogue)
    new = [f"{f} {flag}".strip() if v else f for f, v in zip(flags, is_variable, strict=True)]
    info = catalogue["flags"].info
    flagged["flags"] = new
    flagged["flags"].info.description, flagged["flags"].info.meta = info.description, info.meta
    flagged.meta["reasons"] = [
        "; ".join([*([before] if before else []), reason]) if v else before
        for before, v in zip(reasons, is_variable, strict=True)
    ]
    return flagged


def tied_to_gaia(catalogue: QTable, identification: QTable | None) -> tuple[QTable, str]:
    """The table ``catalogue`` with the coordinates that Gaia gives its stars, and a sentence on that.

    The whole field is matched to Gaia's sources at the epoch of the reference exposure, so a star
    without a source has coordinates, too. Without a match the catalogue is as it was, the sentence empty.
    """
    from astropy.coordinates import SkyCoord  # where it is needed: a tenth of a second

    if identification is None or "ra_deg" not in catalogue.colnames:
        return catalogue, ""
    gaia, own = (
        np.column_stack([numbers(table[name]) for name in ("ra_deg", "dec_deg")])
        for table in (identification, catalogue)
    )
    known = np.isfinite(gaia).all(axis=1)
    if not known.any():
        return catalogue, ""
    tied = catalogue.copy()
    for axis, name in enumerate(("ra_deg", "dec_deg")):
        values = np.where(known, gaia[:, axis], own[:, axis])
        tied[name][:] = values * (tied[name].unit or 1)
    both = known & np.isfinite(own).all(axis=1)
    before, after = (SkyCoord(*sky[both].T, unit="deg") for sky in (own, gaia))
    apart = float(np.median(before.separation(after).arcsec)) if both.any() else np.nan
    n_found = int(np.count_nonzero(np.asarray(identification["status"], str) == IDENTIFIED))
    by = f", {apart:.1f} arcsec from those of the cube" if np.isfinite(apart) else ""
    return tied, f"Coordinates of stars are tied to Gaia DR3 by {n_found} of its sources{by}."


def variable_note(
    stars: Sequence[int], n_stars: int, headline_pairs: Sequence[tuple[int, int]]
) -> tuple[str, ...]:
    """What a reader must know about variable stars, a sentence each; empty without any."""
    if not stars:
        return ()
    named = ", ".join(map(str, stars))
    pairs = ", ".join(f"{a}/{b}" for a, b in headline_pairs if {a, b} & set(stars))
    hit = f"; so is the scatter of {pairs}, not the instrument's alone" if pairs else ""
    return (
        f"Gaia DR3 calls {len(stars)} of {n_stars} stars variable (star {named}): the flag "
        f"{VARIABLE} leaves them out of the floor and of every summary over pairs{hit}.",
    )


def with_identifications(
    tables: Mapping[str, QTable],
    store: IdentificationStore,
    headline_pairs: Sequence[tuple[int, int]],
    *,
    with_availability: bool,
) -> tuple[dict[str, QTable], tuple[str, ...]]:
    """The tables of a campaign with what the archives know about it, and notes."""
    found, notes = dict(tables), tuple[str, ...]()
    identification = store.identification(tables["catalogue"])
    if identification is not None:
        variable = variable_stars(identification)
        found["identification"] = identification
        tied, said = tied_to_gaia(tables["catalogue"], identification)
        found["catalogue"] = flag_stars(tied, variable)
        notes = (said,) if said else ()
        notes += variable_note(variable, len(identification), headline_pairs)
    if with_availability and (availability := store.availability()) is not None:
        found["availability"] = availability
    return found, notes
