"""From an association tree to the standard that was asked for, and nothing else.

CalSelector associates *a* standard with a science exposure: the closest within the calibration
plan, which may be another star or of another night. The tree is therefore asked for one exposure
by name, and the raw frame itself for target and position.
"""

from dataclasses import dataclass

from astropy.coordinates import SkyCoord
from astropy.io import fits

from pipeline.errors import (
    AmbiguousStandard,
    CalibrationMissing,
    NoStandard,
    UnknownCategory,
    WrongStandard,
)
from pipeline.muse.association import Association, AssociationTree
from pipeline.reduction.recipes import KNOWN_TAGS

REQUIRED = ("BIAS", "FLAT", "ARC", "GEOMETRY_TABLE", "LINE_CATALOG", "EXTINCT_TABLE")


@dataclass(frozen=True)
class Wanted:
    """The standard that the campaign asked for."""

    dp_id: str  # "": whichever the tree holds, if it holds one only
    target: str = ""  # as in ESO OBS TARG NAME; "": not compared
    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_arcmin: float = 3.0


def standard_group(tree: AssociationTree, wanted: Wanted) -> Association:
    """The group of the wanted standard with everything that calibrates it.

    Raises
    ------
    NoStandard
        If the tree holds no standard.
    WrongStandard
        If it holds others only.
    AmbiguousStandard
        If several fit and they differ.
    CalibrationMissing
        If the group is incomplete: by its own word, or because a kind of file is nowhere in it.
    UnknownCategory
        If it holds a file of an unknown kind: ignoring it could change the result unnoticed.
    """
    groups = tree.standards()
    if not groups:
        said = "; ".join(text for group in tree.root.walk() for text in group.messages)
        raise NoStandard(f"association tree without a standard ({said or 'no message'})")
    names = sorted(
        {file.name for group in groups for file in group.files if file.category == "STD"}
    )
    if wanted.dp_id:
        groups = tuple(g for g in groups if wanted.dp_id in {f.name for f in g.files})
        if not groups:
            raise WrongStandard(
                f"asked for {wanted.dp_id}, the tree holds {', '.join(names)}; "
                "ask for the tree of another science exposure of that night"
            )
    distinct = tuple(dict.fromkeys(groups))
    if len(distinct) > 1:
        raise AmbiguousStandard(
            f"the tree holds {len(distinct)} standards ({', '.join(names)}); name the one wanted"
        )
    group = distinct[0]
    _check_complete(group)
    unknown = sorted({file.category for file in group.all_files()} - KNOWN_TAGS)
    if unknown:
        raise UnknownCategory(
            f"{_name(group)}: the tree holds files of unknown category {', '.join(unknown)}; "
            "add them to pipeline/reduction/recipes.py"
        )
    return group


def check_standard(header: fits.Header, wanted: Wanted) -> None:
    """Make sure that a raw frame shows the wanted star.

    Parameters
    ----------
    header : Header
        Primary header of the raw STD frame.

    Raises
    ------
    WrongStandard
        If target or position differ.
    """
    target = str(header.get("ESO OBS TARG NAME", header.get("OBJECT", ""))).strip()
    if wanted.target and _spelling(target) != _spelling(wanted.target):
        raise WrongStandard(f"{wanted.dp_id}: target is {target!r}, not {wanted.target!r}")
    if wanted.ra_deg is None or wanted.dec_deg is None:
        return
    try:
        seen = SkyCoord(float(header["RA"]), float(header["DEC"]), unit="deg")
    except (KeyError, TypeError, ValueError) as error:
        raise WrongStandard(f"{wanted.dp_id}: the raw frame has no RA and DEC") from error
    away = seen.separation(SkyCoord(wanted.ra_deg, wanted.dec_deg, unit="deg")).arcmin
    if away > wanted.radius_arcmin:
        raise WrongStandard(
            f"{wanted.dp_id}: points {away:.1f} arcmin from {wanted.target or 'the standard'}; "
            f"the limit is {wanted.radius_arcmin:g} (field.radius_arcmin)"
        )


def _check_complete(group: Association) -> None:
    for part in group.walk():
        if not part.complete:
            said = "; ".join(part.messages)
            raise CalibrationMissing(
                f"{_name(group)}: the archive calls its {part.category} incomplete"
                + (f" ({said})" if said else "")
            )
    present = {file.category for file in group.all_files()}
    missing = [tag for tag in REQUIRED if tag not in present]
    if missing:
        raise CalibrationMissing(f"{_name(group)}: no {', '.join(missing)} in its tree")


def _name(group: Association) -> str:
    return next(file.name for file in group.files if file.category == "STD")


def _spelling(name: str) -> str:
    """Names of stars are spelt freely: LTT 3218, LTT-3218, ltt3218."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
