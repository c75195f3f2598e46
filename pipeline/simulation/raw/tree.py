"""The association tree of a simulated exposure, in the XML that the archive's CalSelector sends.

The root is a science exposure of the same night, as in the archive: only science frames have
trees of their own, the standard hangs below one. That science frame itself does not exist here
and is never needed.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

from pipeline.simulation.raw.frames import Frame, NightFrames
from pipeline.simulation.raw.headers import dp_id

SCIENCE_DELAY = 0.05  # [d] after the standard


def association_xml(frames: NightFrames, mode: str, statics: Mapping[str, str]) -> str:
    """The tree as text.

    Parameters
    ----------
    statics : mapping of str to str
        Archive names of the static tables by category.
    """

    def static(category: str) -> ET.Element:
        return _association(category, [(category, statics[category])], match="N/A")

    def group(category: str, members: Sequence[Frame], *children: ET.Element) -> ET.Element:
        return _association(category, [(frame.tag, frame.dp_id) for frame in members], children)

    def lamp_flat() -> ET.Element:
        return group("LAMP_FLAT", frames.flat, group("BIAS", frames.flat_bias))

    def arc() -> ET.Element:
        bias = group("BIAS", frames.bias)
        return group("ARC", frames.arc, bias, lamp_flat(), static("LINE_CATALOG"))

    def basic() -> list[ET.Element]:
        return [group("BIAS", frames.bias), lamp_flat(), arc(), static("GEOMETRY_TABLE")]

    children = [group("ILLUM", [frames.illum]), *basic()]
    if frames.skyflat:
        own = [group("ILLUM", [frames.twilight_illum])] if frames.twilight_illum else []
        children.append(group("SKY_FLAT", frames.skyflat, *own, *basic()))
    children += [static("EXTINCT_TABLE"), static("STD_FLUX_TABLE"), static("FILTER_LIST")]
    standard = group("STD", [frames.std], *children)
    science = dp_id(frames.std.mjd + SCIENCE_DELAY)
    name = "SCI_" + mode.replace("-", "_")
    root = _association(name, [("OBJECT", science)], [standard], mode="Raw2Raw")
    ET.indent(root, "  ")
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _association(
    category: str,
    files: Sequence[tuple[str, str]],
    children: Sequence[ET.Element] = (),
    *,
    match: str = "calib_plan",
    mode: str = "",
) -> ET.Element:
    element = ET.Element("association", category=category, certified="true", complete="true")
    element.set(*(("mode", mode) if mode else ("match", match)))
    element.set("type", "main")
    main = ET.SubElement(element, "mainFiles")
    for tag, name in files:
        ET.SubElement(main, "file", category=tag, name=name)
    ET.SubElement(element, "messages")
    ET.SubElement(element, "associatedFiles").extend(children)
    return element
