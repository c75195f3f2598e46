"""From an association tree to the standard that was asked for, and nothing else.

CalSelector associates *a* standard with a science exposure: the closest within the calibration
plan, which may be another star or of another night. The tree is therefore asked for one exposure
by name, and the raw frame itself for its position: names of targets are spelt freely, or missing.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from astropy.io import fits

from pipeline.config.standards import same_star
from pipeline.errors import AmbiguousStandard, CalibrationMissing, NoStandard, WrongStandard
from pipeline.muse.association import AssociationTree
from pipeline.muse.calibrations import Calibrations, calibrations_of


@dataclass(frozen=True)
class RequestedStandard:
    """The standard that the campaign asked for."""

    dp_id: str  # "": whichever the tree holds, if it holds one only
    target: str = ""  # as in ESO OBS TARG NAME; another name is a note; "": not compared
    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_arcmin: float = 3.0


def standard_calibrations(
    tree: AssociationTree, wanted: RequestedStandard, installed: Collection[str] | None = None
) -> Calibrations:
    """The wanted standard with what its reduction reads, which suffices.

    Parameters
    ----------
    installed : collection of str or None
        Categories of static tables that the recipes' installation has; None: not known.

    Raises
    ------
    NoStandard
        If the tree holds no standard.
    WrongStandard
        If it holds others only.
    AmbiguousStandard
        If several fit and what their reduction would read differs.
    CalibrationMissing
        If a kind of file without which nothing is reduced is nowhere in the tree.
    """
    groups = tree.standards()
    if not groups:
        said = "; ".join(text for group in tree.root.walk() for text in group.messages)
        raise NoStandard(f"association tree without a standard ({said or 'no message'})")
    names = sorted(
        {file.name for group in groups for file in group.files if file.category == "STD"}
    )
    name = wanted.dp_id or (names[0] if len(names) == 1 else "")
    if not name:
        raise AmbiguousStandard(
            f"the tree holds {len(names)} standards ({', '.join(names)}); name the one wanted"
        )
    if name not in names:
        raise WrongStandard(
            f"asked for {name}, the tree holds {', '.join(names)}; "
            "ask for the tree of another science exposure of that night"
        )
    found = [
        calibrations_of(replace(group, files=own), tree.root, installed)
        for group in groups
        if (own := tuple(file for file in group.files if file.name == name))
    ]
    sufficient = [one for one in found if one.suffice]
    if not sufficient:
        best = min(found, key=lambda one: len(one.missing))
        why = "; ".join(best.notes)
        raise CalibrationMissing(
            f"{name}: no {', no '.join(best.missing)} in its tree" + (f" ({why})" if why else "")
        )
    least = min(len(one.borrowed) for one in sufficient)
    best_found = dict.fromkeys(one for one in sufficient if len(one.borrowed) == least)
    if len({one.group for one in best_found}) > 1:
        raise AmbiguousStandard(
            f"the tree holds {name} {len(best_found)} times with different calibrations"
        )
    return next(iter(best_found))


def check_standard(header: fits.Header, wanted: RequestedStandard) -> tuple[str, ...]:
    """Notes on a raw frame of the wanted star: whether its target has another name.

    Parameters
    ----------
    header : Header
        Primary header of the raw STD frame.

    Raises
    ------
    WrongStandard
        If it points elsewhere; where no position is asked for, if its target has another name.
    """
    from astropy.coordinates import SkyCoord  # where it is needed: a tenth of a second

    target = str(header.get("ESO OBS TARG NAME", header.get("OBJECT", ""))).strip()
    notes: tuple[str, ...] = ()
    if wanted.target and not target:
        notes = (f"the raw frame names no target; it points at {wanted.target}",)
    elif wanted.target and not same_star(target, wanted.target):
        notes = (f"the raw frame's target is called {target!r}, not {wanted.target!r}",)
    if wanted.ra_deg is None or wanted.dec_deg is None:
        if target and notes:  # nothing but the name can tell
            raise WrongStandard(f"{wanted.dp_id}: target is {target!r}, not {wanted.target!r}")
        return notes
    try:
        seen = SkyCoord(float(header["RA"]), float(header["DEC"]), unit="deg")
    except (KeyError, TypeError, ValueError) as error:
        raise WrongStandard(f"{wanted.dp_id}: the raw frame has no RA and DEC") from error
    away = seen.separation(SkyCoord(wanted.ra_deg, wanted.dec_deg, unit="deg")).arcmin
    if away > wanted.radius_arcmin:
        raise WrongStandard(
            f"{wanted.dp_id}: points {away:.1f} arcmin from {wanted.target or 'the standard'} "
            f"(target {target!r}); the limit is {wanted.radius_arcmin:g} (field.radius_arcmin)"
        )
    return notes
