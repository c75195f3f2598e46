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


def on_post_build(config: Any) -> None:
    """Drop what an English report never loads: source maps and the search's other languages."""
    site = Path(config["site_dir"])
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
