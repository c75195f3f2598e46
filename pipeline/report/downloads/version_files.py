"""How a version names itself to programs: CITATION.cff and codemeta.json, beside its pages."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.report.build import BuildInfo
from pipeline.report.citation import DOI_ORG, Author, Citation
from pipeline.report.downloads.download import Download, write_file

CODEMETA = "https://w3id.org/codemeta/3.0"
SPDX = "https://spdx.org/licenses/"
MESSAGE = "If you use this report or its software, please cite the version that you used."
READ_CFF = (
    'import pathlib, yaml; citation = yaml.safe_load(pathlib.Path("{name}").read_text("utf-8"))'
)
READ_CODEMETA = (
    'import json, pathlib; software = json.loads(pathlib.Path("{name}").read_text("utf-8"))'
)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def write_version_files(root: Path, build: BuildInfo) -> tuple[Download, Download]:
    """CITATION.cff and codemeta.json of the version, at the root of the site."""
    cff = yaml.safe_dump(cff_of(build), sort_keys=False, allow_unicode=True, width=88)
    codemeta = json.dumps(codemeta_of(build), indent=1, ensure_ascii=False) + "\n"
    return (
        write_file(root, "CITATION.cff", cff.encode(), "CFF", READ_CFF),
        write_file(root, "codemeta.json", codemeta.encode(), "CodeMeta", READ_CODEMETA),
    )


def cff_of(build: BuildInfo) -> dict[str, Any]:
    """The repository's CITATION.cff with what is known of this version alone.

    A date or commit that is not known is left out: that of the repository's file would be another
    version's.
    """
    citation = build.citation
    written = {
        "cff-version": "1.2.0",
        "message": MESSAGE,
        "type": "software",
        "title": citation.title,
        "authors": [_cff_author(author) for author in citation.authors],
        "license": citation.license,
    }
    of_version = {
        "version": build.version_label,
        "date-released": build.date,
        "commit": build.commit,
        "doi": citation.doi,
        "url": build.site_url or citation.url,
    }
    stale = ("version", "date-released", "commit", "doi", "url")
    kept = {key: value for key, value in citation.document.items() if key not in stale}
    return written | kept | {key: value for key, value in of_version.items() if value}


def _cff_author(author: Author) -> dict[str, str]:
    if not author.given:
        return {"name": author.family}
    name = {"family-names": author.family, "given-names": author.given}
    return name | ({"orcid": author.orcid} if author.orcid else {})


def codemeta_of(build: BuildInfo) -> dict[str, Any]:
    """The software of this version in CodeMeta's words; its JSON-LD context is only a name."""
    citation = build.citation
    document = {
        "@context": CODEMETA,
        "@type": "SoftwareSourceCode",
        "@id": DOI_ORG + citation.doi if citation.doi else build.site_url,
        "name": citation.title,
        "description": citation.abstract,
        "version": build.version_label,
        "softwareVersion": build.software_version,
        "datePublished": build.date,
        "identifier": identifiers(build),
        "author": [person(author) for author in citation.authors],
        "license": license_url(citation),
        "keywords": list(citation.keywords),
        "codeRepository": str(citation.document.get("repository-code", "")),
        "url": build.site_url or citation.url,
        "programmingLanguage": ["Python", "C"],
        "runtimePlatform": "Python 3",
        "softwareRequirements": [
            {"@type": "SoftwareApplication", "name": name, "version": version}
            for name, version in sorted(build.libraries.items())
        ],
        "citation": list(citation.references),
    }
    return known(document)


def identifiers(build: BuildInfo) -> list[dict[str, str]]:
    """DOI and commit, the latter as Software Heritage names it, as far as they are known."""
    found = []
    if build.citation.doi:
        found.append({"propertyID": "doi", "value": build.citation.doi})
    if _COMMIT.fullmatch(build.commit):
        found.append({"propertyID": "swhid", "value": f"swh:1:rev:{build.commit}"})
    return [{"@type": "PropertyValue"} | one for one in found]


def person(author: Author) -> dict[str, str]:
    """An author in schema.org's words: a person, or a group whose name is not parted."""
    if not author.given:
        return {"@type": "Organization", "name": author.full}
    names = {"name": author.full, "givenName": author.given, "familyName": author.family}
    return {"@type": "Person"} | ({"@id": author.orcid} if author.orcid else {}) | names


def license_url(citation: Citation) -> str:
    """The licence's page at SPDX."""
    return f"{SPDX}{citation.license}.html" if citation.license else ""


def known(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what is empty."""
    return {key: value for key, value in document.items() if value not in ("", [], {}, None)}
