"""Association trees: which raw and static calibrations belong to an exposure.

CalSelector answers in XML. The answer comes from the network and is trusted in nothing: document
types, entities and external references are refused unread, size, nesting and number of files are
bounded, and a file name that is not a plain archive identity refuses the whole tree.

In a tree ``Association.category`` is the archive's name of a group (its RAW_TYPE, for example
LAMP_FLAT) and ``File.category`` the tag that the recipes read (for example FLAT). Never mix them.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

import defusedxml
import defusedxml.sax

from pipeline.errors import AssociationRefused

MAX_BYTES = 8 << 20  # a MUSE tree has some 30 kB
MAX_DEPTH = 64  # nested elements; a MUSE tree has about a dozen
MAX_ENTRIES = 20_000  # groups and mentions of files; a MUSE tree has a few hundred
MAX_MESSAGE = 500  # characters that are kept of a message
NEEDED = ("BIAS", "FLAT", "ARC")  # file categories without which nothing is reduced

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_:+-]|\.(?!\.)){0,119}")


@dataclass(frozen=True)
class File:
    """One file of a tree."""

    name: str  # its identity in the archive, dp_id
    category: str  # the tag that the recipes read: STD, BIAS, FLAT, ARC, SKYFLAT, ILLUM, ...


@dataclass(frozen=True)
class Association:
    """A group of files that belong together, and the groups that calibrate it."""

    category: str  # RAW_TYPE: STD, BIAS, LAMP_FLAT, ARC, SKY_FLAT, ILLUM, ...
    files: tuple[File, ...]
    children: tuple["Association", ...] = ()
    complete: bool = True  # nothing is missing from it, says the archive
    certified: bool = True  # its calibrations have passed quality control
    match: str = ""  # the rule by which it was chosen: calib_plan, N/A, ...
    messages: tuple[str, ...] = ()

    def walk(self) -> Iterator["Association"]:
        """This group and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def all_files(self) -> tuple[File, ...]:
        """Every file of the group and of all below it, each once, in order of appearance."""
        return tuple(dict.fromkeys(file for group in self.walk() for file in group.files))

    def missing(self) -> tuple[str, ...]:
        """The needed file categories that are nowhere in it."""
        present = {file.category for file in self.all_files()}
        return tuple(category for category in NEEDED if category not in present)


@dataclass(frozen=True)
class AssociationTree:
    """A response of CalSelector."""

    mode: str  # "Raw2Raw" or "Raw2Master": the archive may answer in another mode than asked
    root: Association

    def standards(self) -> tuple[Association, ...]:
        """The groups whose own files are standard-star exposures, in order of appearance."""
        return tuple(
            group for group in self.root.walk() if any(f.category == "STD" for f in group.files)
        )


def parse_tree(document: bytes) -> AssociationTree:
    """The association tree in an XML document.

    Raises
    ------
    AssociationRefused
        If the document is not a well-formed tree, declares a document type or an entity, exceeds
        ``MAX_BYTES``, ``MAX_DEPTH`` or ``MAX_ENTRIES``, or holds a file name that is not plain.
    """
    if len(document) > MAX_BYTES:
        raise AssociationRefused(
            f"association tree of {len(document)} bytes; the limit is {MAX_BYTES}"
        )
    builder = _TreeHandler()
    _parse(document, builder)
    return builder.tree()


def check_xml(document: bytes) -> None:
    """Make sure that a document is XML without document type, and so without entities.

    A document type may stand before the first element only; what follows is left to the reader of
    the document.

    Raises
    ------
    AssociationRefused
        If it has one, or is not well-formed up to its first element.
    """
    with contextlib.suppress(_FirstElement):
        _parse(document, _UpToFirstElement())


class _FirstElement(Exception):
    """The first element of a document begins."""


class _UpToFirstElement(ContentHandler):
    """Ends the reading of a document."""

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: ARG002
        raise _FirstElement


def _parse(document: bytes, handler: ContentHandler) -> None:
    try:
        defusedxml.sax.parseString(document, handler, forbid_dtd=True)
    except defusedxml.DefusedXmlException as error:
        raise AssociationRefused("XML document declares a document type or an entity") from error
    except (SAXException, ValueError, LookupError) as error:
        raise AssociationRefused(f"not well-formed XML: {error}") from error


def tree_xml(tree: AssociationTree) -> bytes:
    """The tree as an XML document that ``parse_tree`` reads back unchanged."""
    root = _element(tree.root)
    root.set("mode", tree.mode)
    ET.indent(root, "    ")
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


def plain_name(name: str) -> str:
    """The name, if it is a plain archive identity: no path, nothing hidden, no surprise.

    Raises
    ------
    AssociationRefused
        If it is not.
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise AssociationRefused(
            f"file name {name[:80]!r} is not a plain archive name; the answer is not used"
        )
    return name


@dataclass
class _Open:
    """A group that is being read."""

    attributes: dict[str, str]
    files: list[File] = field(default_factory=list)
    children: list[Association] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def close(self) -> Association:
        get = self.attributes.get
        return Association(
            category=get("category", ""),
            files=tuple(self.files),
            children=tuple(self.children),
            complete=get("complete", "").lower() == "true",
            certified=get("certified", "").lower() == "true",
            match=get("match", ""),
            messages=tuple(text for text in map(str.strip, self.messages) if text),
        )


class _TreeHandler(ContentHandler):
    """Receives the parser's events; keeps one open group per level."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._n_entries = 0
        self._open: list[_Open] = []
        self._root: Association | None = None
        self._mode = ""
        self._in_message = False

    def startElement(self, name: str, attrs: AttributesImpl) -> None:
        attributes = dict(attrs)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise AssociationRefused(f"association tree is nested deeper than {MAX_DEPTH} elements")
        if self._depth == 1:
            if name != "association":
                raise AssociationRefused(f"<{name[:40]}> is not an association tree")
            self._mode = attributes.get("mode", "")
        if name in ("association", "file", "message"):
            self._n_entries += 1
            if self._n_entries > MAX_ENTRIES:
                raise AssociationRefused(f"association tree has more than {MAX_ENTRIES} entries")
        if name == "association":
            self._open.append(_Open(attributes))
        elif name == "file":
            file_name = plain_name(attributes.get("name", ""))
            self._open[-1].files.append(File(file_name, attributes.get("category", "")))
        elif name == "message":
            self._in_message = True
            self._open[-1].messages.append(attributes.get("text", "")[:MAX_MESSAGE])

    def characters(self, content: str) -> None:
        if self._in_message:
            messages = self._open[-1].messages
            messages[-1] += content[: max(0, MAX_MESSAGE - len(messages[-1]))]

    def endElement(self, name: str) -> None:
        self._depth -= 1
        self._in_message = False
        if name == "association":
            group = self._open.pop().close()
            if self._open:
                self._open[-1].children.append(group)
            else:
                self._root = group

    def tree(self) -> AssociationTree:
        assert self._root is not None  # a document without a root is not well-formed
        return AssociationTree(self._mode, self._root)


def _element(group: Association) -> ET.Element:
    element = ET.Element(
        "association",
        category=group.category,
        certified=str(group.certified).lower(),
        complete=str(group.complete).lower(),
        match=group.match,
    )
    files = ET.SubElement(element, "mainFiles")
    for file in group.files:
        ET.SubElement(files, "file", category=file.category, name=file.name)
    messages = ET.SubElement(element, "messages")
    for text in group.messages:
        ET.SubElement(messages, "message", text=text)
    children = ET.SubElement(element, "associatedFiles")
    children.extend(_element(child) for child in group.children)
    return element
