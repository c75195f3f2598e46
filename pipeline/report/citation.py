"""How to cite a version: a sentence, a BibTeX entry, both from CITATION.cff."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Author:
    """A person, or a group whose name is not parted."""

    family: str
    given: str = ""

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
    references: tuple[str, ...] = ()  # what the work builds on, as sentences


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
    return Citation(
        title=str(document.get("title", default.title)),
        authors=authors or default.authors,
        doi=str(document.get("doi", "")),
        url=str(document.get("url", document.get("repository-code", ""))),
        license=str(document.get("license", default.license)),
        abstract=str(document.get("abstract", "")),
        references=tuple(_reference(entry) for entry in document.get("references", ())),
    )


def _authors(document: Mapping[str, Any]) -> tuple[Author, ...]:
    return tuple(
        Author(str(a.get("family-names", a.get("name", ""))), str(a.get("given-names", "")))
        for a in document.get("authors", ())
    )


def _reference(entry: Mapping[str, Any]) -> str:
    names = " & ".join(author.short for author in _authors(entry))
    year = f" ({entry['year']})" if "year" in entry else ""
    link = f" https://doi.org/{entry['doi']}" if "doi" in entry else f" {entry.get('url', '')}"
    return f"{names}{year}. {entry.get('title', '')}.{link}".strip()


def sentence(citation: Citation, version: str, date: str, url: str) -> str:
    """The reference as one line of plain text."""
    authors = " & ".join(author.short for author in citation.authors)
    year = f" ({date[:4]})" if date else ""
    parts = [f"{authors}{year}. {citation.title}, version {version}."]
    if citation.doi:
        parts.append(f"https://doi.org/{citation.doi}")
    elif url or citation.url:
        parts.append(url or citation.url)
    return " ".join(parts)


def bibtex(citation: Citation, version: str, date: str, url: str) -> str:
    """The reference as a BibTeX entry."""
    key = re.sub(r"[^a-z0-9]+", "", citation.title.lower())[:24] or "report"
    fields = {
        "author": " and ".join(
            f"{author.family}, {author.given}" if author.given else f"{{{author.family}}}"
            for author in citation.authors
        ),
        "title": f"{{{citation.title}}}",
        "year": date[:4],
        "version": version,
        "doi": citation.doi,
        "url": url or citation.url,
    }
    width = max(map(len, fields))
    lines = [
        f"  {name:<{width}} = {{{_bibtex_text(value) if name not in ('doi', 'url') else value}}},"
        for name, value in fields.items()
        if value
    ]
    label = re.sub(r"[^a-z0-9]+", "_", version.lower())
    return "\n".join([f"@misc{{{key}_{label},", *lines, "}"])


def _bibtex_text(text: str) -> str:
    """The text with the characters escaped that TeX takes for commands."""
    return re.sub(r"([&%$#_])", r"\\\1", text)
