"""How to cite a version: a sentence, a BibTeX entry, both from CITATION.cff."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ConfigError
from pipeline.report.text import one_line

DOI_ORG = "https://doi.org/"
DATA_LICENSE = (
    "CC-BY-4.0"  # of tables, spectra and figures; that of the software is in CITATION.cff
)
DATA_LICENSE_URL = "https://creativecommons.org/licenses/by/4.0/"
_DOI = re.compile(r"10\.\d{4,9}/[A-Za-z0-9._;()/:-]+")


@dataclass(frozen=True)
class Author:
    """A person, or a group whose name is not parted."""

    family: str
    given: str = ""
    orcid: str = ""  # as an address

    @property
    def short(self) -> str:
        """Family name and initials."""
        initials = " ".join(f"{name[0]}." for name in self.given.split())
        return f"{self.family}, {initials}" if initials else self.family

    @property
    def full(self) -> str:
        """The name in reading order."""
        return f"{self.given} {self.family}".strip()


@dataclass(frozen=True)
class Citation:
    """What CITATION.cff says about the software that writes the report."""

    title: str = "MUSE differential photometry"
    authors: tuple[Author, ...] = (Author("The muse-differential-photometry developers"),)
    doi: str = ""
    url: str = ""
    license: str = "BSD-3-Clause"
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    references: tuple[str, ...] = ()  # what the work builds on, as sentences
    document: Mapping[str, Any] = field(
        default_factory=dict
    )  # CITATION.cff as parsed, dates as text


def read_citation(path: Path) -> Citation:
    """The citation in a CITATION.cff file; the defaults stand for what the file leaves out."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        return Citation()
    return citation_from(document)


def citation_from(document: Mapping[str, Any]) -> Citation:
    """The citation in the parsed CITATION.cff."""
    default = Citation()
    authors = _authors(document)
    document = json.loads(json.dumps(document, default=str))  # YAML's dates
    return Citation(
        title=str(document.get("title", default.title)),
        authors=authors or default.authors,
        doi=str(document.get("doi", "")),
        url=str(document.get("url", document.get("repository-code", ""))),
        license=str(document.get("license", default.license)),
        abstract=str(document.get("abstract", "")),
        keywords=tuple(str(word) for word in document.get("keywords", ())),
        references=tuple(_reference(entry) for entry in document.get("references", ())),
        document=document,
    )


def _authors(document: Mapping[str, Any]) -> tuple[Author, ...]:
    return tuple(
        Author(
            str(a.get("family-names", a.get("name", ""))),
            str(a.get("given-names", "")),
            str(a.get("orcid", "")),
        )
        for a in document.get("authors", ())
    )


def _reference(entry: Mapping[str, Any]) -> str:
    names = " & ".join(author.short for author in _authors(entry))
    year = f" ({entry['year']})" if "year" in entry else ""
    address = entry.get("url") or entry.get("repository-code", "")
    link = f" https://doi.org/{entry['doi']}" if "doi" in entry else f" {address}"
    return f"{names}{year}. {entry.get('title', '')}.{link}".strip()


def checked_doi(text: str) -> str:
    """The DOI without the address before it; "" stays "".

    Raises
    ------
    ConfigError
        If it is no DOI.
    """
    doi = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:)", "", text.strip(), flags=re.IGNORECASE)
    if doi and not _DOI.fullmatch(doi):
        raise ConfigError(f"--doi {text!r}: not a DOI; one looks like 10.5281/zenodo.1234567")
    return doi


def sentence(citation: Citation, version: str, date: str, url: str) -> str:
    """The reference as one line of plain text."""
    authors = " & ".join(author.short for author in citation.authors)
    year = f" ({date[:4]})" if date else ""
    joined = (
        f" Version {version}." if citation.title.endswith(("?", "!")) else f", version {version}."
    )
    parts = [f"{authors}{year}. {citation.title}{joined}"]
    if citation.doi:
        parts.append(DOI_ORG + citation.doi)
    elif url or citation.url:
        parts.append(url or citation.url)
    return " ".join(parts)


def bibtex(citation: Citation, version: str, date: str, url: str) -> str:
    """The reference as a BibTeX entry."""
    key = re.sub(r"[^a-z0-9]+", "", citation.title.lower())[:24] or "report"
    fields = {
        "author": " and ".join(_bibtex_name(author) for author in citation.authors),
        "title": f"{{{_bibtex_text(citation.title)}}}",
        "year": date[:4],
        "version": _bibtex_text(version),
        "doi": citation.doi,
        "url": url or citation.url,
    }
    width = max(map(len, fields))
    lines = [f"  {name:<{width}} = {{{value}}}," for name, value in fields.items() if value]
    label = re.sub(r"[^a-z0-9]+", "_", version.lower())
    return "\n".join([f"@misc{{{key}_{label},", *lines, "}"])


def _bibtex_name(author: Author) -> str:
    family, given = _bibtex_text(author.family), _bibtex_text(author.given)
    return f"{family}, {given}" if given else f"{{{family}}}"


def _bibtex_text(text: str) -> str:
    """The text with what TeX takes for commands escaped; no brace that BibTeX would count."""
    return "".join(_TEX.get(char, char) for char in one_line(text))


_TEX = {char: "\\" + char for char in "&%$#_"} | {
    "\\": r"\textbackslash ",
    "{": r"\textbraceleft ",
    "}": r"\textbraceright ",
    "~": r"\textasciitilde ",
    "^": r"\textasciicircum ",
}
