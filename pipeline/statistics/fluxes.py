"""Fluxes of all stars in all exposures as arrays: what every statistic here starts from."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from astropy.table import QTable

from pipeline.schema import radius_column
from pipeline.statistics.columns import numbers, texts

OUTLIER = "outlier"  # flag of an exposure of status ok that the model found to be bad
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
    # (star, channel) or (exposure, star, channel); column k is channel k + 1; empty: `channel`
    channel_share: np.ndarray = field(default_factory=lambda: np.empty(0))
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
        share = _checked_share(self.channel_share, flux.shape)
        object.__setattr__(self, "channel_share", share)
        object.__setattr__(self, "mjd", np.where(np.isfinite(mjd), mjd, night_mjd))

    @classmethod
    def from_arrays(
        cls,
        flux: np.ndarray,
        flux_err: np.ndarray,
        *,
        mjd: np.ndarray,
        channel: np.ndarray | None = None,
        channel_share: np.ndarray | None = None,
        star_ids: np.ndarray | None = None,
        xy: np.ndarray | None = None,
        modes: np.ndarray | None = None,
    ) -> "Fluxes":
        """Fluxes from plain arrays; the night of an exposure is floor(mjd - 0.5).

        Parameters
        ----------
        flux, flux_err : ndarray of shape (exposure, star)
            Flux and its 1-sigma error in the same, arbitrary unit. NaN: missing.
        mjd : ndarray of shape (exposure,)
            Modified Julian Date (UTC) of mid-exposure, finite.
        channel : int ndarray of shape (star,), optional
            Number of the channel that holds each star; 0: unknown.
        channel_share : ndarray of shape (star, channel) or (exposure, star, channel), optional
            Share of each star's light on each channel, 0 to 1; column k is channel k + 1.
            Takes precedence over ``channel``.
        star_ids : int ndarray of shape (star,), optional
            Left out, stars are numbered from 1.
        xy : ndarray of shape (star, 2), optional
            Positions [pix].
        modes : str ndarray of shape (exposure,), optional
            Instrument mode of each exposure; each mode has offsets of its own.

        Raises
        ------
        ValueError
            If shapes disagree or a time is not finite.

        Examples
        --------
        >>> fluxes = Fluxes.from_arrays([[2.0, 1.0], [2.1, 1.0]], [[0.1, 0.1]] * 2, mjd=[58500.2, 58501.1])
        >>> fluxes.nights.tolist()
        ['2019-01-16', '2019-01-17']
        """
        times = np.asarray(mjd, float)
        if not np.isfinite(times).all():
            raise ValueError(f"mjd of exposure {int(np.argmin(np.isfinite(times)))} is not finite")
        share = _checked_share(channel_share, np.shape(flux))
        if channel is None and share.ndim > 1:
            mean = share if share.ndim == 2 else np.nanmean(share, axis=0)
            channel = np.where(mean.max(axis=-1) > 0, mean.argmax(axis=-1) + 1, 0)
        given = {"channel": channel, "star_ids": star_ids, "xy": xy, "modes": modes}
        described: dict[str, Any] = {
            name: np.asarray(value) for name, value in given.items() if value is not None
        }
        return cls(
            flux=np.asarray(flux, float),
            flux_err=np.asarray(flux_err, float),
            nights=(_MJD_EPOCH + np.floor(times - 0.5).astype("timedelta64[D]")).astype(str),
            mjd=times,
            channel_share=share,
            **described,
        )

    @property
    def usable(self) -> np.ndarray:
        """(exposure, star): a finite flux without a flag, in an exposure that counts."""
        unflagged: np.ndarray = (self.flux_flags == "") & (self.exposure_flags == "")[:, np.newaxis]
        usable: np.ndarray = unflagged & np.isfinite(self.flux)
        return usable

    def select(self, exposures: np.ndarray) -> "Fluxes":
        """The same for some exposures: a mask or row numbers."""
        per_exposure = ("flux", "flux_err", "nights", "mjd", "flux_flags", "exposure_flags")
        more: tuple[str, ...] = ("flux_published", "exposure_ids", "modes")
        if self.channel_share.ndim == 3:
            more += ("channel_share",)
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


def _checked_share(share: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """Shares as an array, empty if there are none; refused where they do not fit the fluxes."""
    array = np.empty(0) if share is None else np.asarray(share, float)
    if array.size and array.shape[:-1] not in (shape[1:], shape):
        raise ValueError(
            f"channel_share has shape {array.shape}; (star, channel) or (exposure, star, channel) "
            f"for fluxes {shape} (exposure, star) expected"
        )
    return array


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
