"""The log of every reduction as a file beside the pages."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.report.build import BuildInfo
from pipeline.report.downloads.download import Download, write_file
from pipeline.report.downloads.files import provenance
from pipeline.report.downloads.table_formats import gzip_bytes
from pipeline.report.rows import exposure_anchors, has_page, is_large, year_of
from pipeline.schema.reduction_log import ReductionLog
from pipeline.schema.results import Results

RECORD_READS = (
    "import gzip, json, pathlib; report = json.loads(gzip.decompress("
    'pathlib.Path("{name}").read_bytes()))'
)


def write_reduction_logs(
    root: Path, campaigns: Sequence[Results], build: BuildInfo
) -> dict[tuple[str, str], tuple[Download, ...]]:
    """What the log pages say as gzipped JSON; (campaign, exposure) -> file, of a large campaign by year.

    Quality control is summed up over slices and channels there as well: number by number, an
    exposure of 24 channels would take a quarter of a megabyte, and a campaign more than a site. What
    single calls took is in the table ``recipe_calls``.
    """
    files: dict[tuple[str, str], tuple[Download, ...]] = {}
    for results in campaigns:
        facts = provenance(results, build)
        for key, name, ids in _parts(results):
            logs = {one: _record(one, results.reductions[one]) for one in ids}
            content = facts | ({"logs": logs} if is_large(results) else logs[ids[0]])
            text = json.dumps(content, indent=1, sort_keys=True, default=str)
            path = f"data/{results.name}/{name}.json.gz"
            file = write_file(root, path, gzip_bytes(text.encode()), "JSON", RECORD_READS)
            files[results.name, key] = (file,)
    return files


def _parts(results: Results) -> Iterator[tuple[str, str, list[str]]]:
    """Key, name and exposures of each file."""
    if not is_large(results):
        for one, name in page_names(results).items():
            yield f"reduction of {one}", name, [one]
        return
    by_year: dict[str, list[str]] = {}
    for row in results.tables["exposures"]:
        if str(row["exposure_id"]) in results.reductions:
            by_year.setdefault(year_of(row), []).append(str(row["exposure_id"]))
    for year, ids in sorted(by_year.items()):
        yield f"reductions of {year}", f"reductions-{year}", ids


def _record(exposure_id: str, log: ReductionLog) -> dict[str, Any]:
    return {
        "exposure_id": exposure_id,
        "error": log.error,
        "notes": log.notes,
        "versions": log.versions,
        "steps": [asdict(one) for one in log.steps],
    }


def log_files(
    downloads: Mapping[tuple[str, str], Sequence[Download]], results: Results, row: Any
) -> Sequence[Download]:
    """The files with the log of an exposure."""
    key = (
        f"reductions of {year_of(row)}"
        if is_large(results)
        else f"reduction of {row['exposure_id']}"
    )
    return downloads.get((results.name, key), ())


def was_reduced(results: Results) -> bool:
    """Whether exposures of the campaign were reduced here, so that there is a log to show."""
    table = results.tables.get("exposures")
    return table is not None and not set(results.reductions).isdisjoint(
        str(one) for one in table["exposure_id"]
    )


def page_names(results: Results) -> dict[str, str]:
    """Name of the log page of each exposure; of a large campaign only of those that are not ok."""
    if "exposures" not in results.tables:
        return {}
    anchors = exposure_anchors(results)
    ids = [str(row["exposure_id"]) for row in results.tables["exposures"] if has_page(results, row)]
    return {one: f"reduction-of-{anchors[one]}" for one in ids if one in results.reductions}
