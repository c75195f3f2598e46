"""The report: results in, pages, pictures and data out, a site from them."""

from pipeline.report.build import BuildInfo, collect
from pipeline.report.rendering import render
from pipeline.report.site import build_site

__all__ = ["BuildInfo", "build_site", "collect", "render"]
