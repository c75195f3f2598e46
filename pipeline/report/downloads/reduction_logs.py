"""The log of every reduction as a file beside the pages."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline.report.build import BuildInfo
from pipeline.report.downloads.download import Download, write_file
from pipeline.report.downloads.files import provenance
from pipeline.report.downloads.table_formats import gzip_bytes
from pipeline.report.rows import exposure_anchors
from pipeline.schema.results import Results

RECORD_READS = (
    "import gzip, json, pathlib; report = json.loads(gzip.decompress("
    'pathlib.Path("{name}").read_bytes()))'
)


def write_reduction_logs(
    root: Path, campaigns: Sequence[Results], build: BuildInfo
) -> dict[tuple[str, str], tuple[Download, ...]]:
    """What the log pages say as gzipped JSON; (campaign, exposure) -> file.

    Quality control is summed up over slices and channels there as well: number by number, an
    exposure of 24 channels would take a quarter of a megabyte, and a campaign more than a site. What
    single calls took is in the table ``recipe_calls``.
    """
    files: dict[tuple[str, str], tuple[Download, ...]] = {}
    for results in campaigns:
        for exposure_id, name in page_names(results).items():
            log = results.reductions[exposure_id]
            content = json.dumps(
                provenance(results, build)
                | {
                    "exposure_id": exposure_id,
                    "error": log.error,
                    "notes": log.notes,
                    "versions": log.versions,
                    "steps": [asdict(one) for one in log.steps],
                },
                indent=1,
                sort_keys=True,
                default=str,
            )
            path = f"data/{results.name}/{name}.json.gz"
            file = write_file(root, path, gzip_bytes(content.encode()), "JSON", RECORD_READS)
            files[results.name, f"reduction of {exposure_id}"] = (file,)
    return files


def was_reduced(results: Results) -> bool:
    """Whether exposures of the campaign were reduced here, so that there is a log to show."""
    return bool(page_names(results))


def page_names(results: Results) -> dict[str, str]:
    """Name of the log page of each exposure."""
    if "exposures" not in results.tables:
        return {}
    anchors = exposure_anchors(results)
    return {key: f"reduction-of-{anchors[key]}" for key in results.reductions if key in anchors}
