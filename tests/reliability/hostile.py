"""Two hundred ways in which a header can be wrong, each as a card that is put into a good cube."""

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
FURTHER = (  # the place on the sky, scaling, what else describes the exposure, the structure
    (DATA, "CRVAL1", ("1E308", "NaN", "T", "'130 deg'")),
    (DATA, "CRVAL2", ("100", "-1E308", "NaN")),
    (DATA, "CRPIX1", ("1E308", "NaN", "'centre'")),
    (DATA, "CD1_2", ("1E308", "NaN", "'x'")),
    (DATA, "CD2_1", ("1E308", "T")),
    (DATA, "CTYPE1", ("'GLON-CAR'", "3", "'RA---XYZ'", "''")),
    (DATA, "CTYPE2", ("'RA---TAN'", "'DEC--SIN'", "T")),
    (DATA, "CUNIT1", ("'parsnips'", "'m'", "3", "'arcsec'")),
    (DATA, "LONPOLE", ("1E308", "NaN", "'x'")),
    (DATA, "RADESYS", ("'FK7'", "3", "'\x00'")),
    (DATA, "EQUINOX", ("1E308", "'never'")),
    (DATA, "WCSAXES", ("2", "999", "-1", "'x'")),
    (DATA, "CROTA2", ("1E308", "'x'")),
    (DATA, "BSCALE", ("0", "NaN", "1E308", "-1.0", "'x'", "T")),
    (DATA, "BZERO", ("1E308", "NaN", "'x'")),
    (DATA, "BLANK", ("5", "'x'", "1E308")),
    (DATA, "ZIMAGE", ("T", "F")),
    (DATA, "HDUCLAS3", ("'MSE'", "3")),
    (DATA, "TFIELDS", ("3",)),
    (DATA, "INHERIT", ("T", "'x'")),
    (STAT, "BSCALE", ("0", "1E308", "-1.0", "1E4")),
    (STAT, "BZERO", ("-1E308", "1E6")),
    (STAT, "HDUCLAS3", ("'RMSE'", "'INVMSE'", "'MSE'", "3")),
    (STAT, "CTYPE3", ("'WAVE'", "'FREQ'", "''", "3")),
    (STAT, "CUNIT3", ("'m'", "'parsnips'")),
    (STAT, "XTENSION", ("'BINTABLE'",)),
    (STAT, "NAXIS", ("2", "999")),
    (STAT, "BITPIX", ("8", "-64")),
    (PRIMARY, "SIMPLE", ("F", "'T'")),
    (PRIMARY, "EXTEND", ("F",)),
    (PRIMARY, "GROUPS", ("T",)),
    (PRIMARY, "SIMULATED", ("'yes'", "1E308")),
    (PRIMARY, "OBJECT", ("'\x1b[2J'", "'" + "x" * 60 + "&'")),
    (PRIMARY, "MJD-END", ("1E30", "1E308", "NaN", "-1", "'x'")),
    (PRIMARY, "TEXPTIME", ("1E30", "-1", "'x'")),
    (PRIMARY, "NCOMBINE", ("1E30", "2", "-1", "T", "'x'")),
    (PRIMARY, "SINGLEXP", ("F", "'F'")),
    (PRIMARY, "PRODCATG", ("'SCIENCE.IMAGE'", "3", "'\x00'")),
    (PRIMARY, "ESO INS MODE", ("'WFM-XX-N'", "3", "''", "'\x1b[31m'", "T")),
    (PRIMARY, "ESO PRO CATG", ("'PIXTABLE_OBJECT'", "'IMAGE_FOV'", "3")),
    (PRIMARY, "ESO DPR CATG", ("'CALIB'",)),
    (PRIMARY, "ESO TEL AIRM START", ("1E308", "-5", "NaN", "'x'", "99999999999999999999999")),
    (PRIMARY, "ESO TEL AMBI FWHM START", ("1E308", "-1E308", "'x'", "T")),
    (PRIMARY, "ESO INS DROT POSANG", ("1E308", "NaN", "'x'", "T", "99999999999999999999999")),
)  # fmt: skip
ACCEPTED = frozenset(  # of these: what says nothing of light, time or scale, or is not read at all
    (header, key, value)
    for header, key, values in (
        (DATA, "CTYPE1", None), (DATA, "CTYPE2", None), (DATA, "RADESYS", None), (DATA, "WCSAXES", None),
        (DATA, "CROTA2", None), (DATA, "BLANK", None), (DATA, "ZIMAGE", None), (DATA, "HDUCLAS3", None),
        (DATA, "TFIELDS", None), (DATA, "INHERIT", None), (DATA, "LONPOLE", ("NaN", "'x'")),
        (DATA, "EQUINOX", ("'never'",)), (STAT, "BSCALE", ("1E4",)), (STAT, "BZERO", ("1E6",)),
        (STAT, "HDUCLAS3", ("'MSE'", "3")), (STAT, "CTYPE3", ("'WAVE'", "''")), (PRIMARY, "SIMPLE", None),
        (PRIMARY, "EXTEND", None), (PRIMARY, "GROUPS", None), (PRIMARY, "SIMULATED", None),
        (PRIMARY, "OBJECT", None), (PRIMARY, "MJD-END", ("NaN", "-1", "'x'")),
        (PRIMARY, "TEXPTIME", ("-1", "'x'")), (PRIMARY, "NCOMBINE", ("-1", "T", "'x'")),
        (PRIMARY, "SINGLEXP", ("'F'",)), (PRIMARY, "PRODCATG", ("3", "'\x00'")),
        (PRIMARY, "ESO PRO CATG", ("3",)), (PRIMARY, "ESO DPR CATG", None),
        (PRIMARY, "ESO TEL AIRM START", ("-5", "NaN", "'x'")),
        (PRIMARY, "ESO TEL AMBI FWHM START", ("'x'", "T")),
        (PRIMARY, "ESO INS DROT POSANG", ("NaN", "'x'", "T")),
    )
    for value in values or next(given for one, name, given in FURTHER if (one, name) == (header, key))
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
FURTHER_CASES = tuple((header, key, value) for header, key, values in FURTHER for value in values)


def put_card(content: bytearray, path: Path, header: int, key: str, value: str) -> None:
    """Replace the value of a card in the bytes of a good cube, or put it before the END."""
    span = layout(path)[header]
    name = f"HIERARCH {key} " if " " in key else f"{key:8}"
    card = f"{name}= {value}".ljust(CARD)[:CARD].encode("latin-1")
    for start in range(span.start, span.data, CARD):
        if content[start : start + len(name)] == name.encode():
            content[start : start + CARD] = card
            return
        if content[start : start + CARD].rstrip() == b"END":
            assert start + 2 * CARD <= span.data, "the header block is full"
            content[start : start + 2 * CARD] = card + b"END".ljust(CARD)
            return


def set_identity(content: bytearray, path: Path, number: int) -> None:
    """An identity and a time of its own, as another exposure has."""
    put_card(content, path, PRIMARY, "ARCFILE", f"'MUSE.2020-01-01T00:00:00.{number:03d}.fits'")
    hour, minute = divmod(number, 60)
    put_card(content, path, PRIMARY, "DATE-OBS", f"'2020-01-01T{hour:02d}:{minute:02d}:00.000'")
    put_card(content, path, PRIMARY, "MJD-OBS", f"{58849 + number / 1000:.6f}")
