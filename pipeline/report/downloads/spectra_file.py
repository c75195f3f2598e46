"""All extracted spectra of a campaign in one FITS file that a site can carry.

Per mode images with axes (exposure, star, aperture, wave) for the flux and its standard deviation,
and tables for the axes. Fluxes are rounded to a step far below their error, errors to a few bits;
FITS's own tile compression (GZIP_2, no loss) then packs both to a quarter. NaN means no data.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.table import QTable, Table

from pipeline.report.downloads.fits_text import add_keywords, ascii_column
from pipeline.report.rows import headline_choice
from pipeline.schema import make_table
from pipeline.schema.results import Results, SpectrumSet

STEP_SIGMA = 1 / 2  # largest step in median errors of a spectrum: rounding adds at most 1 % to them
SIGMA_BITS = 4  # of the mantissa, 3 %: one exposure tells no standard deviation better
BUDGET_BYTES = 4_000_000  # of the file: the whole version stays under 10 MB
DESCRIPTOR_BYTES = 8  # of a variable-length column: length and place in the heap
DRAWN_SAMPLES = 400  # of a spectrum, in the table beside the figures
BYTES_PER_SAMPLE = 2.0  # flux and sigma together: measured on the simulated campaign


@dataclass(frozen=True)
class SpectraFile:
    """The file and what was left out of it to keep it small."""

    content: bytes
    left_out: str  # "" if everything is in it


def spectra_file(results: Results, provenance: Mapping[str, object]) -> SpectraFile:
    """The spectra of a campaign as FITS.

    If the whole would exceed the budget, every mode keeps the aperture of the headline numbers,
    and if that is still too much, its reference (or first) exposure in all apertures.
    """
    radius_px = headline_choice(results)[1]
    left_out = ""
    sets = dict(sorted(results.spectra.items()))
    if not all(one.is_whole for one in sets.values()):
        reference = results.reference_exposure
        sets = {mode: _one_exposure(one, reference) for mode, one in sets.items()}
        left_out = "all exposures but the reference, or the first of a mode"
    elif _size(sets) > BUDGET_BYTES:
        thin = {mode: _one_aperture(one, radius_px) for mode, one in sets.items()}
        left_out = f"all apertures but r = {radius_px:g} px"
        if _size(thin) > BUDGET_BYTES:
            reference = results.reference_exposure
            thin = {mode: _one_exposure(one, reference) for mode, one in sets.items()}
            left_out = "all exposures but the reference, or the first of a mode"
        sets = thin
    hdus = fits.HDUList([_primary(provenance, left_out)])
    for mode, spectra in sets.items():
        hdus.extend(_mode_hdus(mode, spectra))
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    return SpectraFile(_without_times(buffer.getvalue()), left_out)


def spectra_table(results: Results) -> QTable:
    """What the figures of spectra draw, as a table: one exposure a mode, one in n samples.

    The apertures are all in the reference exposure, that of the headlines in the others.
    """
    headline = headline_choice(results)[1]
    parts = []
    for mode, spectra in sorted(results.spectra.items()):
        row = row_shown(results, mode)
        step = max(1, -(-len(spectra.wave_aa) // DRAWN_SAMPLES))
        wave_aa = spectra.wave_aa[::step]
        exposure_id = spectra.exposure_ids[row]
        for column, radius_px in enumerate(spectra.radii_px):
            if exposure_id != results.reference_exposure and radius_px != headline:
                continue
            flux = spectra.flux[row, :, column, ::step]
            sigma = np.sqrt(spectra.variance[row, :, column, ::step])
            n_stars, n_wave = flux.shape
            parts.append(
                {
                    "exposure_id": np.full(flux.size, exposure_id),
                    "mode": np.full(flux.size, mode),
                    "star_id": np.repeat(np.array(spectra.star_ids), n_wave),
                    "radius_px": np.full(flux.size, radius_px),
                    "wave_aa": np.tile(wave_aa, n_stars),
                    "flux": _digits(flux.ravel()),
                    "flux_err": _digits(sigma.ravel(), 3),
                }
            )
    return make_table(
        "spectra_drawn", {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    )


def row_shown(results: Results, mode: str) -> int:
    """Which exposure of a mode the pages show: the reference, else one of its night, else the first."""
    ids = results.spectra[mode].exposure_ids
    if results.reference_exposure in ids:
        return ids.index(results.reference_exposure)
    exposures = results.tables["exposures"]
    night = {str(row["exposure_id"]): str(row["night"]) for row in exposures}
    wanted = night.get(results.reference_exposure)
    return next((k for k, one in enumerate(ids) if night.get(one) == wanted), 0)


def _digits(values: np.ndarray, digits: int = 5) -> np.ndarray:
    """Values to that many significant digits; five are beyond any error in a single sample."""
    return np.array([float(f"{value:.{digits}g}") for value in values])


def _without_times(content: bytes) -> bytes:
    """The file with the time of writing taken out of every gzipped tile: same data, same bytes."""
    clean = bytearray(content)
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
        for hdu in hdus:
            if not hdu.header.get("ZIMAGE", False):
                continue
            start, rows, width = (
                hdu.fileinfo()["datLoc"],
                hdu.header["NAXIS2"],
                hdu.header["NAXIS1"],
            )
            assert width == DESCRIPTOR_BYTES, "tiles have another column than COMPRESSED_DATA"
            heap = start + hdu.header.get("THEAP", rows * width)
            tiles = np.frombuffer(content, ">i4", 2 * rows, start).reshape(rows, 2)
            for _, offset in tiles.tolist():
                clean[heap + offset + 4 : heap + offset + 8] = bytes(4)  # MTIME, RFC 1952
    return bytes(clean)


def to_steps(flux: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """float32 fluxes in whole steps, a power of two below ``STEP_SIGMA`` errors of the spectrum.

    Parameters
    ----------
    flux, sigma : ndarray, shape (..., wave)
        NaN: no data; a spectrum without any error stays as it is.
    """
    known = np.isfinite(sigma) & (sigma > 0)
    ordered = np.sort(np.where(known, sigma, np.inf), axis=-1)
    middle = np.maximum(np.count_nonzero(known, axis=-1, keepdims=True) - 1, 0) // 2
    median = np.take_along_axis(ordered, middle, axis=-1)
    has_error = np.isfinite(median)
    step = np.exp2(np.floor(np.log2(np.where(has_error, median, 1.0) * STEP_SIGMA)))
    return np.where(has_error, np.round(flux / step) * step, flux).astype(np.float32)


def keep_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """float32 rounded to that many bits of mantissa, to even; NaN and infinity unchanged."""
    raw = np.ascontiguousarray(values, np.float32).view(np.uint32)
    drop = 23 - bits
    half = np.uint32((1 << (drop - 1)) - 1)
    odd = (raw >> np.uint32(drop)) & np.uint32(1)
    rounded = (raw + half + odd) & np.uint32(~((1 << drop) - 1) & 0xFFFFFFFF)
    result = rounded.view(np.float32)
    return np.where(np.isfinite(values), result, values.astype(np.float32))


def _size(sets: Mapping[str, SpectrumSet]) -> float:
    return sum(one.flux.size for one in sets.values()) * BYTES_PER_SAMPLE


def _one_aperture(spectra: SpectrumSet, radius_px: float) -> SpectrumSet:
    nearest = int(np.argmin(np.abs(np.array(spectra.radii_px) - radius_px)))
    part = (slice(None), slice(None), slice(nearest, nearest + 1))
    return SpectrumSet(
        spectra.exposure_ids,
        spectra.star_ids,
        (spectra.radii_px[nearest],),
        spectra.wave_aa,
        spectra.flux[part],
        spectra.variance[part],
        spectra.coverage[part],
        spectra.unit,
    )


def _one_exposure(spectra: SpectrumSet, reference: str) -> SpectrumSet:
    ids = spectra.exposure_ids
    row = ids.index(reference) if reference in ids else 0
    return SpectrumSet(
        (ids[row],),
        spectra.star_ids,
        spectra.radii_px,
        spectra.wave_aa,
        spectra.flux[row : row + 1],
        spectra.variance[row : row + 1],
        spectra.coverage[row : row + 1],
        spectra.unit,
    )


def _primary(provenance: Mapping[str, object], left_out: str) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU()
    add_keywords(hdu.header, dict(provenance))
    hdu.header["FLUXSTEP"] = (STEP_SIGMA, "rounding of a flux, in units of its error")
    hdu.header["SIGBITS"] = (SIGMA_BITS, "bits of mantissa kept in the errors")
    hdu.header["LEFTOUT"] = left_out or "nothing"
    hdu.header["COMMENT"] = "Axes of FLUX and SIGMA: exposure, star, aperture, wave (numpy order)."
    hdu.header["COMMENT"] = "NaN: no data. SIGMA: photons and detector from STAT, no covariance."
    return hdu


def _mode_hdus(mode: str, spectra: SpectrumSet) -> list[fits.CompImageHDU | fits.BinTableHDU]:
    with np.errstate(invalid="ignore"):
        sigma = np.sqrt(spectra.variance)
    hdus: list[fits.CompImageHDU | fits.BinTableHDU] = []
    for name, values, ucd in (
        ("FLUX", to_steps(spectra.flux, sigma), "phot.flux.density;em.wl"),
        ("SIGMA", keep_bits(sigma, SIGMA_BITS), "stat.error;phot.flux.density;em.wl"),
    ):
        hdu = fits.CompImageHDU(
            values,
            name=f"{name} {mode}",
            compression_type="GZIP_2",
            quantize_level=0.0,  # no loss
            tile_shape=(1, *values.shape[1:]),  # an exposure can be read alone
        )
        hdu.header["BUNIT"] = spectra.unit
        hdu.header["UCD"] = ucd
        for axis, kind in enumerate(("wave", "aperture", "star", "exposure"), start=1):
            hdu.header[f"AXIS{axis}"] = (kind, f"meaning of NAXIS{axis}")
        wave = spectra.wave_aa
        hdu.header["CTYPE1"] = "AWAV"
        hdu.header["CUNIT1"] = "Angstrom"
        hdu.header["CRPIX1"] = 1.0
        hdu.header["CRVAL1"] = float(wave[0])
        hdu.header["CDELT1"] = float(wave[1] - wave[0]) if len(wave) > 1 else 1.0
        hdus.append(hdu)
    for name, column, values, unit in (
        ("WAVE", "wave_aa", spectra.wave_aa, "Angstrom"),
        ("APERTURE", "radius_px", np.array(spectra.radii_px, float), "pix"),
        ("STAR", "star_id", np.array(spectra.star_ids, np.int32), ""),
        ("EXPOSURE", "exposure_id", ascii_column(spectra.exposure_ids), ""),
    ):
        table = fits.table_to_hdu(Table({column: values}))
        table.name = f"{name} {mode}"
        if unit:
            table.header["TUNIT1"] = unit
        hdus.append(table)
    return hdus
