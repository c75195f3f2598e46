"""Pages below the index of stars and that of exposures: small, static, one for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from markupsafe import Markup

from pipeline.report.rows import headline_choice, plain
from pipeline.schema.results import Results
from pipeline.statistics.residuals import log_residuals

ROOT = "../../"  # from such a page to the root of the version


@dataclass(frozen=True)
class DetailPage:
    """One such page before it is rendered."""

    path: str  # within the site
    title: str
    template: str
    results: Results
    context: Mapping[str, Any]
    previous: "Step | None" = None
    following: "Step | None" = None
    counterpart: "Step | None" = (
        None  # of the other kind: observed of simulated, simulated of observed
    )


@dataclass(frozen=True)
class Step:
    """A link to the page before or after."""

    label: str
    href: Markup


@dataclass(frozen=True)
class Line:
    """A named value of a page; ``text`` is foreign unless it is Markup."""

    name: str
    text: str | Markup


@dataclass(frozen=True)
class Residuals:
    """Residual of every star in every exposure, in the band and aperture of the headlines."""

    exposure_ids: tuple[str, ...]
    star_ids: tuple[int, ...]
    per_cent: np.ndarray  # (exposure, star); NaN: missing
    flags: np.ndarray = field(default_factory=lambda: np.empty((0, 0), str))


def residuals_of(results: Results) -> Residuals | None:
    """Of a campaign with photometry; None of one without."""
    table = results.tables.get("photometry")
    if table is None:
        return None
    band, radius_px = headline_choice(results)
    chosen = (np.asarray(table["band"], str) == band) & np.isclose(
        plain(table["radius_px"]), radius_px
    )
    rows = table[chosen]
    if "method" in rows.colnames and len(rows):
        methods = np.asarray(rows["method"], str)
        rows = rows[methods == methods[0]]
    ids = tuple(dict.fromkeys(np.asarray(rows["exposure_id"], str).tolist()))
    stars = tuple(sorted(set(np.asarray(rows["star_id"]).tolist())))
    where = {one: k for k, one in enumerate(ids)}, {one: k for k, one in enumerate(stars)}
    flux = np.full((len(ids), len(stars)), np.nan)
    i = [where[0][str(one)] for one in rows["exposure_id"]]
    j = [where[1][int(one)] for one in rows["star_id"]]
    flux[i, j] = plain(rows["flux"])
    flags = np.full(flux.shape, "", dtype="<U40")
    flags[i, j] = np.asarray(rows["flags"], str)
    if not flux.size:
        return None
    return Residuals(ids, stars, 100 * log_residuals(flux), flags)


def star_path(results: Results, star: int) -> str:
    """Address of a star's page within the site."""
    return f"stars/{results.name}/{star}.html"


def with_neighbours(pages: Sequence[DetailPage]) -> list[DetailPage]:
    """The same pages, each with links to the one before and the one after."""
    steps = [Step(page.title, Markup(ROOT + page.path)) for page in pages]
    return [
        replace(
            page,
            previous=steps[index - 1] if index else None,
            following=steps[index + 1] if index + 1 < len(pages) else None,
        )
        for index, page in enumerate(pages)
    ]
