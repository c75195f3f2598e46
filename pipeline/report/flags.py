"""Why stars are flagged, in words: what the catalogue says, else what follows from its positions."""

import numpy as np

from pipeline.config.settings import StatisticsSettings
from pipeline.report.rows import plain, text_of
from pipeline.report.text import fixed
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results

BLENDED, EDGE = "blended", "edge"


def flag_reasons(results: Results) -> list[str]:
    """For each row of the catalogue why it is flagged; "" for a star without flags."""
    catalogue = results.tables["catalogue"]
    known = catalogue.meta.get("reasons")
    if known:
        return [str(reason) for reason in known]
    flags = [text_of(one).split() for one in catalogue["flags"]]
    return [_said(results, k, words) for k, words in enumerate(flags)]


def _said(results: Results, row: int, flags: list[str]) -> str:
    """Of a catalogue without reasons, that of the record: its positions are all that is known."""
    catalogue = results.tables["catalogue"]
    said = []
    if BLENDED in flags and len(catalogue) > 1:
        x, y = plain(catalogue["x"]), plain(catalogue["y"])
        away = np.hypot(x - x[row], y - y[row])
        away[row] = np.inf
        near = int(np.argmin(away))
        chosen = results.settings.get("statistics", {}).get("blend_distance_px")
        limit = StatisticsSettings.blend_distance_px if chosen is None else chosen
        said.append(
            f"star {int(catalogue['star_id'][near])} lies {fixed(float(away[near]), 1)} px away, less than "
            f"{limit:g} px"
        )
    if EDGE in flags:
        said.append(f"lies at the edge of the field, as {STUDY.short} say")
    return "; ".join(said)
