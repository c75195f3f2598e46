"""Random damage to bytes, from a seed: what disks, networks, editors and other programs do.

``mutated`` knows nothing of what it damages; ``mutated_fits`` knows headers, cards, blocks of 2880
bytes and numbers of data, and damages each of them in every extension.
"""

import random

BLOCK, CARD = 2880, 80
EXTREME = (
    b"-1", b"0", b"1E308", b"-1E308", b"NaN", b"Infinity", b"2147483648", b"99999999999999999999",
    b"T", b"''", b"'\x00'", b"\x1b[2J", b"\xff\xfe", b"null", b"[]", b"{}", b"true", b"\n", b"\"", b"1e-400",
    b"[" * 3000, b"\"" * 3, b"&#0;", b"&lt;", b"<!--", b"\\u0000", b"2019-13-41T25:61:61", b"inf",
    b"9" * 400, b"1" + b"0" * 5000, b"\xe2\x80\xae", b"\r", b"\xed\xa0\x80", b"#", b"=", b",",
)  # fmt: skip
VALUES = (
    b"-1", b"0", b"1", b"2", b"3", b"999", b"0.0", b"-0.0", b"1E308", b"-1E308", b"1E-308", b"1E400",
    b"NaN", b"nan", b"Infinity", b"1D5", b"1.5.2", b"1,5", b"0x10", b"+-5", b"2147483648",
    b"-2147483649", b"4294967297", b"9223372036854775808", b"9" * 20, b"9" * 68, b"T", b"F", b"t",
    b"(1.0, 2.0)", b"", b"/ a comment alone", b"'unterminated", b"'a''b'", b"''", b"'&'", b"'   '",
    b"'" + b"x" * 66 + b"&'", b"'\x00'", b"'\x1b[31m'", b"'\xe9'", b"'T'", b"'1.0'", b"= 5", b"5 6",
    b"'2019-13-41T25:61:61'", b"'0000-00-00T00:00:00'", b"'9999-12-31T23:59:60'", b"'deg'", b"'m/s'",
    b"'WAVE-LOG'", b"'AWAV'", b"'PIXEL'", b"'BINTABLE'", b"'IMAGE   '", b"'DATA'", b"'STAT'", b"'DQ'",
    b"'10**(-20)*erg/s/cm**2/Angstrom'", b"'10**(1000)*erg'", b"'m**(1/0)'", b"'RICE_1'",
)  # fmt: skip
KEYS = (
    b"CONTINUE", b"HIERARCH", b"COMMENT", b"END", b"", b"naxis", b"NAXIS", b"NAXIS1", b"NAXIS3", b"BITPIX",
    b"SIMPLE", b"XTENSION", b"EXTNAME", b"PCOUNT", b"GCOUNT", b"GROUPS", b"THEAP", b"TFIELDS", b"TFORM1",
    b"BSCALE", b"BZERO", b"BLANK", b"BUNIT", b"INHERIT", b"ZIMAGE", b"ZCMPTYPE", b"ZBITPIX", b"ZNAXIS",
    b"ZTILE1", b"ZQUANTIZ", b"ZBLANK", b"DATASUM", b"CHECKSUM", b"CTYPE1", b"CTYPE2", b"CTYPE3",
    b"CUNIT1", b"CUNIT3", b"CRVAL1", b"CRVAL3", b"CRPIX1", b"CRPIX3", b"CDELT1", b"CDELT3", b"CD1_1",
    b"CD1_2", b"CD3_3", b"PC1_1", b"PC3_3", b"CROTA2", b"RADESYS", b"EQUINOX", b"LONPOLE", b"WCSAXES",
    b"MJD-OBS", b"MJD-END", b"DATE-OBS", b"EXPTIME", b"TEXPTIME", b"NCOMBINE", b"SINGLEXP", b"PROV1",
    b"RA", b"DEC", b"ARCFILE", b"PRODCATG", b"HDUCLAS3", b"UTYPE", b"OBJECT", b"\xe9", b"A\x00B",
)  # fmt: skip
NUMBERS = (  # of four bytes, big-endian: NaN, a signalling one, infinities, huge, tiny, 0, -999
    b"\x7f\xc0\x00\x00", b"\x7f\xa0\x00\x00", b"\x7f\x80\x00\x00", b"\xff\x80\x00\x00",
    b"\x7f\x7f\xff\xff", b"\xff\x7f\xff\xff", b"\x00\x00\x00\x01", b"\x00\x00\x00\x00",
    b"\xc4\x79\xc0\x00", b"\x7e\x96\x76\x99",
)  # fmt: skip


def mutated(content: bytes, seed: int) -> bytes:
    """The content with one to four injuries, at any place."""
    return _injured(content, random.Random(seed), _OF_BYTES)


def mutated_fits(content: bytes, seed: int) -> bytes:
    """The content of a FITS file with one to four injuries, most of them in a header."""
    return _injured(content, random.Random(seed), _OF_BYTES + 2 * _OF_FITS + 4 * _OF_CARDS)


def _injured(content: bytes, rng: random.Random, injuries: tuple) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if data:
            rng.choice(injuries)(rng, data, rng.randrange(len(data)))
    return bytes(data)


# -- bytes


def _flip(rng: random.Random, data: bytearray, at: int) -> None:
    data[at] ^= 1 << rng.randrange(8)


def _overwrite(rng: random.Random, data: bytearray, at: int) -> None:
    run = rng.randbytes(rng.choice((1, 2, 8, 80)))
    data[at : at + len(run)] = run[: len(data) - at]


def _extreme(rng: random.Random, data: bytearray, at: int) -> None:
    """A value in the place of another: where a line or a field has it."""
    value = rng.choice(EXTREME)
    data[at : at + len(value)] = value[: max(0, len(data) - at)]


def _insert_extreme(rng: random.Random, data: bytearray, at: int) -> None:
    data[at:at] = rng.choice(EXTREME)


def _remove(rng: random.Random, data: bytearray, at: int) -> None:
    del data[at : at + rng.choice((1, 80, 2880))]


def _repeat(rng: random.Random, data: bytearray, at: int) -> None:
    data[at:at] = data[at : at + rng.choice((1, 80, 2880))]


def _cut(_rng: random.Random, data: bytearray, at: int) -> None:
    del data[at:]


def _move(rng: random.Random, data: bytearray, at: int) -> None:
    run = data[at : at + rng.choice((1, 16, 80, 2880))]
    del data[at : at + len(run)]
    to = rng.randrange(len(data) + 1)
    data[to:to] = run


def _zeros(rng: random.Random, data: bytearray, at: int) -> None:
    length = min(rng.choice((4, 512, 4096, 65536)), len(data) - at)
    data[at : at + length] = bytes(length)


def _extend(rng: random.Random, data: bytearray, _at: int) -> None:
    data += rng.choice((bytes(BLOCK), b" " * BLOCK, rng.randbytes(100), bytes(data[:BLOCK]), b"\n"))


_OF_BYTES = (
    _flip, _overwrite, _extreme, _extreme, _insert_extreme, _remove, _repeat, _cut, _move, _zeros, _extend,
)  # fmt: skip


# -- FITS: headers, blocks, data


def _headers(data: bytearray) -> list[tuple[int, int]]:
    """Where headers begin and how many cards they have before END."""
    found = []
    for start in range(0, len(data), BLOCK):
        if data.startswith((b"SIMPLE  =", b"XTENSION="), start):
            end = data.find(b"END" + b" " * 77, start, start + 100 * BLOCK)
            found.append((start, max(1, (end - start) // CARD)))
    return found or [(0, 1)]


def _swap_blocks(rng: random.Random, data: bytearray, at: int) -> None:
    one, other = at // BLOCK * BLOCK, rng.choice(_headers(data))[0]
    first, second = data[one : one + BLOCK], data[other : other + BLOCK]
    if len(first) == len(second):
        data[one : one + BLOCK], data[other : other + BLOCK] = second, first


def _drop_blocks(rng: random.Random, data: bytearray, at: int) -> None:
    start = rng.choice((at // BLOCK * BLOCK, rng.choice(_headers(data))[0]))
    del data[start : start + BLOCK * rng.randint(1, 3)]


def _repeat_blocks(rng: random.Random, data: bytearray, at: int) -> None:
    start = rng.choice((at // BLOCK * BLOCK, rng.choice(_headers(data))[0]))
    data[start:start] = data[start : start + BLOCK * rng.randint(1, 3)]


def _cut_at_a_block(rng: random.Random, data: bytearray, at: int) -> None:
    start = rng.choice((at // BLOCK * BLOCK, rng.choice(_headers(data))[0]))
    del data[start + rng.choice((0, 0, CARD, 1)) :]


def _repeat_an_extension(rng: random.Random, data: bytearray, _at: int) -> None:
    starts = [start for start, _ in _headers(data)] + [len(data)]
    number = rng.randrange(len(starts) - 1)
    data += data[starts[number] : starts[number + 1]]


def _drop_an_extension(rng: random.Random, data: bytearray, _at: int) -> None:
    starts = [start for start, _ in _headers(data)] + [len(data)]
    number = rng.randrange(len(starts) - 1)
    del data[starts[number] : starts[number + 1]]


def _spoil_numbers(rng: random.Random, data: bytearray, at: int) -> None:
    """A run of one number: a sample, a row, a layer, or everything from there on."""
    start = at // 4 * 4
    length = min(rng.choice((1, 80, 6400, len(data))), (len(data) - start) // 4)
    data[start : start + 4 * length] = rng.choice(NUMBERS) * length


_OF_FITS = (
    _swap_blocks, _drop_blocks, _repeat_blocks, _cut_at_a_block, _repeat_an_extension,
    _drop_an_extension, _spoil_numbers, _spoil_numbers, _spoil_numbers,
)  # fmt: skip


# -- FITS: cards, in the header of any extension


def _card(rng: random.Random, data: bytearray) -> int:
    start, n_cards = rng.choice(_headers(data))
    return start + CARD * rng.randrange(n_cards)


def _header_end(data: bytearray, at: int) -> int:
    """The end of the header that a card is in."""
    start, n_cards = max(one for one in _headers(data) if one[0] <= at)
    return start + -(-(n_cards + 1) * CARD // BLOCK) * BLOCK


def _value(rng: random.Random, data: bytearray, _at: int) -> None:
    at = _card(rng, data)
    data[at + 8 : at + CARD] = (b"= " + rng.choice(VALUES)).ljust(72)[:72]


def _other_number(rng: random.Random, data: bytearray, _at: int) -> None:
    """A number like the one that stands there: shifted, scaled, negated."""
    at = _card(rng, data)
    try:
        old = float(data[at + 10 : at + 30])
    except ValueError:
        return
    new = rng.choice(
        (-old, old + 1, old - 1, old * 10.0 ** rng.randint(-12, 12), rng.gauss(0, 1e3))
    )
    text = str(int(new)) if rng.random() < 0.5 and abs(new) < 1e18 else repr(new)
    data[at + 10 : at + 30] = text.rjust(20)[:20].encode()


def _key(rng: random.Random, data: bytearray, _at: int) -> None:
    at = _card(rng, data)
    data[at : at + 8] = rng.choice(KEYS).ljust(8)


def _swap_cards(rng: random.Random, data: bytearray, _at: int) -> None:
    one, other = _card(rng, data), _card(rng, data)
    data[one : one + CARD], data[other : other + CARD] = (
        data[other : other + CARD],
        data[one : one + CARD],
    )


def _copy_a_card(rng: random.Random, data: bytearray, _at: int) -> None:
    """A card over another, perhaps of another header: one is twice there, one is missing."""
    one, other = _card(rng, data), _card(rng, data)
    data[one : one + CARD] = data[other : other + CARD]


def _insert_a_card(rng: random.Random, data: bytearray, _at: int) -> None:
    """One more card; the header keeps its blocks where its padding is long enough."""
    at = _card(rng, data)
    end = _header_end(data, at)
    new = rng.choice(KEYS).ljust(8) + (b"= " + rng.choice(VALUES)).ljust(72)[:72]
    if not data[end - CARD : end].strip():
        del data[end - CARD : end]
    data[at:at] = new


def _remove_a_card(rng: random.Random, data: bytearray, _at: int) -> None:
    at = _card(rng, data)
    end = _header_end(data, at)
    data[end:end] = b" " * CARD
    del data[at : at + CARD]


def _byte_of_a_card(rng: random.Random, data: bytearray, _at: int) -> None:
    at = _card(rng, data) + rng.choice((rng.randrange(10), rng.randrange(CARD)))
    data[min(at, len(data) - 1)] = rng.choice((rng.randrange(256), 0, 0x20, 0x27, 0x2F, 0x3D, 0x80))


_OF_CARDS = (
    _value, _value, _value, _other_number, _other_number, _key, _swap_cards, _copy_a_card,
    _insert_a_card, _remove_a_card, _byte_of_a_card,
)  # fmt: skip
