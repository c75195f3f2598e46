"""How detections and measurements are kept in FITS files, and read back.

The files are the pipeline's memory between jobs and what a reader opens to check one exposure by
hand: every image and column says what it is. Bytes depend on content alone.
"""

import re
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table

from pipeline.errors import printable
from pipeline.measure import BandPhotometry, Detection, Measurement
from pipeline.measure.channel_share import LightShare
from pipeline.measure.detection import Sources
from pipeline.measure.extraction import Spectra
from pipeline.measure.matching import ExposureMatch
from pipeline.measure.noise import BlankNoise
from pipeline.measure.photometry import BandFlux, PublishedFlux
from pipeline.measure.standard import Standard
from pipeline.schema import TABLES

_MASKED_MEANS_NONE = frozenset(column.name for column in TABLES["availability"][1:])
_SOURCE_COLUMNS = ("x", "y", "flux")
_DETECTION_KEYS = ("STD_X", "STD_Y", "STD_R", "FWHM", "BACKGRD", "NOISE", "POSANG")
_WCS_KEY = re.compile(  # not PCOUNT, which every extension has
    r"(WCSAXES|(CRPIX|CRVAL|CDELT|CTYPE|CUNIT)\d|(CD|PC|PV)\d+_\d+|LONPOLE|LATPOLE|RADESYS|EQUINOX)"
)
_AFFINE_KEYS = ("A", "B", "C", "D", "E", "F")


def write_detection(path: Path, detection: Detection) -> None:
    """Detection image, masked stars, and sources of one exposure."""
    standard, sources = detection.standard, detection.sources
    image = fits.ImageHDU(detection.image, name="IMAGE")
    for key, value, comment in (
        ("STD_X", standard.x, "[pix] masked star, 0-based"),
        ("STD_Y", standard.y, "[pix] masked star, 0-based"),
        ("STD_R", standard.radius_px, "[pix] radius of the mask on its wings"),
        ("FWHM", sources.fwhm_px, "[pix] median of the brightest sources"),
        ("BACKGRD", sources.background, "level of the image"),
        ("NOISE", sources.noise, "standard deviation of the background"),
        ("POSANG", detection.position_angle_deg, "[deg] ESO INS DROT POSANG"),
    ):
        image.header[key] = (_card(value), comment)
    if detection.wcs:
        image.header.extend(fits.Header.fromstring(detection.wcs), strip=True)
    for number, note in enumerate(detection.notes):
        image.header[f"HIERARCH NOTE {number}"] = printable(note)
    table = Table([getattr(sources, name) for name in _SOURCE_COLUMNS], names=_SOURCE_COLUMNS)
    mask = fits.ImageHDU(standard.mask.astype(np.uint8), name="MASK")
    further = Table(np.reshape(standard.further_xy, (-1, 2)), names=("x", "y"))
    _write(
        path,
        [
            image,
            mask,
            fits.BinTableHDU(table, name="SOURCES"),
            fits.BinTableHDU(further, name="MASKED"),
        ],
    )


def read_detection(path: Path) -> Detection:
    """The detection that ``write_detection`` wrote."""
    with fits.open(path, memmap=False) as hdus:
        card = {key: _value(hdus["IMAGE"].header[key]) for key in _DETECTION_KEYS}
        column = {name: _native(hdus["SOURCES"].data[name]) for name in _SOURCE_COLUMNS}
        sources = Sources(
            column["x"],
            column["y"],
            column["flux"],
            fwhm_px=card["FWHM"],
            background=card["BACKGRD"],
            noise=card["NOISE"],
        )
        standard = Standard(
            x=card["STD_X"],
            y=card["STD_Y"],
            radius_px=card["STD_R"],
            mask=hdus["MASK"].data.astype(bool),
            further_xy=np.column_stack([_native(hdus["MASKED"].data[name]) for name in ("x", "y")]),
        )
        cards = [one for one in hdus["IMAGE"].header.cards if _WCS_KEY.fullmatch(one.keyword)]
        wcs = str(fits.Header(cards).tostring()) if cards else ""
        notes = tuple(str(hdus["IMAGE"].header[key]) for key in hdus["IMAGE"].header["NOTE *"])
        return Detection(_native(hdus["IMAGE"].data), standard, sources, card["POSANG"], notes, wcs)


def write_measurement(path: Path, measurement: Measurement, star_ids: np.ndarray) -> None:
    """Match, spectra and band fluxes of one exposure.

    Spectra are kept in single precision, as the cube has them; what is beyond it is missing.
    """
    match, spectra = measurement.match, measurement.spectra
    hdus: list[fits.ImageHDU | fits.BinTableHDU] = []
    pairs = fits.BinTableHDU(Table(match.pairs, names=("reference", "detection")), name="MATCH")
    for key, value in zip(_AFFINE_KEYS, match.affine.ravel(), strict=True):
        pairs.header[f"AFFINE_{key}"] = value
    pairs.header["RMS"] = (match.rms_px, "[pix] rms distance of the pairs")
    pairs.header["PCHANCE"] = (match.false_alarm_probability, "probability of a chance match")
    hdus.append(pairs)
    positions = Table([star_ids, *match.xy.T], names=("star_id", "x", "y"))
    hdus.append(fits.BinTableHDU(positions, name="STARS"))
    for name in ("flux", "variance", "coverage"):
        hdus.append(fits.ImageHDU(_single(getattr(spectra, name)), name=name.upper()))
        hdus[-1].header["METHOD"] = (spectra.method, "of extraction")
    hdus.append(fits.ImageHDU(spectra.wave_aa, name="WAVE"))
    hdus.append(fits.ImageHDU(np.asarray(spectra.radii_px, float), name="RADII"))
    for band in measurement.photometry:
        n_radii = band.fluxes.flux.shape[1]
        columns = {
            "star_id": np.repeat(star_ids, n_radii),
            "radius_px": np.tile(spectra.radii_px, len(star_ids)),
            "flux": band.fluxes.flux.ravel(),
            "sigma": band.fluxes.sigma.ravel(),
            "coverage": band.fluxes.coverage.ravel(),
            "flags": band.flags.ravel().astype("S16"),
            "flux_published": band.published.flux.ravel(),
            "snr_published": band.published.snr.ravel(),
        }
        hdu = fits.BinTableHDU(Table(columns), name="BAND")
        hdu.header["BAND"] = band.band
        hdus.append(hdu)
        hdu = fits.BinTableHDU(_noise_table(band, spectra.radii_px), name="NOISE")
        hdu.header["BAND"] = band.band
        hdu.header["NBLANK"] = (band.noise.n_blank, "apertures on blank sky")
        hdus.append(hdu)
    star, channel, slice_index = np.nonzero(measurement.light.slices)
    light = {
        "star": star,  # row of STARS
        "channel": channel + 1,
        "slice": slice_index + 1,
        "share": measurement.light.slices[star, channel, slice_index].astype("f4"),
    }
    hdus.append(fits.BinTableHDU(Table(light), name="LIGHT"))
    hdus[-1].header["SHAPE"] = (
        " ".join(str(n) for n in measurement.light.slices.shape),
        "of shares",
    )
    _write(path, hdus)


def _single(values: np.ndarray) -> np.ndarray:
    """The values in single precision, NaN where they are too large for it."""
    with np.errstate(over="ignore"):
        found = values.astype("f4")
    found[np.isinf(found)] = np.nan
    return found


def _noise_table(band: BandPhotometry, radii_px: np.ndarray) -> Table:
    """Noise on blank sky, one row for each aperture."""
    noise = band.noise
    columns = (
        radii_px,
        noise.factor,
        noise.factor_err,
        noise.background,
        band.noise_source.astype("S16"),
    )
    return Table(columns, names=("radius_px", "factor", "factor_err", "background", "source"))


def read_measurement(path: Path) -> Measurement:
    """The measurement that ``write_measurement`` wrote."""
    with fits.open(path, memmap=False) as hdus:
        header = hdus["MATCH"].header
        affine = np.array([header[f"AFFINE_{key}"] for key in _AFFINE_KEYS]).reshape(2, 3)
        pairs = np.column_stack([hdus["MATCH"].data[name] for name in ("reference", "detection")])
        stars = hdus["STARS"].data
        match = ExposureMatch(
            affine,
            pairs.astype(int),
            header["RMS"],
            header["PCHANCE"],
            np.column_stack([_native(stars["x"]), _native(stars["y"])]),
        )
        flux, variance, coverage, wave_aa, radii_px = (
            _native(hdus[name].data) for name in ("FLUX", "VARIANCE", "COVERAGE", "WAVE", "RADII")
        )
        method = str(hdus["FLUX"].header["METHOD"])
        spectra = Spectra(flux, variance, coverage, wave_aa, radii_px, method)
        bands, noises = ([hdu for hdu in hdus if hdu.name == name] for name in ("BAND", "NOISE"))
        photometry = tuple(
            _band(band, noise, len(stars)) for band, noise in zip(bands, noises, strict=True)
        )
        return Measurement(match, spectra, photometry, _light(hdus["LIGHT"]))


def _light(hdu: fits.BinTableHDU) -> LightShare:
    """Shares of light (star, channel, slice) from their table."""
    slices = np.zeros([int(n) for n in hdu.header["SHAPE"].split()])
    slices[hdu.data["star"], hdu.data["channel"] - 1, hdu.data["slice"] - 1] = hdu.data["share"]
    return LightShare(slices)


def _band(hdu: fits.BinTableHDU, noise_hdu: fits.BinTableHDU, n_stars: int) -> BandPhotometry:
    flux, sigma, coverage, *published = (
        _native(hdu.data[name]).reshape(n_stars, -1)
        for name in ("flux", "sigma", "coverage", "flux_published", "snr_published")
    )
    flags = np.asarray(hdu.data["flags"]).astype(str).reshape(n_stars, -1)
    factor, factor_err, background = (
        _native(noise_hdu.data[name]) for name in ("factor", "factor_err", "background")
    )
    noise = BlankNoise(factor, factor_err, background, noise_hdu.header["NBLANK"])
    source = np.asarray(noise_hdu.data["source"]).astype(str)
    fluxes = BandFlux(flux, sigma, coverage)
    return BandPhotometry(
        hdu.header["BAND"], fluxes, flags, noise, source, PublishedFlux(*published)
    )


def _write(path: Path, hdus: list[fits.ImageHDU | fits.BinTableHDU]) -> None:
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


def read_table(path: Path) -> QTable:
    """A table as it was written: ECSV reads every empty string as masked."""
    table = QTable.read(path, format="ascii.ecsv")
    for name in table.colnames:
        column = table[name]
        if (
            isinstance(column, MaskedColumn)
            and column.dtype.kind == "U"
            and name not in _MASKED_MEANS_NONE
        ):
            table[name] = column.filled("")
    return table


def _native(array: np.ndarray) -> np.ndarray:
    """A copy in the machine's byte order, no longer tied to the file."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))


def _card(value: float) -> float | str:
    """FITS cards hold no NaN: it is written as an empty string."""
    return float(value) if np.isfinite(value) else ""


def _value(card: float | str) -> float:
    return float(card) if card != "" else np.nan
