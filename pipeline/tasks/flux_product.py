"""The flux array of a campaign as a product: one FITS file with an image per quantity.

Images have the numpy axes (exposure, star, aperture, band); tables name what stands along each.
Flags are bits, named in the header. Bytes depend on content alone.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from pipeline.schema.flux_array import FluxArray, flag_words
from pipeline.workflow import products

AXES = ("band", "aperture", "star", "exposure")  # NAXIS1 first
_IMAGES = {  # attribute: name of the extension
    "flux": "FLUX",
    "flux_err": "FLUX_ERR",
    "coverage": "COVERAGE",
    "flux_published": "PUBLISHED",
    "background_std": "BACKGROUND",
}
_TABLES = {  # attribute: (extension, column, unit)
    "exposure_ids": ("EXPOSURE", "exposure_id", ""),
    "star_ids": ("STAR", "star_id", ""),
    "radii_px": ("APERTURE", "radius_px", "pix"),
    "bands": ("BAND", "band", ""),
}
_MOST_FLAGS = 31  # bits of a signed 32-bit image


def keep_fluxes(
    product: Path, ingredients: Mapping[str, Any], collect: Callable[[], FluxArray]
) -> FluxArray:
    """The flux array of a campaign, collected if the kept one is stale."""
    if reason := products.staleness(product, ingredients, verify=True):
        products.tell_if_damaged(product, reason)

        def build(output: products.Output) -> None:
            write_fluxes(output.path(product.name), collect())

        products.make(product, "collect", ingredients, build)
    return read_fluxes(product)


def write_fluxes(path: Path, fluxes: FluxArray) -> None:
    """Write the array; ``read_fluxes`` reads it back.

    Raises
    ------
    ValueError
        If there are more kinds of flags than an image has bits: a defect, not data.
    """
    primary = fits.PrimaryHDU()
    primary.header["METHOD"] = (fluxes.method, "of extraction; PUBLISHED has its own")
    primary.header["PASSBAND"] = (fluxes.passbands, "where the passbands are from")
    hdus: list[fits.PrimaryHDU | fits.ImageHDU | fits.BinTableHDU] = [primary]
    for attribute, name in _IMAGES.items():
        hdus.append(_image(np.asarray(getattr(fluxes, attribute), float), name))
    words = flag_words(fluxes.flags)
    if len(words) > _MOST_FLAGS:
        raise ValueError(f"{len(words)} kinds of flags; at most {_MOST_FLAGS}")
    bits = _image(_as_bits(fluxes.flags, words), "FLAGS")
    for bit, word in enumerate(words):
        bits.header[f"FLAG{bit}"] = (word, f"bit {bit}")
    hdus.append(bits)
    sources, codes = np.unique(fluxes.noise_source, return_inverse=True)
    noise = _image(codes.astype(np.int16).reshape(fluxes.noise_source.shape), "NOISE_SOURCE")
    for code, text in enumerate(sources.tolist()):
        noise.header[f"NOISE{code}"] = (text, f"meaning of {code}")
    hdus.append(noise)
    for attribute, (name, column, unit) in _TABLES.items():
        table = fits.table_to_hdu(Table({column: np.asarray(getattr(fluxes, attribute))}))
        table.name = name
        if unit:
            table.header["TUNIT1"] = unit
        hdus.append(table)
    fits.HDUList(hdus).writeto(path)


def read_fluxes(path: Path) -> FluxArray:
    """The array that ``write_fluxes`` wrote."""
    with fits.open(path, memmap=False) as hdus:
        known: dict[str, Any] = {
            attribute: _native(hdus[name].data) for attribute, name in _IMAGES.items()
        }
        bits, header = _native(hdus["FLAGS"].data), hdus["FLAGS"].header
        words = [header[f"FLAG{bit}"] for bit in range(_MOST_FLAGS) if f"FLAG{bit}" in header]
        noise = hdus["NOISE_SOURCE"]
        named = np.array([noise.header[key] for key in noise.header["NOISE[0-9]*"]], str)
        known |= {
            attribute: tuple(hdus[name].data[column].tolist())
            for attribute, (name, column, _) in _TABLES.items()
        }
        return FluxArray(
            **known,
            flags=_as_text(bits, words),
            noise_source=named[noise.data],
            method=str(hdus[0].header["METHOD"]),
            passbands=str(hdus[0].header["PASSBAND"]),
        )


def _image(values: np.ndarray, name: str) -> fits.ImageHDU:
    image = fits.ImageHDU(values, name=name)
    for number, axis in enumerate(AXES, start=1):
        image.header[f"AXIS{number}"] = (axis, f"meaning of NAXIS{number}")
    return image


def _as_bits(flags: np.ndarray, words: tuple[str, ...]) -> np.ndarray:
    """int32 with a bit for every word."""
    texts, inverse = np.unique(flags, return_inverse=True)
    values = [sum(1 << words.index(word) for word in text.split()) for text in texts.tolist()]
    return np.array(values, np.int32)[inverse].reshape(flags.shape)


def _as_text(bits: np.ndarray, words: list[str]) -> np.ndarray:
    """The words of every bit that is set, in their order."""
    values, inverse = np.unique(bits, return_inverse=True)
    texts = [
        " ".join(w for k, w in enumerate(words) if value >> k & 1) for value in values.tolist()
    ]
    return np.array(texts, str)[inverse].reshape(bits.shape)


def _native(array: np.ndarray) -> np.ndarray:
    """A copy in the machine's byte order, no longer tied to the file."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))
