"""What lies beside the versions: aliases, the list of versions, what machines look for at the root."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from mike.versions import Versions

from pipeline.schema.labels import newest
from pipeline.versions.site import CITATION, FinishedSite

LATEST, STABLE = "latest", "stable"
VERSIONS = "versions.json"

_REDIRECT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>This page has moved to {label}</title>
<link rel="canonical" href="{canonical}">
<noscript><meta http-equiv="refresh" content="0; url={href}"></noscript>
<script>location.replace({script} + location.search + location.hash);</script>
</head>
<body><main><h1>{label}</h1><p>This page is at <a href="{href}">{canonical}</a>.</p></main></body>
</html>
"""
_NOT_FOUND = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>No such page</title>
</head>
<body><main><h1>No such page</h1>
<p>A page that was published keeps its address for ever; this one never was.
<a href="{root}latest/index.html">The latest version</a>.</p></main></body>
</html>
"""


def redirect(href: str, canonical: str, label: str) -> bytes:
    """A page that leads on and keeps query and fragment; without script it keeps neither."""
    script = json.dumps(href).replace("<", "\\u003c")
    text = _REDIRECT.format(
        label=escape(label), canonical=escape(canonical), href=escape(href), script=script
    )
    return text.encode()


def alias_files(alias: str, label: str, pages: Sequence[str], root_url: str) -> dict[str, bytes]:
    """A redirect for every page of a version: path in the branch -> content.

    Redirects, not symbolic links, which Pages refuses, nor copies, which would double the size.
    """
    files = {}
    for page in pages:
        up = "../" * (page.count("/") + 1)
        target = f"{label}/{quote(page)}"
        canonical = root_url + (f"{label}/" if page == "index.html" else target)
        files[f"{alias}/{page}"] = redirect(up + target, canonical, label)
    return files


def root_files(versions: Versions, site: FinishedSite) -> dict[str, bytes]:
    """What lies at the root, given the site that was added last: path -> content."""
    labels = [str(info.version) for info in versions]
    head, root = newest(labels), site.root_url
    maps = "\n".join(f"<sitemap><loc>{root}{one}/sitemap.xml</loc></sitemap>" for one in labels)
    files = {
        VERSIONS: versions_json(versions),
        ".nojekyll": b"",  # else Pages leaves out what begins with an underscore
        "index.html": redirect(f"{head}/index.html", f"{root}{head}/", head),
        "404.html": _NOT_FOUND.format(root=escape(root)).encode(),
        "sitemap.xml": (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
            f"{maps}\n</sitemapindex>\n"
        ).encode(),
        "robots.txt": f"User-agent: *\nAllow: /\n\nSitemap: {root}sitemap.xml\n".encode(),
    }
    if site.label == head:
        files[CITATION] = site.files[CITATION]
    return files


def versions_json(versions: Versions) -> bytes:
    """The list of versions, newest first; mike keeps aliases in sets, whose order is chance."""
    entries: list[dict[str, Any]] = versions.to_json()
    for entry in entries:
        entry["aliases"] = sorted(entry["aliases"])
    return (json.dumps(entries, indent=2) + "\n").encode()


def with_version(versions: Versions, label: str, *, stable: bool) -> Mapping[str, str]:
    """Add a version to the list; alias -> version that it now leads to.

    ``latest`` is always the newest. ``stable`` follows it if that is asked for, and begins at the
    first version, so that an address with it works from the start.
    """
    labels = [str(info.version) for info in versions]
    aliases = []
    if label == newest([*labels, label]):
        aliases = [LATEST, STABLE] if stable or not versions.find(STABLE) else [LATEST]
    versions.add(label, aliases=aliases, update_aliases=True)
    return {alias: str(info.version) for info in versions for alias in sorted(info.aliases)}
