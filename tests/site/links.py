"""Every address on every page of a site, and whether it leads somewhere."""

import posixpath
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Addresses and anchors of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.canonical = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if ("rel", "canonical") in attrs:
            self.canonical = dict(attrs)["href"] or ""
        for name, value in attrs:
            if name in ("href", "src", "srcset") and value:
                self.links.append(value)
            if name in ("id", "name") and value and tag != "meta":
                self.ids.add(value)


def broken_links(site: Path) -> list[str]:
    """Page and address of every link, picture, download and anchor that is not there."""
    files = [
        file.relative_to(site).as_posix()
        for file in sorted(site.rglob("*.html"))
        if "assets" not in file.relative_to(site).parts[:1]
    ]
    pages = {name: Page((site / name).read_text(encoding="utf-8")) for name in files}
    root = urlsplit(pages["index.html"].canonical).path or "/"  # where 404.html's links start
    broken = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("//"):
                continue
            path = unquote(parts.path)
            if path.startswith("/"):
                target = path.removeprefix(root)
            elif path:
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            else:
                target = name
            if not (site / target).is_file() and target not in ("", ".", "./"):
                broken.append(f"{name}: {link}")
            elif parts.fragment and target.endswith(".html"):
                known = pages[target].ids
                if unquote(parts.fragment) not in known and not parts.fragment.startswith("__"):
                    broken.append(f"{name}: {link}")
    return broken
