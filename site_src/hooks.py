"""What mkdocs is told at build time: navigation and citation from the build; what is left out."""

import json
import re
import shutil
from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Take navigation, title and citation from ``site.json``, which ``render`` wrote."""
    build = json.loads((Path(config["docs_dir"]) / "site.json").read_text(encoding="utf-8"))
    config["nav"] = build["nav"]
    config["site_name"] = build["site_name"]
    config["site_description"] = build["description"]
    config["copyright"] = build["footer"]
    config["extra"] |= {"build": build}
    if config["site_url"]:  # published beside other versions: the theme's selector and banner
        config["extra"]["version"] = {"provider": "mike", "default": "latest", "alias": True}
    return config


def on_nav(nav: Any, config: Any, **_: Any) -> Any:
    """The home page's one address is that of the version, which is cited, not its index.html.

    The theme's selector needs it, too: it finds the same page of another version only if the
    sitemap there holds the folder itself.
    """
    if config["site_url"]:
        nav.homepage.canonical_url = config["site_url"]
    return nav


_HEADING = re.compile(r"(?=<h[1-6][ >])")
_KIND = re.compile(r'<span class="rp-badge rp-(sim|real)">(?:Simulated|Observed)</span>')


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put the part of each campaign into a section that the switch of the page shows or hides.

    A part begins with a heading that says Simulated or Observed, and ends before the next heading of
    its level or above.
    """
    parts, level, kinds = [], 0, set()
    for part in _HEADING.split(html):
        found = re.match(r"<h([1-6])[ >]", part)
        depth = int(found[1]) if found else 0
        if level and 0 < depth <= level:
            parts.append("</section>")
            level = 0
        heading = part[: part.find(f"</h{depth}>")] if depth else ""
        kind = _KIND.search(heading)
        if kind and not level:
            name = "simulated" if kind[1] == "sim" else "observed"
            kinds.add(name)
            parts.append(f'<section class="rp-kind" data-kind="{name}">')
            level = depth
        parts.append(part)
    page.meta["kinds"] = sorted(kinds)  # with both of them the page has a switch
    return _without_code_in_search("".join(parts) + ("</section>" if level else ""), page.file.name)


def _without_code_in_search(html: str, name: str) -> str:
    """Keep code, and the lists of parameters of functions, out of the search's index: it is of prose."""
    html = html.replace('<div class="highlight">', '<div class="highlight" data-search-exclude>')
    if name == "use_in_python":
        html = html.replace("<ul>", "<ul data-search-exclude>")
    return html


_AS_IT_IS = re.compile(r"(<(pre|script|style|textarea)\b.*?</\2>)", re.DOTALL)


def on_post_page(output: str, **_: Any) -> str:
    """The page without the indentation of the theme's templates, a fifteenth of its bytes.

    White space that holds a line break is one line break; what shows it, or runs, stays as it is.
    """
    parts = _AS_IT_IS.split(output)  # between the pieces: whole element, its name
    return "".join(
        re.sub(r"\s*\n\s*", "\n", part) if k % 3 == 0 else part
        for k, part in enumerate(parts)
        if k % 3 != 2
    )


_MOVED = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Moved</title>
<meta name="robots" content="noindex">
<noscript><meta http-equiv="refresh" content="0; url={new}"></noscript>
<script>location.replace("{new}" + location.search + location.hash)</script>
</head><body><main><h1>Moved</h1><p>This page is now at <a href="{new}">{new}</a>.</p></main></body></html>
"""


def on_post_build(config: Any) -> None:
    """Leave a way from old addresses; drop what no reader loads.

    That is source maps, the search's other languages, and without an address of the site a sitemap.
    """
    site = Path(config["site_dir"])
    for old, new in sorted(config["extra"]["build"]["redirects"].items()):
        (site / old).write_text(_MOVED.format(new=new), encoding="utf-8")
    if not config["site_url"]:
        for name in ("sitemap.xml", "sitemap.xml.gz"):
            (site / name).unlink(missing_ok=True)
    shutil.rmtree(site / "assets" / "javascripts" / "lunr", ignore_errors=True)
    for folder, pattern in (
        ("javascripts", r"//# sourceMappingURL=\S+"),
        ("stylesheets", r"/\*# sourceMappingURL=\S+ \*/"),
    ):
        for file in sorted((site / "assets" / folder).rglob("*")):
            if file.suffix == ".map":
                file.unlink()
            elif file.suffix in (".js", ".css"):
                text = file.read_text(encoding="utf-8")
                file.write_text(re.sub(r"\n?" + pattern, "", text), encoding="utf-8")
