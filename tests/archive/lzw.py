"""An encoder of the ``.Z`` format, slow and plain, for tests of the decoder."""

CLEAR, FIRST_BITS = 256, 9


def compress(data, last_bits=16, clear_after=0, block_mode=True):
    """The bytes that ``compress`` would write for some data.

    Parameters
    ----------
    clear_after : int
        The table is cleared after so many bytes of a full table, once; 0: never.
    """
    out = _Writer(bytes((0x1F, 0x9D, last_bits | (0x80 if block_mode else 0))))
    first_free = CLEAR + 1 if block_mode else CLEAR
    table, bits, string, full = {}, FIRST_BITS, b"", 0
    for byte in data:
        longer = string + bytes((byte,))
        if len(longer) == 1 or longer in table:
            string = longer
            continue
        out.write(_code(string, table), bits)
        # the decoder learns a string one code later than we do
        if first_free + len(table) > (1 << bits) - 1 and bits < last_bits:
            out.pad(bits)
            bits += 1
        if first_free + len(table) < 1 << last_bits:
            table[longer] = first_free + len(table)
        elif clear_after:
            full += 1
            if full == clear_after:
                out.write(CLEAR, bits)
                out.pad(bits)
                table, bits = {}, FIRST_BITS
        string = bytes((byte,))
    if string:
        out.write(_code(string, table), bits)
    return out.finish()


def _code(string, table):
    return string[0] if len(string) == 1 else table[string]


class _Writer:
    """Packs codes, least significant bit first, in groups of eight of one width."""

    def __init__(self, head):
        self._done, self._word, self._n_bits, self._n_codes = bytearray(head), 0, 0, 0

    def write(self, code, bits):
        self._word |= code << self._n_bits
        self._n_bits += bits
        self._n_codes += 1
        if self._n_codes == 8:
            self._flush(bits)

    def pad(self, bits):
        """Fill the group up."""
        if self._n_codes:
            self._flush(bits)

    def _flush(self, n_bytes):
        self._done += self._word.to_bytes(n_bytes, "little")
        self._word = self._n_bits = self._n_codes = 0

    def finish(self):
        if self._n_codes:
            self._flush(-(-self._n_bits // 8))
        return bytes(self._done)
