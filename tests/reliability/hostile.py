"""A hundred ways in which a header can be wrong, each as cards that are put into a good cube."""

from pathlib import Path

from pipeline.muse.fits_layout import CARD, layout

PRIMARY, DATA, STAT = 0, 1, 2
ABSURD = (
    "1E308",
    "-1E308",
    "1E300",
    "-1",
    "0",
    "99999999999999999999999",
    "NaN",
    "T",
    "'text'",
    "",
)
# header, keyword, values as they stand in the card
SPOILED = (
    (PRIMARY, "MJD-OBS", ("1E30", "-1", "0.0", "T", "58553 d", "'2019-03-11'", "1E400")),
    (PRIMARY, "EXPTIME", ("-40.0", "0", "1E30", "NaN", "'long'", "40 s")),
    (PRIMARY, "RA", ("1E30", "-1000", "NaN", "130.4 deg")),
    (PRIMARY, "DEC", ("100", "-100", "1E308", "'north'")),
    (PRIMARY, "ARCFILE", ("'a\x1b[31mb'", "'a\x00b'", "'../../x.fits'", "''", "T", "'" + "x" * 60 + "'")),
    (PRIMARY, "DATE-OBS", ("'\x07'", "'yesterday'", "T")),
    (PRIMARY, "NAXIS", ("999", "1000", "-1", "2147483648", "'3'", "")),
    (PRIMARY, "BITPIX", ("0", "7", "T", "1E2")),
    (DATA, "BITPIX", ("-64", "16", "31", "-33")),
    (DATA, "NAXIS", ("0", "2", "4", "999", "2147483648", "-3")),
    (DATA, "NAXIS1", ("0", "1", "-120", "2147483648", "9223372036854775807", "T")),
    (DATA, "NAXIS3", ("0", "1", "24", "26", "4294967297", "")),
    (DATA, "PCOUNT", ("-1", "2147483648")),
    (DATA, "GCOUNT", ("0", "-1", "9999999999")),
    (DATA, "CRVAL3", ABSURD),
    (DATA, "CRPIX3", ("1E308", "NaN", "'1'", "")),
    (DATA, "CD3_3", ("1E300", "0", "-100", "NaN", "T")),
    (DATA, "CTYPE3", ("'WAVE'", "3", "'\x00'")),
    (DATA, "CUNIT3", ("'parsnips'", "'m'", "3")),
    (DATA, "CD1_1", ("0", "1E308", "NaN", "'east'")),
    (DATA, "CD2_2", ("1E300", "")),
    (DATA, "BUNIT", ("'Jy'", "'parsnips'", "'m/s'", "3")),
    (DATA, "EXTNAME", ("'DATUM'", "3", "''")),
    (DATA, "XTENSION", ("'BINTABLE'", "'IMAGES'")),
    (STAT, "BUNIT", ("'10**(-20)*erg/s/cm**2/Angstrom'", "'Jy'")),
    (STAT, "CRVAL3", ("7000.0", "1E308")),
    (STAT, "CD3_3", ("200.0", "-100")),
    (STAT, "NAXIS3", ("24", "26")),
    (STAT, "EXTNAME", ("'DATA'", "'STATS'")),
)  # fmt: skip
HARMLESS = frozenset(  # what says nothing wrong about light, time or place: a card that is missing
    [
        (DATA, "CTYPE3", "'WAVE'"),  # vacuum wavelengths are converted
        (PRIMARY, "EXPTIME", "NaN"), (PRIMARY, "EXPTIME", "'long'"), (PRIMARY, "EXPTIME", "40 s"),
        (PRIMARY, "RA", "NaN"), (PRIMARY, "RA", "130.4 deg"), (PRIMARY, "DEC", "'north'"),
        (PRIMARY, "ARCFILE", "'../../x.fits'"), (PRIMARY, "ARCFILE", "''"), (PRIMARY, "ARCFILE", "T"),
        (PRIMARY, "ARCFILE", "'" + "x" * 60 + "'"), (PRIMARY, "DATE-OBS", "'yesterday'"),
        (PRIMARY, "DATE-OBS", "T"), (PRIMARY, "MJD-OBS", "T"), (PRIMARY, "MJD-OBS", "58553 d"),
        (PRIMARY, "MJD-OBS", "'2019-03-11'"),
    ]
)  # fmt: skip
CASES = tuple((header, key, value) for header, key, values in SPOILED for value in values)


def put_card(content: bytearray, path: Path, header: int, key: str, value: str) -> None:
    """Replace the value of a card in the bytes of a good cube."""
    span = layout(path)[header]
    for start in range(span.start, span.data, CARD):
        if content[start : start + 8].rstrip() == key.encode():
            content[start : start + CARD] = f"{key:8}= {value}".ljust(CARD)[:CARD].encode("latin-1")
            return
    raise KeyError(key)


def set_identity(content: bytearray, path: Path, number: int) -> None:
    """An identity and a time of its own, as another exposure has."""
    put_card(content, path, PRIMARY, "ARCFILE", f"'MUSE.2020-01-01T00:00:00.{number:03d}.fits'")
    hour, minute = divmod(number, 60)
    put_card(content, path, PRIMARY, "DATE-OBS", f"'2020-01-01T{hour:02d}:{minute:02d}:00.000'")
    put_card(content, path, PRIMARY, "MJD-OBS", f"{58849 + number / 1000:.6f}")
