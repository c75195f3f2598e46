"""The reference exposure as a product: who may be it, who is, and its catalogue."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.config.measurement import ReferenceSettings
from pipeline.config.settings import Settings
from pipeline.config.star_registry import StarRegistry, read_registry, registry_path
from pipeline.errors import NoReferenceExposure
from pipeline.measure import make_reference
from pipeline.measure.reference import (
    ReferenceCatalogue,
    Sharpness,
    choose_reference,
    reference_candidates,
)
from pipeline.muse.exposure import Exposure
from pipeline.tasks.fits_products import read_detection, read_table
from pipeline.tasks.job import MEASURED_CODE, Job, content_digest, detect_ingredients, done
from pipeline.tasks.kept_stars import keep_stars, kept_stars, kept_stars_path, preferring_kept
from pipeline.tasks.pointings import with_other_pointings
from pipeline.workflow import products
from pipeline.workflow.products import Stamp

MOST_CANDIDATES = 1000  # that ``reference.candidates`` may ask for


def candidates(jobs: Sequence[Job], settings: Settings) -> list[list[Job]]:
    """All jobs in the order in which they may become the reference, in groups to detect on.

    The first group is that of the rule; the others follow if none of it shows stars.
    """
    exposures = [job.entry.exposure for job in jobs if job.entry.exposure and not job.entry.error]
    by_id = {job.entry.exposure_id: job for job in jobs}
    workspace = jobs[0].folder.parents[1] if jobs else Path()
    how = preferring_kept(kept_stars_path(workspace, settings), settings.reference)
    first = reference_candidates(exposures, how)
    chosen = set(first)
    later = [one for one in _everybody(exposures, how) if one not in chosen]
    size = max(1, how.candidates)
    groups = [first, *(later[start : start + size] for start in range(0, len(later), size))]
    return [[by_id[exposure_id] for exposure_id in group] for group in groups if group]


def _everybody(exposures: Sequence[Exposure], how: ReferenceSettings) -> list[str]:
    """Every exposure, in the order in which it may become the reference."""
    many = replace(how, candidates=MOST_CANDIDATES)
    ordered: list[str] = []
    left = list(exposures)
    while left:
        ordered += reference_candidates(left, many)
        named = set(ordered)
        left = [one for one in left if one.exposure_id not in named]
    return ordered


def run_reference(
    product: Path,
    looked_at: Sequence[Job],
    settings: Settings,
    root: Path,
    others: Sequence[Job] = (),
) -> Stamp:
    """Choose the reference exposure and write its catalogue, unless that is done.

    Parameters
    ----------
    product : Path
        The catalogue to write.
    looked_at : sequence of Job
        The candidates, detected; those on which that failed do not count.
    root : Path
        Folder that relative paths of ``report.toml`` start from.
    others : sequence of Job
        Of ``other_pointings``, detected: their stars beyond the image of the reference are added.

    Raises
    ------
    NoReferenceExposure
        If no candidate shows stars, the registry is not of this field, or there is no registry and
        the reference does not show a star of the headline pairs.
    """
    known = registry_path(settings.field.star_registry, root)
    kept = kept_stars_path(product.parents[1], settings)
    registry = read_registry(known) if known else kept_stars(kept)
    how = preferring_kept(kept, settings.reference)
    ingredients = reference_ingredients([*looked_at, *others], settings, root)
    reason = products.staleness(product, ingredients, verify=True)
    if not reason:
        _check_pairs(read_reference(product), settings)
        stamp = products.read_stamp(product)
        assert stamp is not None
        return stamp
    products.tell_if_damaged(product, reason)

    def build(output: products.Output) -> None:
        catalogue = _first_that_works(looked_at, registry, replace(settings, reference=how))
        if others:
            catalogue = with_other_pointings(catalogue, looked_at, others, registry, settings)
        if kept is not None:
            keep_stars(kept, catalogue)
        catalogue.table().write(output.path(product.name), format="ascii.ecsv")

    stamp = products.make(product, "reference", ingredients, build)
    _check_pairs(read_reference(product), settings)
    return stamp


def reference_ingredients(
    looked_at: Sequence[Job], settings: Settings, root: Path
) -> dict[str, Any]:
    """What shapes the reference catalogue, given the candidates."""
    known = registry_path(settings.field.star_registry, root)
    return {
        "stage": "reference",
        "code": products.code_digest(*MEASURED_CODE),
        "libraries": products.library_versions(),
        "settings": settings.read_by("reference"),
        "registry": products.file_sha256(known) if known else "",
        "inputs": {
            job.entry.exposure_id: content_digest(detect_ingredients(job))
            for job in looked_at
            if done(job.detection)
        },
    }


def _first_that_works(
    looked_at: Sequence[Job], registry: StarRegistry | None, settings: Settings
) -> ReferenceCatalogue:
    """The catalogue of the best candidate; one whose stars are not the registry's is passed over.

    Raises
    ------
    NoReferenceExposure
        If none is left; of the candidates passed over, the reason of the best.
    """
    detected = {
        job.entry.exposure_id: read_detection(job.detection)
        for job in looked_at
        if done(job.detection)
    }
    exposures = [job.entry.exposure for job in looked_at if job.entry.exposure]
    first: NoReferenceExposure | None = None
    while detected or first is None:
        sharpness = {
            name: Sharpness(len(one.sources.x), one.sources.fwhm_px)
            for name, one in detected.items()
        }
        chosen = choose_reference(exposures, sharpness, settings.reference)
        try:
            return make_reference(chosen, detected[chosen], registry, settings)
        except NoReferenceExposure as error:
            first = first or error
            del detected[chosen]
    raise first


def _check_pairs(catalogue: ReferenceCatalogue, settings: Settings) -> None:
    """Refuse headline pairs of stars that the reference does not show, if no registry names them."""
    if settings.field.star_registry:
        return  # a known star that is not seen this time is left out, and the pages say so
    seen = catalogue.star_id.tolist()
    missing = sorted({star for pair in settings.statistics.pairs for star in pair} - set(seen))
    if missing:
        raise NoReferenceExposure(
            f"statistics.pairs names star {', '.join(map(str, missing))}; the reference exposure "
            f"{catalogue.exposure_id} shows stars {min(seen)} to {max(seen)}, numbered by y. Name "
            "others, or none to have the pairs chosen by rule"
        )


def read_reference(product: Path) -> ReferenceCatalogue:
    """The reference catalogue of a campaign, read once for each state of the file."""
    status = product.stat()
    return _read_reference(product, (status.st_size, status.st_mtime_ns, status.st_ino))


@lru_cache(maxsize=4)
def _read_reference(product: Path, _state: tuple[int, int, int]) -> ReferenceCatalogue:
    return ReferenceCatalogue.from_table(read_table(product))


def registry_digest(settings: Settings, root: Path) -> dict[str, str]:
    """Name and digest of the file of known stars; empty without one."""
    path = registry_path(settings.field.star_registry, root)
    return {path.name: products.file_sha256(path)} if path else {}
