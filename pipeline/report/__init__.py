"""The report: results in, pages, pictures and data out, a site from them."""

from pipeline.report.build import BuildInfo, collect
from pipeline.report.site.mkdocs import build_site
from pipeline.report.site.rendering import render

__all__ = ["BuildInfo", "build_site", "collect", "render"]
