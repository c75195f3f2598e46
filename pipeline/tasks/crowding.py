"""Neighbours of the stars of a campaign, as the seeing of all its exposures shows them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.config.settings import Settings
from pipeline.measure.contamination import Moffat
from pipeline.measure.crowding import (
    BLENDED,
    MIN_PSFS,
    Light,
    in_seeing_of_exposures,
    psf_of,
    stars_here,
)
from pipeline.measure.neighbour_light import (
    NeighbourLight,
    Pairs,
    fitted_sources,
    neighbour_light,
    psf_among_neighbours,
)
from pipeline.schema.flux_array import FluxArray
from pipeline.statistics.neighbours import (
    certainty_of_variation,
    loaded_shares,
    without_neighbours,
    without_varying_neighbours,
)
from pipeline.tasks.collect import OK, Gathered, channel_shares
from pipeline.tasks.fits_products import read_detection
from pipeline.tasks.job import Job
from pipeline.workflow import products

JOINT_FIT = "psf"  # the method whose fluxes hold no light of neighbours
PSF_CODE = ("pipeline/measure", "pipeline/tasks/crowding.py")
MAX_ERROR = 1.0  # of ln F: nothing is known


def with_neighbours(
    gathered: Gathered, jobs: Sequence[Job], settings: Settings, kept: Path
) -> Gathered:
    """The campaign with the light of neighbours in its apertures, contamination and the flag "blended".

    The flag says that ln F is not known well enough once that light is taken off. Where nothing is taken
    off (the method fits neighbours itself; a star beyond the image of the reference), the error of a
    flagged star is its contamination. A campaign of fewer than ``MIN_PSFS`` exposures is returned as
    it is.

    Parameters
    ----------
    gathered : Gathered
    jobs : sequence of Job
        All of the campaign.
    settings : Settings
    kept : Path
        Where the PSFs of exposures are kept for the next night.
    """
    by_id = {job.entry.exposure_id: job for job in jobs}
    detection = read_detection(by_id[gathered.catalogue.exposure_id].detection)
    here = stars_here(gathered.catalogue, detection)
    status = {str(row["exposure_id"]): str(row["status"]) for row in gathered.exposures}
    ok = np.array([status[name] == OK for name in gathered.measured], bool)
    if ok.sum() < MIN_PSFS or not len(here):
        return gathered
    sources = fitted_sources(gathered.catalogue, detection, settings)
    psfs = _psfs(gathered, by_id, sources, kept)
    rows = np.array([list(status).index(name) for name in gathered.measured])
    subtracted = settings.extraction.method != JOINT_FIT
    light = _light_of_campaign(
        gathered, here if subtracted else here[:0], rows, sources, psfs, settings
    )
    radius = int(
        np.argmin(np.abs(np.array(settings.extraction.radii_px) - settings.statistics.radius_px))
    )
    loaded = (1 + np.nan_to_num(light.share)) * light.err
    catalogue = in_seeing_of_exposures(
        gathered.catalogue,
        detection,
        [psf for psf, used in zip(psfs, ok, strict=True) if used],
        settings,
        sources=sources,
        left=np.sqrt((loaded[rows[ok], :, radius] ** 2).mean(axis=0)) if subtracted else None,
    )
    blended = np.array([BLENDED in flags.split() for flags in catalogue.flags])
    others = np.flatnonzero(blended & np.isnan(light.share).all(axis=(0, 2)))
    light.err[:, others] = np.minimum(catalogue.contamination[others, np.newaxis], MAX_ERROR)
    return replace(gathered, catalogue=catalogue, neighbours=light)


def _light_of_campaign(
    gathered: Gathered,
    stars: np.ndarray,
    rows: np.ndarray,
    sources: Light,
    psfs: Sequence[Moffat],
    settings: Settings,
) -> NeighbourLight:
    """Light of neighbours along the axes of the tables, not known but for some stars.

    Parameters
    ----------
    stars : ndarray of int
        Rows of the catalogue, the first of the sources.
    rows : ndarray of int
        Of the table ``exposures``, one for each PSF.
    """
    radii_px = settings.extraction.radii_px
    shape = len(gathered.exposures), len(gathered.catalogue.star_id), len(radii_px)
    share, err, own = np.full(shape, np.nan), np.zeros(shape), np.ones(shape)
    found = neighbour_light(gathered.catalogue.xy[stars], sources, psfs, radii_px)
    at = np.ix_(rows, stars)
    share[at], err[at], own[at] = found.share, found.err, found.own
    of_pairs = np.zeros((len(share), *found.pairs.share.shape[1:]))
    of_pairs[rows] = found.pairs.share
    pairs = Pairs(stars[found.pairs.star], stars[found.pairs.other], of_pairs)
    return NeighbourLight(share, err, own, pairs)


def _psfs(gathered: Gathered, jobs: Mapping[str, Job], sources: Light, kept: Path) -> list[Moffat]:
    """The PSF of every measured exposure; what was found before and still holds is read."""
    shaping = products.digest(
        {
            "code": products.code_digest(*PSF_CODE),
            "libraries": products.library_versions(),
            "sources": [sources.xy.tolist(), sources.flux.tolist()],
        }
    )
    known, found = _read_psfs(kept), {}
    for name, one in gathered.measured.items():
        stamp = products.read_stamp(jobs[name].measurement)
        key = products.digest({"shaping": shaping, "measurement": stamp.key if stamp else ""})
        if name in known and known[name][0] == key:
            found[name] = known[name]
        else:
            psf = _psf(jobs[name], sources, one.match.affine)
            found[name] = [key, psf.fwhm_px, psf.beta]
    if found != known:
        with products.atomic_file(kept) as file:
            file.write(json.dumps({"psfs": found, "digest": products.digest(found)}))
    return [Moffat(float(fwhm_px), float(beta)) for _, fwhm_px, beta in found.values()]


def _read_psfs(kept: Path) -> dict[str, list[Any]]:
    """What ``_psfs`` has written, by exposure; empty if it is not there or not as it was written."""
    try:
        content = json.loads(kept.read_text(encoding="utf-8"))
        psfs: dict[str, list[Any]] = content["psfs"]
        return psfs if content["digest"] == products.digest(psfs) else {}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def _psf(job: Job, sources: Light, affine: np.ndarray) -> Moffat:
    """The PSF of one exposure, from all sources of the reference."""
    detection = read_detection(job.detection)
    return psf_among_neighbours(
        detection.image - detection.sources.background,
        sources.xy @ affine[:, :2].T + affine[:, 2],
        psf_of(detection),
        noise=detection.sources.noise,
    )


def of_stars_alone(
    array: FluxArray, gathered: Gathered, radius_px: float
) -> tuple[FluxArray, np.ndarray]:
    """Fluxes less the light of neighbours; what they owe to each channel, (exposure, star, channel)."""
    shares, light = channel_shares(gathered), gathered.neighbours
    if light is None:
        return array, shares
    return (
        without_neighbours(array, light.share, light.err, light.own),
        loaded_shares(shares, light.share[:, :, array.aperture(radius_px)]),
    )


def of_stars_beside_variables(
    array: FluxArray, gathered: Gathered, tables: Mapping[str, QTable]
) -> FluxArray:
    """Fluxes less what the light of neighbours that were found to vary changes by."""
    light = gathered.neighbours
    if light is None or "variability" not in tables:
        return array
    certainty = certainty_of_variation(tables["variability"], array.star_ids)
    pairs = light.pairs
    return without_varying_neighbours(array, pairs.star, pairs.other, pairs.share, certainty)


def changes_a_variable(array: FluxArray, settled: FluxArray, tables: Mapping[str, QTable]) -> bool:
    """Whether fluxes of a star that is called variable are others now."""
    if settled is array:
        return False
    changed = (settled.flux_err != array.flux_err) & np.isfinite(array.flux_err)
    certainty = certainty_of_variation(tables["variability"], array.star_ids)
    return bool((changed.any(axis=(0, 2, 3)) & (certainty > 0)).any())
