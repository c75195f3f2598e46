"""Files that the archive sends compressed as a whole: ``.fits.Z`` of compress, ``.fits.gz`` of gzip.

Python's library has no decoder for the former. The format: three bytes of head (magic, then the
greatest width of a code and whether code 256 clears the table), then codes, least significant bit
first, in groups of eight codes of one width. A code means a byte or a string that has already been
written; each new string is the one before and the byte behind it, so that a table entry is a place in
the output. When the width grows or the table is cleared, the rest of a group is padding.
"""

import zlib

MAGIC_COMPRESS, MAGIC_GZIP = b"\x1f\x9d", b"\x1f\x8b"
MAX_BYTES = 1 << 30  # kept in memory; of MUSE only small tables might come so
CLEAR = 256
FIRST_BITS, LAST_BITS = 9, 16  # widths of codes that compress writes
_BLOCK_MODE, _WIDTH, _UNKNOWN = 0x80, 0x1F, 0x60  # bits of the third byte
_GZIP_WINDOW = 31  # zlib's name for a gzip stream


def is_compressed(first_bytes: bytes) -> bool:
    """Whether a file that begins like this is compressed as a whole."""
    return first_bytes[:2] in (MAGIC_COMPRESS, MAGIC_GZIP)


def uncompress(data: bytes, max_bytes: int = MAX_BYTES) -> bytes:
    """The content of a file that is compressed as a whole.

    Raises
    ------
    ValueError
        If the data are damaged, or hold more than ``max_bytes``.
    """
    if data[:2] == MAGIC_COMPRESS:
        return _uncompress_lzw(data, max_bytes)
    expander = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = expander.decompress(data, max_bytes)
    except zlib.error as error:
        raise ValueError(f"damaged gzip file: {error}") from error
    if not expander.eof:
        raise ValueError(f"gzip file that is cut off, or holds more than {max_bytes} bytes")
    return content


def _uncompress_lzw(data: bytes, max_bytes: int) -> bytes:
    if len(data) < 3 or data[2] & _UNKNOWN or not FIRST_BITS <= data[2] & _WIDTH <= LAST_BITS:
        raise ValueError("the head of a .Z file is damaged")
    last_bits, clears = data[2] & _WIDTH, bool(data[2] & _BLOCK_MODE)
    first_free = CLEAR + 1 if clears else CLEAR
    output = bytearray()
    table: list[tuple[int, int]] = []  # start and length in the output, of code first_free and up
    before: tuple[int, int] | None = None  # the string that the last code meant
    bits, position = FIRST_BITS, 3
    while position < len(data):
        group = data[position : position + bits]
        position += bits
        word, mask = int.from_bytes(group, "little"), (1 << bits) - 1
        for _ in range(len(group) * 8 // bits):
            code, word = word & mask, word >> bits
            if clears and code == CLEAR:
                table, before, bits = [], None, FIRST_BITS
                break
            start = len(output)
            output += _meaning(code, code - first_free, output, table, before)
            if len(output) > max_bytes:
                raise ValueError(f"a .Z file that holds more than {max_bytes} bytes")
            if before is not None and first_free + len(table) < 1 << last_bits:
                table.append((before[0], before[1] + 1))
            before = start, len(output) - start
            if first_free + len(table) > mask and bits < last_bits:
                bits += 1
                break
    return bytes(output)


def _meaning(
    code: int,
    entry: int,
    output: bytearray,
    table: list[tuple[int, int]],
    before: tuple[int, int] | None,
) -> bytes:
    """The string that a code means."""
    if code < CLEAR:
        return bytes((code,))
    if 0 <= entry < len(table):
        start, length = table[entry]
        return bytes(output[start : start + length])
    if entry == len(table) and before is not None:  # the string that is being formed
        start, length = before
        return bytes(output[start : start + length] + output[start : start + 1])
    raise ValueError(f"a .Z file with the code {code}, which means nothing there")
