"""Fluxes of all stars in all exposures as arrays: what every statistic here starts from."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from astropy.table import QTable

from pipeline.schema import radius_column
from pipeline.statistics.columns import numbers, texts

_MJD_EPOCH = np.datetime64("1858-11-17")


@dataclass(frozen=True)
class Fluxes:
    """Fluxes in one passband and aperture; arrays of shape (exposure, star) unless said else.

    Only the first four are needed. Left out, stars are numbered from 1, times are those of the
    nights, nothing is flagged, and what describes the stars is missing.
    """

    flux: np.ndarray  # [cube unit], NaN: missing
    flux_err: np.ndarray  # [cube unit], 1 sigma from STAT, NaN: unknown
    nights: np.ndarray  # (exposure,) ISO dates
    mjd: np.ndarray = field(default_factory=lambda: np.empty(0))  # (exposure,) NaN: the night's
    star_ids: np.ndarray = field(default_factory=lambda: np.empty(0, int))  # (star,)
    flux_flags: np.ndarray = field(default_factory=lambda: np.empty(0, str))  # "": usable
    exposure_flags: np.ndarray = field(default_factory=lambda: np.empty(0, str))  # (exposure,)
    flux_published: np.ndarray = field(default_factory=lambda: np.empty(0))  # NaN summed as zero
    xy: np.ndarray = field(default_factory=lambda: np.empty(0))  # (star, 2) [pix]
    channel: np.ndarray = field(default_factory=lambda: np.empty(0, int))  # (star,) 0: unknown
    snr: np.ndarray = field(default_factory=lambda: np.empty(0))  # (star,) reference exposure
    exposure_ids: np.ndarray = field(default_factory=lambda: np.empty(0, str))  # (exposure,)
    modes: np.ndarray = field(default_factory=lambda: np.empty(0, str))  # (exposure,)
    band: str = "I_Bessel"
    radius_px: float = 4.5

    def __post_init__(self) -> None:
        flux = np.asarray(self.flux, float)
        if flux.ndim != 2:
            raise ValueError(f"flux has {flux.ndim} axes; (exposure, star) expected")
        n_exposures, n_stars = flux.shape
        nights = np.asarray(self.nights, dtype=str)
        night_mjd = mjd_of_nights(nights)
        mjd = np.asarray(self.mjd, float) if len(self.mjd) else night_mjd
        defaults: dict[str, tuple[np.ndarray, tuple[int, ...]]] = {
            "flux_err": (np.full(flux.shape, np.nan), flux.shape),
            "nights": (nights, (n_exposures,)),
            "mjd": (mjd, (n_exposures,)),
            "star_ids": (np.arange(1, n_stars + 1), (n_stars,)),
            "flux_flags": (np.full(flux.shape, ""), flux.shape),
            "exposure_flags": (np.full(n_exposures, ""), (n_exposures,)),
            "flux_published": (flux, flux.shape),
            "xy": (np.full((n_stars, 2), np.nan), (n_stars, 2)),
            "channel": (np.zeros(n_stars, int), (n_stars,)),
            "snr": (np.full(n_stars, np.nan), (n_stars,)),
            "exposure_ids": (np.arange(n_exposures).astype(str), (n_exposures,)),
            "modes": (np.full(n_exposures, ""), (n_exposures,)),
        }
        object.__setattr__(self, "flux", flux)
        for name, (default, shape) in defaults.items():
            given = np.asarray(getattr(self, name))
            value = given if given.size else default
            if value.shape != shape:
                raise ValueError(f"{name} has shape {value.shape}; {shape} expected")
            object.__setattr__(self, name, value)
        object.__setattr__(self, "mjd", np.where(np.isfinite(mjd), mjd, night_mjd))

    @property
    def usable(self) -> np.ndarray:
        """(exposure, star): a finite flux without a flag, in an exposure that counts."""
        unflagged: np.ndarray = (self.flux_flags == "") & (self.exposure_flags == "")[:, np.newaxis]
        usable: np.ndarray = unflagged & np.isfinite(self.flux)
        return usable

    def select(self, exposures: np.ndarray) -> "Fluxes":
        """The same for some exposures: a mask or row numbers."""
        per_exposure = ("flux", "flux_err", "nights", "mjd", "flux_flags", "exposure_flags")
        more = ("flux_published", "exposure_ids", "modes")
        return replace(
            self, **{name: getattr(self, name)[exposures] for name in per_exposure + more}
        )

    def columns(self, stars: Iterable[int]) -> np.ndarray:
        """Column numbers of stars.

        Raises
        ------
        KeyError
            If a star is not in the catalogue; the message names it.
        """
        position = {int(star): column for column, star in enumerate(self.star_ids)}
        try:
            return np.array([position[int(star)] for star in stars], dtype=int)
        except KeyError as error:
            raise KeyError(f"star {error} is not among {sorted(position)}") from None


def mjd_of_nights(nights: np.ndarray) -> np.ndarray:
    """Modified Julian Date of the midnight that ends each night's date, NaN where there is none."""
    dates = np.asarray(nights, dtype="datetime64[D]")
    days = (dates - _MJD_EPOCH).astype(float)
    return np.where(np.isnat(dates), np.nan, days + 1.0)


def fluxes_from_tables(
    exposures: QTable,
    catalogue: QTable,
    photometry: QTable,
    snr: QTable | None = None,
    *,
    band: str = "I_Bessel",
    radius_px: float = 4.5,
    flux_published: np.ndarray | None = None,
) -> Fluxes:
    """The fluxes of a campaign in one passband and aperture.

    Rows of ``exposures`` and of ``catalogue`` give the axes; a measurement without a row is NaN,
    flagged ``missing``. An exposure whose status is not ``ok`` carries that status as its flag.

    Parameters
    ----------
    exposures, catalogue, photometry, snr : QTable
        As in ``pipeline.schema``. Without ``snr`` the geometric mean SNR is missing.
    flux_published : ndarray, shape (exposure, star), optional
        Sum of passband times spectrum with NaN as zero, for ``std_published``; left out, the
        fluxes themselves serve (they agree in the ratio as long as no sample is missing).
    """
    exposure_ids = texts(exposures["exposure_id"])
    star_ids = np.asarray(catalogue["star_id"], int)
    shape = (len(exposure_ids), len(star_ids))
    flux, flux_err = np.full(shape, np.nan), np.full(shape, np.nan)
    flags = np.full(shape, "missing", dtype=object)
    chosen = (texts(photometry["band"]) == band) & np.isclose(
        numbers(photometry["radius_px"]), radius_px
    )
    rows = photometry[chosen]
    row_of = {name: row for row, name in enumerate(exposure_ids.tolist())}
    column_of = {star: column for column, star in enumerate(star_ids.tolist())}
    i = np.array([row_of[name] for name in rows["exposure_id"].tolist()], dtype=int)
    j = np.array([column_of[star] for star in rows["star_id"].tolist()], dtype=int)
    flux[i, j] = numbers(rows["flux"])
    flux_err[i, j] = numbers(rows["flux_err"])
    flags[i, j] = texts(rows["flags"])
    status = texts(exposures["status"])
    reference_snr = np.full(len(star_ids), np.nan)
    if snr is not None:
        known = {int(row["star_id"]): float(row[radius_column(radius_px)]) for row in snr}
        reference_snr = np.array([known.get(star, np.nan) for star in star_ids.tolist()])
    return Fluxes(
        flux=flux,
        flux_err=flux_err,
        nights=texts(exposures["night"]),
        mjd=numbers(exposures["mjd_mid"]),
        star_ids=star_ids,
        flux_flags=flags.astype(str),
        exposure_flags=np.where(status == "ok", "", status),
        flux_published=flux if flux_published is None else flux_published,
        xy=np.column_stack([numbers(catalogue["x"]), numbers(catalogue["y"])]),
        channel=np.asarray(catalogue["channel"], int),
        snr=reference_snr,
        exposure_ids=exposure_ids,
        modes=texts(exposures["mode"]),
        band=band,
        radius_px=radius_px,
    )
