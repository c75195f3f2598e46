"""Headers of FITS files as they are met: a card that cannot be parsed counts as missing."""

import contextlib
import warnings
from pathlib import Path
from typing import Any

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from pipeline.errors import CubeUnreadable, ImplausibleValue
from pipeline.muse.fits_layout import CARD, Span

_IDENTITY = (b"ARCFILE ", b"DATE-OBS")


class LenientHeader(fits.Header):  # type: ignore[misc]
    """A header in which a card that cannot be parsed counts as missing."""

    def __getitem__(self, key: Any) -> Any:
        try:
            return super().__getitem__(key)
        except fits.VerifyError as error:
            raise KeyError(f"Keyword {key!r} cannot be read.") from error


def header_at(path: Path, span: Span) -> fits.Header:
    """The header at a place of a file.

    Raises
    ------
    CubeUnreadable
        If the file cannot be opened, or the header is none.
    ImplausibleValue
        If an identity in it holds control characters.
    """
    try:
        with path.open("rb") as file:
            file.seek(span.start)
            content = file.read(span.data - span.start)
    except OSError as error:
        raise CubeUnreadable(f"{path.name}: cannot be read ({error.strerror})") from error
    for start in range(0, len(content), CARD):
        card = content[start : start + CARD]
        if card.startswith(_IDENTITY) and any(byte < 32 or byte == 127 for byte in card):
            raise ImplausibleValue(
                f"{path.name}: {card[:8].decode('latin-1').strip()} holds control characters "
                f"({card[9:].decode('latin-1').strip()!r}); printable ASCII is allowed"
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            return LenientHeader.fromstring(content)
        except (ValueError, TypeError, IndexError, fits.VerifyError) as error:
            raise CubeUnreadable(f"{path.name}: not a readable FITS file ({error})") from error


def completed(header: fits.Header, other: fits.Header, keys: tuple[str, ...]) -> fits.Header:
    """The header with what it lacks of some keywords taken from another.

    A value that no header may hold (control characters, a card without a value) counts as missing.
    """
    added = [
        (key, value)
        for key in keys
        if header.get(key) is None and isinstance(value := other.get(key), bool | int | float | str)
    ]
    if not added:
        return header
    found = header.copy()
    for key, value in added:
        with contextlib.suppress(ValueError):
            found[f"HIERARCH {key}" if " " in key else key] = value
    return found
