"""What counts as an intact file of the archive."""

import io
import time

import numpy as np
import pytest
from astropy.io import fits

from pipeline.archive.verify import BLOCK, looks_like_fits, verify_fits
from pipeline.errors import FileRefused
from tests.archive.world import frame

NAME = "MUSE.2019-03-09T23:58:30.123"
GOOD = frame(NAME, "STD", 64, compressed=True)


def verify(tmp_path, content, name=NAME):
    path = tmp_path / "file.partial"
    path.write_bytes(content)
    return verify_fits(path, name)


def test_an_intact_file_lists_its_extensions_and_checksums(tmp_path):
    verified = verify(tmp_path, GOOD)
    assert (verified.n_hdus, verified.n_checksums, verified.compressed) == (2, 4, True)
    plain = frame("M.MUSE.2018-06-22T08:23:22.730", "STATIC", 8, compressed=False)
    assert not verify(tmp_path, plain, "M.MUSE.2018-06-22T08:23:22.730").compressed


def test_our_sums_are_those_of_astropy(tmp_path):
    rng = np.random.default_rng(1)
    for n_px in (1, 100, 12345):
        buffer = io.BytesIO()
        data = rng.integers(0, 255, n_px).astype("u1")
        fits.PrimaryHDU(data).writeto(buffer, checksum=True)
        assert verify(tmp_path, buffer.getvalue()).n_checksums == 2


@pytest.mark.parametrize("byte", range(0, len(GOOD), 397))
def test_a_single_changed_bit_anywhere_is_found(tmp_path, byte):
    changed = bytearray(GOOD)
    changed[byte] ^= 0x10
    try:
        verified = verify(tmp_path, bytes(changed))
    except FileRefused:
        return
    # what the archive itself does to a header; of the data every bit is refused
    (note,) = verified.notes
    assert "CHECKSUM of extension" in note
    assert in_a_header(byte)


def in_a_header(byte):
    """Whether a byte of GOOD lies in a header and not in data."""
    with fits.open(io.BytesIO(GOOD), disable_image_compression=True) as file:
        places = [hdu._header_offset for hdu in file], [hdu._data_offset for hdu in file]
    return any(first <= byte < end for first, end in zip(*places, strict=True))


def test_a_corrected_header_over_intact_data_is_noted_and_damaged_data_are_refused(tmp_path):
    corrected = GOOD.replace(b"'STD     '", b"'STDX    '", 1)
    assert corrected != GOOD
    verified = verify(tmp_path, corrected)
    assert verified.notes == ("CHECKSUM of extension 0 fails, DATASUM holds: header corrected",)
    assert verified.n_checksums == 3
    damaged = bytearray(GOOD)
    damaged[-200] ^= 1
    with pytest.raises(FileRefused, match="DATASUM does not hold"):
        verify(tmp_path, bytes(damaged))


def test_without_datasum_a_checksum_that_fails_refuses_the_file(tmp_path):
    bare = GOOD.replace(b"DATASUM =", b"DATASIM =").replace(b"'STD     '", b"'STDX    '", 1)
    with pytest.raises(FileRefused, match="CHECKSUM does not hold"):
        verify(tmp_path, bare)


@pytest.mark.parametrize("length", [0, 5, 80, BLOCK - 1, BLOCK, BLOCK + 1, len(GOOD) - 1])
def test_a_shorter_file_is_refused(tmp_path, length):
    if length == BLOCK:  # a primary header alone is a file; its own sums hold
        assert verify(tmp_path, GOOD[:length]).n_hdus == 1
        return
    with pytest.raises(FileRefused):
        verify(tmp_path, GOOD[:length])


@pytest.mark.parametrize("tail", [b"x", b"\0" * BLOCK, b"<html>" + b" " * (BLOCK - 6)])
def test_a_longer_file_is_refused(tmp_path, tail):
    with pytest.raises(FileRefused):
        verify(tmp_path, GOOD + tail)


def test_another_exposure_than_asked_for_is_refused(tmp_path):
    with pytest.raises(FileRefused, match="the server sent"):
        verify(tmp_path, GOOD, "MUSE.2019-03-09T23:59:30.123")


@pytest.mark.parametrize(
    "card",
    ["NAXIS   =                  999", "NAXIS1  =  9223372036854775807", "BITPIX  = 'x'     ",
     "NAXIS1  =                  -80", "PCOUNT  = 1e400", "\0" * 30],
)  # fmt: skip
def test_absurd_headers_are_refused_in_bounded_time(tmp_path, card):
    header = ["SIMPLE  =                    T", "BITPIX  =                    8",
              "NAXIS   =                    2", "NAXIS1  =                   10",
              "NAXIS2  =                   10", card, "END"]  # fmt: skip
    text = "".join(line.ljust(80) for line in header).ljust(BLOCK).encode("latin-1")
    started = time.process_time()
    if card.startswith("\0"):
        text = text.replace(b"END", b"   ") * 3000  # a header without end
    else:
        keyword = card[:8].encode()
        first, _, rest = text.partition(keyword)
        text = first + card.ljust(80).encode() + rest[80 - 8 :] if keyword != b"PCOUNT  " else text
    with pytest.raises(FileRefused):
        verify(tmp_path, text)
    assert time.process_time() - started < 2


def test_a_page_does_not_look_like_fits_from_its_first_byte():
    assert looks_like_fits(GOOD)
    assert looks_like_fits(b"SIM")
    assert not looks_like_fits(b"<")
