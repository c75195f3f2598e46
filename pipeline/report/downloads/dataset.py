"""The version as a schema.org Dataset, for search engines: JSON-LD in the head of every page."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.report.build import BuildInfo
from pipeline.report.citation import DATA_LICENSE_URL, DOI_ORG
from pipeline.report.downloads.download import Download
from pipeline.report.downloads.version_files import identifiers, known, person
from pipeline.report.text import one_line
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results

SHORTEST, LONGEST = 50, 5000  # characters of a description that search engines accept
MEDIA_TYPES: Mapping[str, str] = {
    "ECSV": "text/plain",
    "FITS": "application/fits",
    "VOTable": "application/x-votable+xml",
    "JSON": "application/json",
}


def dataset_of(
    build: BuildInfo, campaigns: Sequence[Results], files: Iterable[Download] = ()
) -> dict[str, Any]:
    """The Dataset; with ``files`` also where each can be downloaded.

    What is simulated says so in its own name and description, and does not count for the time
    that the whole covers.
    """
    citation = build.citation
    observed = [one for one in campaigns if not one.simulated]
    address = DOI_ORG + citation.doi if citation.doi else build.site_url
    document = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": address,
        "name": one_line(f"{citation.title}, version {build.version_label}"),
        "description": _description(build, campaigns),
        "version": build.version_label,
        "datePublished": build.date,
        "creator": [person(author) for author in citation.authors],
        "license": DATA_LICENSE_URL,
        "isAccessibleForFree": True,
        "identifier": identifiers(build),
        "url": build.site_url,
        "keywords": list(citation.keywords),
        "citation": list(citation.references),
        "temporalCoverage": _interval(observed),
        "hasPart": [_part(one, build) for one in campaigns],
        "distribution": [_distribution(one, build.site_url) for one in files],
    }
    return known(document)


def data_up_to(campaigns: Sequence[Results]) -> str:
    """The last observed night in the report; "" if everything is simulated."""
    return max((one.last_night for one in campaigns if not one.simulated), default="")


def script_safe(document: Mapping[str, Any]) -> str:
    """JSON that no HTML parser can leave early: no angle bracket, ampersand or line separator."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for char in "<>&'":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _description(build: BuildInfo, campaigns: Sequence[Results]) -> str:
    parts = [build.citation.abstract or f"{build.citation.title}: a versioned report."]
    parts += [f"{_name(one)}: nights {one.first_night} to {one.last_night}." for one in campaigns]
    text = one_line(" ".join(parts))[:LONGEST]
    return text if len(text) >= SHORTEST else f"{text} Tables, spectra and figures with their data."


def _name(results: Results) -> str:
    kind = "simulated, not observed" if results.simulated else "observed"
    return one_line(f"{results.title} ({kind})")


def _part(results: Results, build: BuildInfo) -> dict[str, Any]:
    number = len(results.tables)
    return known(
        {
            "@type": "Dataset",
            "name": _name(results),
            "description": one_line(
                f"{number} tables of stars in the field of {results.field_name}, "
                f"{'simulated' if results.simulated else 'observed'} with MUSE, "
                f"nights {results.first_night} to {results.last_night}."
            )[:LONGEST],
            **_origin(results, build),
            "license": DATA_LICENSE_URL,
            "temporalCoverage": "" if results.simulated else _interval([results]),
        }
    )


def _origin(results: Results, build: BuildInfo) -> dict[str, Any]:
    """Who made a campaign's data: of a published record its authors, else those of the report."""
    if results.source != "published":
        return {"creator": [person(author) for author in build.citation.authors]}
    return {
        "creator": [{"@type": "Person", "name": name} for name in STUDY.authors],
        "isBasedOn": {"@type": "CreativeWork", "name": STUDY.title, "url": STUDY.url},
        "citation": STUDY.reference,
    }


def _interval(campaigns: Sequence[Results]) -> str:
    if not campaigns:
        return ""
    first = min(one.first_night for one in campaigns)
    return f"{first}/{data_up_to(campaigns)}"


def _distribution(file: Download, site_url: str) -> dict[str, Any]:
    """One file; without a site's address its place relative to the page."""
    return {
        "@type": "DataDownload",
        "name": file.path.removeprefix("data/"),
        "encodingFormat": MEDIA_TYPES.get(file.label, "application/octet-stream"),
        "contentUrl": site_url + file.path,
        "contentSize": f"{file.n_bytes} B",
        "sha256": file.sha256,
    }
