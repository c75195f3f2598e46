"""The fluxes of a campaign as one array: what every statistic starts from.

Long tables (``photometry``, ``snr``, ``timelines``) are exports of it.
"""

from dataclasses import dataclass

import numpy as np

MISSING = "missing"  # flag of a flux that was not measured
_KNOWN_FLAGS = ("edge", "gap", MISSING)  # in the order in which they are written


@dataclass(frozen=True)
class FluxArray:
    """Fluxes of all stars in all exposures, apertures and passbands, by one extraction method.

    Arrays have the axes (exposure, star, aperture, band). A flux that was not measured, because the
    exposure failed or the passband is outside its range, is NaN and flagged ``missing``.
    """

    exposure_ids: tuple[str, ...]  # in the order of the table ``exposures``: one for every input
    star_ids: tuple[int, ...]  # in the order of the table ``catalogue``
    radii_px: tuple[float, ...]  # increasing
    bands: tuple[str, ...]
    flux: np.ndarray  # mean flux density in the passband [cube unit]; NaN: missing
    flux_err: np.ndarray  # 1 sigma [cube unit]
    coverage: np.ndarray  # share of aperture and passband weight on finite samples; 0: not measured
    flags: np.ndarray  # str, words separated by blanks; "": usable
    flux_published: np.ndarray  # sum of passband times spectrum in the published convention
    noise_source: np.ndarray  # str, what flux_err comes from: STAT, blank sky or stat_factor
    background_std: np.ndarray  # scatter of blank sky over the field beyond its noise [cube unit]
    method: str  # of extraction; flux_published has its own
    passbands: str = ""  # where the passbands are from, in words

    def __post_init__(self) -> None:
        axes = (self.exposure_ids, self.star_ids, self.radii_px, self.bands)
        shape = tuple(len(axis) for axis in axes)
        for name in ARRAYS:
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{name} has shape {getattr(self, name).shape}; (exposure, star, aperture, band) "
                    f"= {shape} expected"
                )

    @property
    def measured(self) -> np.ndarray:
        """(exposure, band) bool: whether anything was measured."""
        found: np.ndarray = (self.flags != MISSING).any(axis=(1, 2))
        return found

    @property
    def snr(self) -> np.ndarray:
        """Signal to noise ratio flux / flux_err; NaN where either is missing or the error is 0."""
        snr = np.full(self.flux.shape, np.nan)
        np.divide(self.flux, self.flux_err, out=snr, where=self.flux_err > 0)
        return snr

    def aperture(self, radius_px: float) -> int:
        """Index of an aperture radius.

        Raises
        ------
        KeyError
            If it was not measured.
        """
        for index, radius in enumerate(self.radii_px):
            if np.isclose(radius, radius_px):
                return index
        raise KeyError(f"radius {radius_px:g} px is not among {list(self.radii_px)}")

    def band(self, name: str) -> int:
        """Index of a passband.

        Raises
        ------
        KeyError
            If it was not measured.
        """
        if name not in self.bands:
            raise KeyError(f"band {name} is not among {list(self.bands)}")
        return self.bands.index(name)


ARRAYS = (
    "flux",
    "flux_err",
    "coverage",
    "flags",
    "flux_published",
    "noise_source",
    "background_std",
)


def flag_words(flags: np.ndarray) -> tuple[str, ...]:
    """The words that flags hold, in the order in which they are written."""
    found = {word for text in np.unique(flags).tolist() for word in text.split()}
    return (*(word for word in _KNOWN_FLAGS if word in found), *sorted(found - {*_KNOWN_FLAGS}))
