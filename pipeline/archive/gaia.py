"""Which Gaia DR3 source each field star is: a variable star is no unstable instrument.

One query per field. The pattern of the stars is matched to that of the sources, moved to the
epoch of the reference exposure, so neither the pointing nor the rotation of the exposure need be
known. Whatever fails, the stars are "not identified" and everything else goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from astropy import units as u
from astropy.table import QTable, Table
from astropy.time import Time

import kdmatch
from pipeline.archive.gaia_tap import query_gaia
from pipeline.archive.queries import point_clause
from pipeline.archive.tap import SIMULATED, KeepResponse
from pipeline.config.settings import Field
from pipeline.errors import RequestError
from pipeline.http import HttpClient
from pipeline.schema import make_table

RADIUS_ARCMIN = 2.0  # half the diagonal of the field, 0.7, and a fast standard's way since 2000
GAIA_EPOCH_YR = 2016.0  # of the positions in DR3
NOMINAL_DISTANCE = 10 * u.pc  # motion along the sky does not depend on it, but ERFA wants one
TOLERANCE_PX = 2.0  # 0.4 arcsec: DAOFIND's errors and what is left of the proper motions
SOURCES_PER_STAR = 4  # of the sources the brightest are compared, this many times the stars
MAX_SOURCES = 50_000  # given explicitly: astroquery would cut the table at 2000
MAX_FALSE_ALARM = 1e-6
SCALE_RANGE = (0.95, 1.05)  # the pixel scale is known
NOT_IDENTIFIED, IDENTIFIED = "not identified", "identified"
COLUMNS = (
    "source_id", "ra", "dec", "pmra", "pmdec", "phot_g_mean_mag", "bp_rp", "phot_variable_flag",
)  # fmt: skip


@dataclass(frozen=True)
class StarList:
    """The stars of a reference exposure."""

    catalogue: QTable  # star_id, and x, y in that exposure
    epoch_yr: float  # Julian year of the exposure
    simulated: bool = False  # no star of it is real


@dataclass(frozen=True)
class GaiaSources:
    """Gaia sources of a field, brightest first; arrays of one length."""

    source_id: Sequence[str]
    ra_deg: np.ndarray  # at GAIA_EPOCH_YR
    dec_deg: np.ndarray
    pm_ra_masyr: np.ndarray  # along the parallel; NaN where Gaia has none
    pm_dec_masyr: np.ndarray
    g_mag: np.ndarray
    bp_rp: np.ndarray
    variable: Sequence[str]  # phot_variable_flag: VARIABLE, CONSTANT or NOT_AVAILABLE
    simulated: bool = False  # made up by a test archive

    def offsets_arcsec(self, ra_deg: float, dec_deg: float, epoch_yr: float) -> np.ndarray:
        """Positions at an epoch on the tangent plane, (source, 2): west and north [arcsec]."""
        from astropy.coordinates import SkyCoord  # where it is needed: a tenth of a second

        centre = SkyCoord(ra_deg, dec_deg, unit="deg")
        at_gaia = SkyCoord(
            self.ra_deg * u.deg,
            self.dec_deg * u.deg,
            distance=NOMINAL_DISTANCE,
            pm_ra_cosdec=np.nan_to_num(self.pm_ra_masyr) * u.mas / u.yr,
            pm_dec=np.nan_to_num(self.pm_dec_masyr) * u.mas / u.yr,
            obstime=Time(GAIA_EPOCH_YR, format="jyear", scale="tcb"),
        )
        at_epoch = at_gaia.apply_space_motion(Time(epoch_yr, format="jyear", scale="tcb"))
        direction = SkyCoord(at_epoch.ra, at_epoch.dec).transform_to(centre.skyoffset_frame())
        x, east, north = direction.cartesian.xyz.value  # x towards the centre
        offsets: np.ndarray = np.degrees(np.column_stack([-east / x, north / x])) * 3600
        return offsets


def sky_of_offsets(
    offsets_arcsec: np.ndarray, ra_deg: float, dec_deg: float
) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension and declination [deg] of offsets (star, 2), west and north, on a tangent plane.

    The inverse of ``GaiaSources.offsets_arcsec``.
    """
    from astropy.coordinates import (  # where they are needed: a tenth of a second
        CartesianRepresentation,
        SkyCoord,
        UnitSphericalRepresentation,
    )

    west, north = np.radians(np.asarray(offsets_arcsec, float) / 3600).T
    frame = SkyCoord(ra_deg, dec_deg, unit="deg").skyoffset_frame()
    direction = CartesianRepresentation(np.ones_like(west), -west, north)
    sky = SkyCoord(direction.represent_as(UnitSphericalRepresentation), frame=frame).icrs
    return np.asarray(sky.ra.deg), np.asarray(sky.dec.deg)


def gaia_adql(field: Field, max_sources: int) -> str:
    """The query for the brightest Gaia sources around a field."""
    return (
        f"SELECT TOP {max_sources} {', '.join(COLUMNS)} FROM gaiadr3.gaia_source WHERE "
        f"{point_clause(field, RADIUS_ARCMIN)} ORDER BY phot_g_mean_mag"
    )


def query_sources(
    field: Field, client: HttpClient, gaia_url: str, keep: KeepResponse
) -> GaiaSources:
    """The Gaia sources around a field.

    Raises
    ------
    ArchiveUnreachable, ArchiveRefused
        If Gaia's archive does not respond, or with something else than the table.
    """
    return read_sources(
        query_gaia(client, gaia_url, gaia_adql(field, MAX_SOURCES), keep, MAX_SOURCES)
    )


def read_sources(table: Table) -> GaiaSources:
    """The sources in a table of Gaia's archive."""

    def numbers(name: str) -> np.ndarray:
        return np.ma.filled(np.ma.asarray(table[name]).astype(float), np.nan)

    return GaiaSources(
        source_id=[str(value) for value in table["source_id"]],
        ra_deg=numbers("ra"),
        dec_deg=numbers("dec"),
        pm_ra_masyr=numbers("pmra"),
        pm_dec_masyr=numbers("pmdec"),
        g_mag=numbers("phot_g_mean_mag"),
        bp_rp=numbers("bp_rp"),
        variable=[str(value).strip() for value in table["phot_variable_flag"]],
        simulated=bool(table.meta.get(SIMULATED)),
    )


def identify(stars: StarList, sources: GaiaSources, field: Field) -> QTable:
    """The table ``identification``: the Gaia source of each star of a catalogue.

    Simulated stars and real sources have nothing to do with each other, however well they match.
    """
    catalogue = stars.catalogue
    if stars.simulated != sources.simulated:
        what = "stars are simulated, Gaia's sources are real"
        if sources.simulated:
            what = "sources are those of a simulated Gaia, the stars are real"
        return not_identified(catalogue, f"the {what}")
    xy = np.column_stack([_plain(catalogue["x"]), _plain(catalogue["y"])])
    sky_px = sources.offsets_arcsec(field.ra_deg, field.dec_deg, stars.epoch_yr)
    sky_px /= field.pixel_scale_arcsec
    bright = sky_px[: SOURCES_PER_STAR * len(xy)]
    try:
        found = kdmatch.match(
            xy,
            bright,
            tolerance_px=TOLERANCE_PX,
            max_false_alarm=MAX_FALSE_ALARM,
            scale_range=SCALE_RANGE,
        )
    except kdmatch.NoMatch as failure:
        return not_identified(catalogue, f"no agreement with Gaia's sources: {failure.reason}")
    moved = found.transform(xy)
    distance = np.linalg.norm(moved[:, None] - sky_px[None], axis=2)  # (star, source)
    nearest = distance.argmin(axis=1)
    separation = distance.min(axis=1)
    known = separation <= TOLERANCE_PX
    for source in np.unique(nearest[known]):  # one source, one star: the nearest
        rivals = np.flatnonzero(known & (nearest == source))
        known[rivals] = rivals == rivals[separation[rivals].argmin()]

    ra_deg, dec_deg = sky_of_offsets(moved * field.pixel_scale_arcsec, field.ra_deg, field.dec_deg)

    def numbers(values: np.ndarray) -> np.ndarray:
        return np.where(known, values[nearest], np.nan)

    def texts(values: Sequence[str]) -> list[str]:
        return [values[n] if good else "" for n, good in zip(nearest, known, strict=True)]

    return make_table(
        "identification",
        {
            "star_id": catalogue["star_id"],
            "source_id": texts(sources.source_id),
            "ra_deg": ra_deg,
            "dec_deg": dec_deg,
            "separation_arcsec": np.where(known, separation * field.pixel_scale_arcsec, np.nan),
            "g_mag": numbers(sources.g_mag),
            "bp_rp": numbers(sources.bp_rp),
            "pm_ra_masyr": numbers(sources.pm_ra_masyr),
            "pm_dec_masyr": numbers(sources.pm_dec_masyr),
            "variable": texts(sources.variable),
            "status": [IDENTIFIED if good else NOT_IDENTIFIED for good in known],
            "reason": ["" if good else "no source within the tolerance" for good in known],
        },
    )


def not_identified(catalogue: QTable, reason: str) -> QTable:
    """The table ``identification`` of an offline campaign: every star, none identified."""
    n_stars = len(catalogue)
    missing = np.full(n_stars, np.nan)
    numbers = (
        "ra_deg",
        "dec_deg",
        "separation_arcsec",
        "g_mag",
        "bp_rp",
        "pm_ra_masyr",
        "pm_dec_masyr",
    )
    return make_table(
        "identification",
        {
            "star_id": catalogue["star_id"],
            "source_id": [""] * n_stars,
            **dict.fromkeys(numbers, missing),
            "variable": [""] * n_stars,
            "status": [NOT_IDENTIFIED] * n_stars,
            "reason": [reason] * n_stars,
        },
    )


def identify_online(
    lists: Sequence[StarList],
    field: Field,
    client: HttpClient,
    gaia_url: str,
    keep: KeepResponse,
) -> list[QTable]:
    """The table ``identification`` of each catalogue of one field, from one query.

    "Not identified" with the reason if Gaia cannot be queried.
    """
    reason = "" if gaia_url else 'archive.gaia_url is ""'
    if not reason:
        try:
            sources = query_sources(field, client, gaia_url, keep)
            return [identify(stars, sources, field) for stars in lists]
        except RequestError as failure:
            reason = str(failure)
    return [not_identified(stars.catalogue, reason) for stars in lists]


def _plain(column: object) -> np.ndarray:
    """A column's numbers without their unit."""
    return np.asarray(getattr(column, "value", column), dtype=float)
