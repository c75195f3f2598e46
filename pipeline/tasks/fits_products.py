"""How detections and measurements are kept in FITS files, and read back.

The files are the pipeline's memory between jobs and what a reader opens to check one exposure by
hand: every image and column says what it is. Bytes depend on content alone.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import MaskedColumn, QTable

from pipeline.errors import printable
from pipeline.measure import BandPhotometry, Detection, Measurement
from pipeline.measure.channel_share import LightShare
from pipeline.measure.detection import Sources
from pipeline.measure.extraction import Spectra
from pipeline.measure.matching import ExposureMatch
from pipeline.measure.noise import BlankNoise
from pipeline.measure.photometry import BandFlux, PublishedFlux
from pipeline.measure.standard import MaskedStandard
from pipeline.schema import TABLES, make_table
from pipeline.tasks.fits_units import Unit, read_units, table_unit, write_units

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
    table = {name: getattr(sources, name) for name in _SOURCE_COLUMNS}
    mask = fits.ImageHDU(standard.mask.astype(np.uint8), name="MASK")
    further = dict(zip(("x", "y"), np.reshape(standard.further_xy, (-1, 2)).T, strict=True))
    write_units(
        path,
        [
            image,
            mask,
            table_unit(table, "SOURCES"),
            table_unit(further, "MASKED"),
        ],
    )


def read_detection(path: Path) -> Detection:
    """The detection that ``write_detection`` wrote."""
    units = {one.name: one for one in read_units(path)}
    header, found, further = (units[name] for name in ("IMAGE", "SOURCES", "MASKED"))
    card = {key: _value(header.header[key]) for key in _DETECTION_KEYS}
    x, y, flux = (found.column(name) for name in _SOURCE_COLUMNS)
    sources = Sources(
        x,
        y,
        flux,
        fwhm_px=card["FWHM"],
        background=card["BACKGRD"],
        noise=card["NOISE"],
    )
    standard = MaskedStandard(
        x=card["STD_X"],
        y=card["STD_Y"],
        radius_px=card["STD_R"],
        mask=units["MASK"].data.astype(bool),
        further_xy=np.column_stack([further.column(name) for name in ("x", "y")]),
    )
    cards = [one for one in header.header.cards if _WCS_KEY.fullmatch(one.keyword)]
    wcs = str(fits.Header(cards).tostring()) if cards else ""
    notes = tuple(str(header.header[key]) for key in header.header["NOTE *"])
    return Detection(header.image, standard, sources, card["POSANG"], notes, wcs)


def write_measurement(path: Path, measurement: Measurement, star_ids: np.ndarray) -> None:
    """Match, spectra and band fluxes of one exposure.

    Spectra are kept in single precision, as the cube has them; what is beyond it is missing.
    """
    match, spectra = measurement.match, measurement.spectra
    hdus: list[fits.ImageHDU | fits.BinTableHDU] = []
    pairs = table_unit(dict(zip(("reference", "detection"), match.pairs.T, strict=True)), "MATCH")
    for key, value in zip(_AFFINE_KEYS, match.affine.ravel(), strict=True):
        pairs.header[f"AFFINE_{key}"] = value
    pairs.header["RMS"] = (match.rms_px, "[pix] rms distance of the pairs")
    pairs.header["PCHANCE"] = (match.false_alarm_probability, "probability of a chance match")
    hdus.append(pairs)
    positions = {"star_id": star_ids, "x": match.xy[:, 0], "y": match.xy[:, 1]}
    hdus.append(table_unit(positions, "STARS"))
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
        hdu = table_unit(columns, "BAND")
        hdu.header["BAND"] = band.band
        hdus.append(hdu)
        hdu = table_unit(_noise_columns(band, spectra.radii_px), "NOISE")
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
    hdus.append(table_unit(light, "LIGHT"))
    hdus[-1].header["SHAPE"] = (
        " ".join(str(n) for n in measurement.light.slices.shape),
        "of shares",
    )
    write_units(path, hdus)


def _single(values: np.ndarray) -> np.ndarray:
    """The values in single precision, NaN where they are too large for it."""
    with np.errstate(over="ignore"):
        found = values.astype("f4")
    found[np.isinf(found)] = np.nan
    return found


def _noise_columns(band: BandPhotometry, radii_px: np.ndarray) -> dict[str, np.ndarray]:
    """Noise on blank sky, one row for each aperture."""
    noise = band.noise
    return {
        "radius_px": radii_px,
        "factor": noise.factor,
        "factor_err": noise.factor_err,
        "background": noise.background,
        "source": band.noise_source.astype("S16"),
    }


def read_measurement(path: Path) -> Measurement:
    """The measurement that ``write_measurement`` wrote."""
    units = read_units(path)
    by_name = {one.name: one for one in units}
    matched, stars, light = (by_name[name] for name in ("MATCH", "STARS", "LIGHT"))
    affine = np.array([matched.header[f"AFFINE_{key}"] for key in _AFFINE_KEYS]).reshape(2, 3)
    match = ExposureMatch(
        affine,
        np.column_stack([matched.column(name) for name in ("reference", "detection")]).astype(int),
        matched.header["RMS"],
        matched.header["PCHANCE"],
        np.column_stack([stars.column(name) for name in ("x", "y")]),
    )
    flux, variance, coverage, wave_aa, radii_px = (
        by_name[name].image for name in ("FLUX", "VARIANCE", "COVERAGE", "WAVE", "RADII")
    )
    method = str(by_name["FLUX"].header["METHOD"])
    spectra = Spectra(flux, variance, coverage, wave_aa, radii_px, method)
    bands, noises = ([one for one in units if one.name == name] for name in ("BAND", "NOISE"))
    photometry = tuple(
        _band(band, noise, len(stars.data)) for band, noise in zip(bands, noises, strict=True)
    )
    return Measurement(match, spectra, photometry, _light(light))


def _light(unit: Unit) -> LightShare:
    """Shares of light (star, channel, slice) from their table."""
    slices = np.zeros([int(n) for n in unit.header["SHAPE"].split()])
    star, channel, number = (unit.column(name) for name in ("star", "channel", "slice"))
    slices[star, channel - 1, number - 1] = unit.column("share")
    return LightShare(slices)


def _band(unit: Unit, noise_unit: Unit, n_stars: int) -> BandPhotometry:
    flux, sigma, coverage, *published = (
        unit.column(name).reshape(n_stars, -1)
        for name in ("flux", "sigma", "coverage", "flux_published", "snr_published")
    )
    flags = unit.data["flags"].astype(str).reshape(n_stars, -1)
    factor, factor_err, background = (
        noise_unit.column(name) for name in ("factor", "factor_err", "background")
    )
    noise = BlankNoise(factor, factor_err, background, noise_unit.header["NBLANK"])
    source = noise_unit.data["source"].astype(str)
    fluxes = BandFlux(flux, sigma, coverage)
    return BandPhotometry(
        unit.header["BAND"], fluxes, flags, noise, source, PublishedFlux(*published)
    )


def write_truth(path: Path, table: QTable) -> None:
    """The true fluxes of one exposure, the rows of ``truth_fluxes`` that belong to it."""
    columns = {name: np.asarray(table[name]) for name in table.colnames}
    texts = {name: one.astype("S") for name, one in columns.items() if one.dtype.kind == "U"}
    write_units(path, [table_unit({**columns, **texts}, "TRUTH")])


def read_truth(paths: Sequence[Path]) -> QTable:
    """The table ``truth_fluxes`` of several exposures."""
    units = [read_units(path)[0] for path in paths]
    names = [column.name for column in TABLES["truth_fluxes"]]
    columns = {name: np.concatenate([one.column(name) for one in units]) for name in names}
    return make_table(
        "truth_fluxes",
        {name: one.astype(str) if one.dtype.kind == "S" else one for name, one in columns.items()},
    )


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


def _card(value: float) -> float | str:
    """FITS cards hold no NaN: it is written as an empty string."""
    return float(value) if np.isfinite(value) else ""


def _value(card: float | str) -> float:
    return float(card) if card != "" else np.nan
