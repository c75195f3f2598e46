"""Which calibrations of an association tree a reduction uses, and whether they suffice.

One rule for retrieval and reduction: what is fetched is what is used, and a tree that retrieval
takes is not refused later. A tree holds more than is used (darks with biases of their own, tables
of other recipes), lacks what is not needed (most trees are incomplete in something), and has its
static tables with the standard, at its root, or not at all: the recipes' installation has them.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from pipeline.muse.association import Association

LEAST_FRAMES = {"BIAS": 3, "FLAT": 3, "ARC": 3, "SKYFLAT": 3, "ILLUM": 1}  # that recipes must have
NEEDED = ("BIAS", "FLAT", "ARC")  # raw calibrations without which nothing is reduced
NEEDED_STATICS = ("GEOMETRY_TABLE", "LINE_CATALOG", "EXTINCT_TABLE")
USED_STATICS = (
    *NEEDED_STATICS,
    *("STD_FLUX_TABLE", "FILTER_LIST", "ASTROMETRY_WCS", "BADPIX_TABLE", "VIGNETTING_MASK"),
    "TWILIGHT_CUBE",
)
USED = frozenset(("STD", *LEAST_FRAMES, *USED_STATICS))
# What trees hold for other recipes than those of a reduction here; ignored without surprise
UNUSED = frozenset(
    (
        *("OBJECT", "SKY", "DARK", "MASTER_DARK", "ASTROMETRY", "ASTROMETRY_REFERENCE"),
        *("SKY_LINES", "LSF_PROFILE", "TELLURIC_REGIONS", "RAMAN_LINES", "MASK_IMAGE"),
        *("NONLINEARITY_GAIN", "SKY_CONTINUUM", "STD_RESPONSE", "STD_TELLURIC", "MASK"),
    )
)


@dataclass(frozen=True)
class Calibrations:
    """A standard with what its reduction reads, and a judgement on it."""

    group: Association  # the standard and what calibrates it, and nothing else
    missing: tuple[str, ...]  # kinds of files without which nothing is reduced; () if it suffices
    notes: tuple[str, ...]  # what was ignored, what is incomplete and not needed
    borrowed: tuple[str, ...] = ()  # kinds that only other calibrations have, and which are used

    @property
    def suffice(self) -> bool:
        """Whether the standard can be reduced with them."""
        return not self.missing

    @property
    def certified(self) -> bool:
        """Whether all that is used has passed the observatory's quality control."""
        return all(part.certified for part in self.group.walk() if part.files)

    def names(self) -> tuple[str, ...]:
        """Identities of the files that a reduction reads, each once."""
        return tuple(dict.fromkeys(file.name for file in self.group.all_files()))


def calibrations_of(
    group: Association, root: Association, installed: Collection[str] | None = None
) -> Calibrations:
    """What the reduction of a standard uses of a tree.

    Parameters
    ----------
    group : Association
        The standard's own group.
    root : Association
        Of the tree: static tables may hang there instead of below the standard.
    installed : collection of str or None
        Categories of static tables that the recipes' installation has; None: not known, and it is
        trusted to have them (the kits do).
    """
    notes: list[str] = []
    kept = _kept(group, notes) or replace(group, children=())
    kept = replace(kept, children=(*kept.children, *_statics_elsewhere(kept, root)))
    present = {file.category for file in kept.all_files()}
    missing = [
        f"{tag} (at least {LEAST_FRAMES[tag]} frames)" for tag in NEEDED if tag not in present
    ]
    own = {file.category for child in kept.children for file in child.files}
    borrowed = tuple(tag for tag in NEEDED if tag in present and tag not in own)
    notes += [f"{tag} is not below the standard: that of another calibration" for tag in borrowed]
    for tag in NEEDED_STATICS:
        if tag in present:
            continue
        if installed is None or tag in installed:
            notes.append(f"{tag} is not in the tree: that of the recipes' installation is used")
        else:
            missing.append(tag)
    if "SKYFLAT" not in present and "TWILIGHT_CUBE" not in present:
        notes.append("no twilight flats in the tree")
    if "ILLUM" not in present:
        notes.append("no illumination flat (ILLUM) in the tree")
    return Calibrations(kept, tuple(missing), tuple(dict.fromkeys(notes)), borrowed)


def _kept(group: Association, notes: list[str]) -> Association | None:
    """The group without what is not used, None if nothing is left, and what was removed and why."""
    files = tuple(file for file in group.files if file.category in USED)
    if not files:
        _note_ignored(group, notes)
        return None
    tag = files[0].category
    if len({file.name for file in files}) < LEAST_FRAMES.get(tag, 1):
        said = f" ({'; '.join(group.messages)})" if group.messages else ""
        notes.append(f"{group.category}: {len(files)} frames are too few, not used{said}")
        return None
    if not group.complete:
        said = f" ({'; '.join(group.messages)})" if group.messages else ""
        notes.append(f"the archive calls {group.category} incomplete{said}: used as it is")
    children = tuple(part for child in group.children if (part := _kept(child, notes)) is not None)
    return replace(group, files=files, children=children)


def _note_ignored(group: Association, notes: list[str]) -> None:
    tags = sorted({file.category for file in group.files})
    unknown = [tag for tag in tags if tag not in UNUSED]
    n_files = len({file.name for file in group.all_files()})
    if unknown:
        notes.append(f"{', '.join(unknown)}: unknown kind of file, ignored ({n_files} files)")
    elif tags:
        notes.append(f"{', '.join(tags)}: not used, ignored ({n_files} files)")


def _statics_elsewhere(kept: Association, root: Association) -> tuple[Association, ...]:
    """The static tables that hang elsewhere in the tree and not below the standard."""
    present = {file.category for file in kept.all_files()}
    found: dict[str, Association] = {}
    for part in root.walk():
        for file in part.files:
            if file.category in USED_STATICS and file.category not in present:
                own = replace(part, category=file.category, files=(file,), children=())
                found.setdefault(file.category, own)
    return tuple(found[tag] for tag in sorted(found))
