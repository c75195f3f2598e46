"""Random damage to bytes, from a seed: what disks, networks, editors and other programs do."""

import random

EXTREME = (
    b"-1", b"0", b"1E308", b"-1E308", b"NaN", b"Infinity", b"2147483648", b"99999999999999999999",
    b"T", b"''", b"'\x00'", b"\x1b[2J", b"\xff\xfe", b"null", b"[]", b"{}", b"true", b"\n", b"\"", b"1e-400",
)  # fmt: skip


def mutated(content: bytes, seed: int, *, within: int | None = None) -> bytes:
    """The content with one to four injuries.

    Parameters
    ----------
    within : int, optional
        Most injuries are in the first so many bytes: headers.
    """
    rng = random.Random(seed)
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if data:
            limit = min(within or len(data), len(data)) if rng.random() < 0.8 else len(data)
            rng.choice(_INJURIES)(rng, data, rng.randrange(limit))
    return bytes(data)


def _flip(rng: random.Random, data: bytearray, at: int) -> None:
    data[at] ^= 1 << rng.randrange(8)


def _overwrite(rng: random.Random, data: bytearray, at: int) -> None:
    run = rng.randbytes(rng.choice((1, 2, 8, 80)))
    data[at : at + len(run)] = run[: len(data) - at]


def _extreme(rng: random.Random, data: bytearray, at: int) -> None:
    """A value in the place of another: where a card, a line or a field has it."""
    value = rng.choice(EXTREME)
    if data.startswith(b"SIMPLE"):
        at = at // 80 * 80 + 10
        value = value.ljust(20)
    data[at : at + len(value)] = value[: max(0, len(data) - at)]


def _remove(rng: random.Random, data: bytearray, at: int) -> None:
    del data[at : at + rng.choice((1, 80, 2880))]


def _repeat(rng: random.Random, data: bytearray, at: int) -> None:
    data[at:at] = data[at : at + rng.choice((1, 80, 2880))]


def _cut(_rng: random.Random, data: bytearray, at: int) -> None:
    del data[at:]


def _swap_cards(rng: random.Random, data: bytearray, at: int) -> None:
    one, other = at // 80 * 80, rng.randrange(len(data)) // 80 * 80
    data[one : one + 80], data[other : other + 80] = data[other : other + 80], data[one : one + 80]


_INJURIES = (_flip, _overwrite, _extreme, _extreme, _remove, _repeat, _cut, _swap_cards)
