"""Static calibration tables that the recipes need and no package ships, for the simulated MUSE."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.muse import geometry
from pipeline.muse.modes import WIDE_MODES
from pipeline.simulation import atmosphere, sky
from pipeline.simulation.raw import lamps, spectra
from pipeline.simulation.raw.optics import slice_positions

LINE_CATALOG_VERSION = 3  # the recipes refuse others; it must stand in the primary header
MAG = 2.5
# Scatter of the catalogue's wavelengths: with it solutions have the rms of real ones, 0.018 to 0.053 A
CATALOGUE_ERROR_AA, CATALOGUE_SEED = 0.026, 4861
Columns = Sequence[tuple[str, str, str, np.ndarray]]  # name, format, unit, values


def static_header(category: str, mode: str) -> fits.Header:
    """Primary header of a static table."""
    header = fits.Header()
    header["TELESCOP"], header["INSTRUME"] = "ESO-VLT-U4", "MUSE"
    header["HIERARCH SIMULATED"] = True
    header["MJD-OBS"] = 58000.0
    header["HIERARCH ESO PRO CATG"] = category
    header["HIERARCH ESO INS MODE"] = mode
    return header


def _table(
    name: str, columns: Columns, cards: Mapping[str, object] | None = None
) -> fits.BinTableHDU:
    made = [fits.Column(key, form, unit=unit, array=data) for key, form, unit, data in columns]
    hdu = fits.BinTableHDU.from_columns(made)
    hdu.header["EXTNAME"] = name
    hdu.header.update(cards or {})
    return hdu


def geometry_table() -> fits.BinTableHDU:
    """Place of all slices of all channels in the field."""
    channels = np.repeat(np.arange(1, geometry.N_CHANNELS + 1), geometry.N_SLICES)
    sky_number, x, y = np.concatenate(
        [np.array(slice_positions(n)) for n in range(1, geometry.N_CHANNELS + 1)], axis=1
    )
    on_ccd = np.tile(np.arange(1, geometry.N_SLICES + 1), geometry.N_CHANNELS)
    ones = np.ones(len(channels))
    return _table(
        "GEOMETRY_TABLE",
        [
            ("SubField", "J", "", channels),
            ("SliceCCD", "J", "", on_ccd),
            ("SliceSky", "J", "", sky_number),
            ("x", "D", "pix", x),
            ("y", "D", "pix", y),
            ("angle", "D", "deg", 0 * ones),
            ("width", "D", "pix", geometry.SLICE_WIDTH_PX * ones),
            *((f"{key}err", "D", "pix", 0.01 * ones) for key in ("x", "y", "angle", "width")),
        ],
    )


def line_catalog(mode: str) -> fits.BinTableHDU:
    """Arc lines with their fluxes, and wavelengths as good as those of real catalogues.

    Fluxes must be on the scale of the measured line flux [count]: on another scale the recipe
    drops every line and then loops for ever.
    """
    efficiency = spectra.relative_throughput(mode)
    rng = np.random.default_rng(CATALOGUE_SEED)
    rows = []
    for lamp in lamps.LAMPS:
        for line in lamps.arc_lines(lamp):
            wave = line.wave_aa + rng.normal(0, CATALOGUE_ERROR_AA)
            flux = line.flux * np.interp(line.wave_aa, spectra.GRID_AA, efficiency)
            if line.quality != lamps.UNUSED:
                rows.append((wave, flux, line.ion, line.quality))
    columns = [np.array(column) for column in zip(*sorted(rows), strict=True)]
    return _table(
        "LINE_CATALOG",
        [
            ("lambda", "E", "Angstrom", columns[0]),
            ("flux", "E", "", columns[1]),
            ("ion", "8A", "", columns[2]),
            ("quality", "J", "", columns[3]),
            ("comment", "16A", "", np.array([""] * len(rows))),
        ],
        {"VERSION": LINE_CATALOG_VERSION},
    )


def extinction_table() -> fits.BinTableHDU:
    """The extinction curve of the simulated atmosphere."""
    wave = np.arange(4000.0, 10001.0, 50.0)
    values = atmosphere.extinction_mag(wave)
    return _table(
        "EXTINCT_TABLE",
        [("lambda", "D", "Angstrom", wave), ("extinction", "D", "mag/airmass", values)],
    )


def filter_list() -> fits.BinTableHDU:
    """One broad passband for the quick-look image."""
    wave = np.arange(4500.0, 9700.0, 5.0)
    box = 0.45 * (np.tanh((wave - 7300.0) / 60.0) - np.tanh((wave - 8900.0) / 60.0))
    return _table(
        "Cousins_I",
        [("lambda", "D", "Angstrom", wave), ("throughput", "D", "", box)],
        {"ZP_VEGA": 0.0, "ZP_AB": 0.0},
    )


def standard_flux_table(name: str, ra_deg: float, dec_deg: float) -> fits.BinTableHDU:
    """Flux of the standard above the atmosphere [erg/s/cm2/Angstrom]."""
    wave = np.arange(4000.0, 10000.0, 5.0)  # the recipe wants the whole range; the ends are level
    flux = np.interp(wave, sky.FINE_WAVE_AA, sky.standard_spectrum()) * 1e-20
    return _table(
        name,
        [
            ("lambda", "D", "Angstrom", wave),
            ("flux", "D", "erg/s/cm**2/Angstrom", flux),
            ("fluxerr", "D", "erg/s/cm**2/Angstrom", 0.01 * flux),
        ],
        {"RA": ra_deg, "DEC": dec_deg, "OBJECT": name},
    )


def response_table(mode: str) -> fits.BinTableHDU:
    """The exact response: 2.5 log10[(count/s/Angstrom) / (erg/s/cm2/Angstrom)] at airmass 0.

    What MASTER_FLAT's normalisation adds (a constant) is not in it.
    """
    inside = slice(0, None, 200)
    wave = spectra.GRID_AA[inside]
    per_erg = np.maximum(spectra.electrons_per_unit_aa(mode)[inside] * 1e20, 1e-6)
    response = MAG * np.log10(per_erg)
    in_notch = per_erg < 0.02 * per_erg.max()  # nothing to calibrate there: keep numbers finite
    response[in_notch] = np.interp(wave[in_notch], wave[~in_notch], response[~in_notch])
    return _table(
        "STD_RESPONSE",
        [
            ("lambda", "D", "Angstrom", wave),
            ("response", "D", "2.5*log10((count/s/Angstrom)/(erg/s/cm**2/Angstrom))", response),
            (
                "resperr",
                "D",
                "2.5*log10((count/s/Angstrom)/(erg/s/cm**2/Angstrom))",
                0.001 + 0 * wave,
            ),
        ],
    )


def write_static_tables(
    folder: Path, mode: str, target: tuple[str, float, float]
) -> dict[str, Path]:
    """Write all tables of a mode; returns category: file.

    Parameters
    ----------
    target : tuple of str, float, float
        Name of the standard, RA and DEC [deg].
    """
    tables = {
        "GEOMETRY_TABLE": geometry_table(),
        "LINE_CATALOG": line_catalog(mode),
        "EXTINCT_TABLE": extinction_table(),
        "FILTER_LIST": filter_list(),
        "STD_FLUX_TABLE": standard_flux_table(*target),
        "STD_RESPONSE": response_table(mode),
    }
    paths = {}
    for number, (category, hdu) in enumerate(tables.items()):
        header = static_header(category, mode)
        if category == "STD_RESPONSE":  # made from data whose lamp spectrum was taken out
            header["HIERARCH ESO DRS MUSE FLUX FFCORR"] = True
        if category == "LINE_CATALOG":
            header["VERSION"] = LINE_CATALOG_VERSION
        paths[category] = folder / f"{static_id(number, mode)}.fits"
        hdus = fits.HDUList([fits.PrimaryHDU(header=header), hdu])
        hdus.writeto(paths[category], overwrite=True)
    return paths


def static_id(number: int, mode: str) -> str:
    """An archive name for a static table of a mode."""
    return f"M.MUSE.2018-06-22T08:23:{WIDE_MODES.index(mode):02d}.{number:03d}"
