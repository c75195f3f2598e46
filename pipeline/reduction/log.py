"""The log of one exposure's reduction as Markdown: what ran on what, at what cost, with what result."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_QC = 12  # quality-control keywords that a page shows per call; the record holds all
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#!~$&])")


def log_page(dp_id: str, records: Sequence[Mapping[str, Any]], error: str = "") -> str:
    """The page of an exposure.

    Parameters
    ----------
    records : sequence of mapping
        From ``exposures.reduction_log``.
    error : str
        Why there is no cube, "" if there is one.
    """
    lines = [f"# Reduction of {_plain(dp_id)}", ""]
    if error:
        lines += [f"No cube: {_plain(error)}", ""]
    versions = sorted({text for r in records for text in r["provenance"].values() if "/" in text})
    if versions:
        lines += [f"Recipes of {_plain(', '.join(versions))}.", ""]
    lines += ["| recipe | channel | wall time [s] | CPU time [s] | peak memory [MB] | warnings |"]
    lines += ["|---|---|---|---|---|---|"]
    for record in records:
        cells = (
            _plain(record["recipe"]),
            record["channel"] or "all",
            f"{record['wall_s']:.1f}",
            f"{record['cpu_s']:.1f}",
            f"{record['peak_rss_mb']:.0f}",
            len(record["warnings"]),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    for record in records:
        lines += ["", *_call(record)]
    return "\n".join(lines) + "\n"


def _call(record: Mapping[str, Any]) -> list[str]:
    lines = [f"## {_plain(record['call'])}", ""]
    if record["error"]:
        lines += [f"{_plain(record['error_type'])}: {_plain(record['error'])}", ""]
    if record["parameters"]:
        options = ", ".join(f"{name} = {value}" for name, value in record["parameters"].items())
        lines += [f"Parameters that are not at their default: {_plain(options)}.", ""]
    lines += ["| input | sha256 |", "|---|---|"]
    lines += [f"| {_plain(name)} | {_plain(sha[:16])} |" for name, sha in record["inputs"].items()]
    if record["qc"]:
        lines += ["", "| quality control | value |", "|---|---|"]
        shown = sorted(record["qc"].items())[:MAX_QC]
        lines += [f"| {_plain(key)} | {_plain(value)} |" for key, value in shown]
    if record["warnings"]:
        lines += ["", *(f"- {_plain(text)}" for text in record["warnings"])]
    return lines


def _plain(value: object) -> str:
    """Text from a header or a log, harmless in Markdown and in HTML."""
    text = " ".join(str(value).split())
    return _SPECIAL.sub(lambda match: f"&#{ord(match[1])};", text)
