"""Association trees for tests: one complete standard, and what may be wrong with it."""

from dataclasses import replace

from pipeline.muse.association import Association, AssociationTree, File

STD = "MUSE.2019-03-10T00:30:00.000"
OTHER = "MUSE.2019-03-10T09:30:00.321"
# Start of the frames of a group; OTHER has no illumination flat near it
STARTS = {
    "ILLUM": "2019-03-10T00:22",
    "BIAS": "2019-03-10T10:00",
    "LAMP_FLAT": "2019-03-10T11:00",
    "ARC": "2019-03-10T12:00",
    "SKY_FLAT": "2019-03-09T22:30",
}


def raw(category: str, tag: str, n: int, *children: Association, first: int = 0) -> Association:
    """A group of n frames, one a second."""
    names = [f"MUSE.{STARTS[category]}:{first + i:02d}.000" for i in range(n)]
    return Association(category, tuple(File(name, tag) for name in names), children)


def static(tag: str) -> Association:
    """A group with one static table."""
    return Association(tag, (File(f"M.MUSE.{tag}", tag),), match="N/A")


def bias(first: int = 0) -> Association:
    """Three biases; another ``first`` makes them others."""
    return raw("BIAS", "BIAS", 3, first=first)


def lamp_flat(first_bias: int = 10) -> Association:
    """Lamp flats that come with biases of their own."""
    return raw("LAMP_FLAT", "FLAT", 3, bias(first_bias))


def arc() -> Association:
    """Arc frames with their own chain."""
    return raw("ARC", "ARC", 3, bias(), lamp_flat(), static("LINE_CATALOG"))


def skyflat() -> Association:
    """Twilight flats with their own chain."""
    return raw("SKY_FLAT", "SKYFLAT", 3, bias(), lamp_flat(), arc(), static("GEOMETRY_TABLE"))


def standard(*more: Association, name: str = STD, without: str = "") -> Association:
    """A complete standard, or one that lacks a group."""
    children = [
        raw("ILLUM", "ILLUM", 1),
        bias(),
        lamp_flat(),
        arc(),
        skyflat(),
        static("GEOMETRY_TABLE"),
        static("EXTINCT_TABLE"),
        static("STD_FLUX_TABLE"),
    ]
    kept = tuple(child for child in (*children, *more) if child.category != without)
    return Association("STD", (File(name, "STD"),), kept)


def without_everywhere(group: Association, tag: str) -> Association:
    """The group without files of a kind, nor groups that would be empty."""
    children = tuple(
        without_everywhere(child, tag)
        for child in group.children
        if any(file.category != tag for file in child.files)
    )
    files = tuple(file for file in group.files if file.category != tag)
    return replace(group, files=files, children=children)


def tree(*groups: Association, messages: tuple[str, ...] = ()) -> AssociationTree:
    """A science exposure's tree that holds these groups."""
    science = (File("MUSE.2019-03-10T02:00:00.500", "OBJECT"),)
    return AssociationTree(
        "Raw2Raw", Association("SCI_WFM_NOAO_N", science, groups, messages=messages)
    )
