"""``data/report.json``: every reported value with its definition, for programs and the next version."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipeline.report.build import BuildInfo
from pipeline.report.citation import DATA_LICENSE
from pipeline.report.downloads.download import Download, write_file
from pipeline.report.downloads.report_file import REPORT_SCHEMA
from pipeline.schema.results import ReportedValue, Results

READ_JSON = 'import json, pathlib; report = json.loads(pathlib.Path("{name}").read_text("utf-8"))'


def write_report_json(root: Path, campaigns: Sequence[Results], build: BuildInfo) -> Download:
    """The headline numbers of every campaign, for programs and for the next version's comparison."""
    content = report_json(campaigns, build)
    return write_file(root, "data/report.json", content, "JSON", READ_JSON)


def report_json(campaigns: Sequence[Results], build: BuildInfo) -> bytes:
    """The content of report.json; ``report_file`` reads it back."""
    previous = build.previous
    document = {
        "schema": REPORT_SCHEMA,
        "version": build.version_label,
        "software_version": build.software_version,
        "commit": build.commit,
        "date": build.date,
        "site_url": build.site_url,
        "license": DATA_LICENSE,
        "previous": previous and {"version": previous.version, "sha256": previous.sha256},
        "campaigns": [
            {
                "name": results.name,
                "title": results.title,
                "source": results.source,
                "simulated": results.simulated,
                "field": results.field_name,
                "first_night": results.first_night,
                "last_night": results.last_night,
                "inputs_digest": results.inputs_digest,
                "digests": {"data": results.origin.data, "code": results.origin.code},
                "libraries": dict(sorted(results.origin.libraries.items())),
                "settings": results.settings,
                "notes": list(results.notes),
                "numbers": [
                    _number(replace(number, provenance=results.inputs_digest))
                    for number in results.numbers
                ],
            }
            for results in campaigns
        ],
    }
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _number(number: ReportedValue) -> dict[str, Any]:
    """A reported value as JSON, which has no NaN: null stands for what is not known."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(number).items()
    }
