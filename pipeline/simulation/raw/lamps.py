"""Lines of the arc lamps: those that a wavelength solution rests on, and the many faint ones.

A real solution identifies 90 to 112 of 106 to 149 detected lines and rests on 64 to 70 of them. The
wavelengths are those of neon, xenon, mercury and cadmium in air; the strengths are chosen so that
the peaks span what real lamps show, 20 to 60 000 counts.
"""

from dataclasses import dataclass

UNUSED, PATTERN_ONLY, GOOD, WIDTH_REFERENCE = 0, 1, 3, 5  # qualities in a LINE_CATALOG
# Flux of the brightest line of a lamp [e-] where the instrument is most efficient: peaks of 40 000 to
# 60 000 counts
BRIGHTEST = {"HgCd": 150_000.0, "Ne": 115_000.0, "Xe": 130_000.0}
BRIGHT_STRENGTH, ISOLATED_AA = 50.0, 25.0  # such a line may measure the width of lines
# Relative strengths of listed lines are closer to each other than line peaks of real exposures, whose
# mean is 3500 to 5600 counts where the brightest have 42 000 to 71 000
CONTRAST = 2.2
# (Angstrom, relative strength) of the lines that solutions rest on, in the order of lamps
_GOOD = {
    "HgCd": (
        *((4678.149, 60.0), (4799.912, 80.0), (5085.822, 100.0), (5460.735, 150.0)),
        *((5769.598, 40.0), (5790.663, 42.0), (6438.470, 120.0)),
    ),
    "Ne": (
        *((5341.094, 8.0), (5400.562, 12.0), (5764.419, 9.0), (5852.488, 60.0), (5881.895, 30.0)),
        *((5944.834, 40.0), (5975.534, 15.0), (6029.997, 15.0), (6074.338, 40.0)),
        *((6096.163, 60.0), (6128.450, 8.0), (6143.063, 80.0), (6163.594, 35.0), (6217.281, 35.0)),
        *((6266.495, 50.0), (6304.789, 30.0), (6334.428, 60.0), (6382.991, 70.0)),
        *((6402.248, 120.0), (6506.528, 80.0), (6532.882, 35.0), (6598.953, 50.0)),
        *((6678.276, 80.0), (6717.043, 50.0), (6929.467, 70.0), (7032.413, 100.0)),
        *((7173.938, 30.0), (7245.167, 80.0), (7438.898, 30.0), (7488.871, 15.0)),
        *(
            (7535.774, 15.0),
            (7943.181, 8.0),
            (8082.458, 8.0),
            (8300.325, 15.0),
            (8377.607, 30.0),
            (8418.427, 10.0),
        ),
        *((8495.360, 20.0), (8591.259, 10.0), (8634.647, 15.0), (8654.383, 30.0)),
        *((8780.621, 15.0), (8853.867, 12.0), (8919.501, 8.0), (9148.672, 8.0)),
        *((9201.759, 8.0), (9300.853, 7.0)),
    ),
    "Xe": (
        *((4734.152, 30.0), (4807.019, 20.0), (4916.507, 15.0), (4923.152, 15.0)),
        *((7119.598, 15.0), (7642.024, 15.0), (7802.651, 5.0), (7967.342, 10.0), (8206.336, 20.0)),
        *((8231.634, 100.0), (8280.116, 90.0), (8346.822, 40.0), (8409.189, 25.0)),
        *((8739.372, 10.0), (8819.411, 100.0), (8862.32, 10.0), (8930.83, 12.0)),
        *((8952.251, 40.0), (9045.446, 30.0), (9162.652, 30.0), (9374.76, 8.0), (9513.377, 8.0)),
    ),
}
# Wavelengths of faint lines that the catalogue lists, and of those that it does not
_LISTED = {
    "HgCd": (4916.068, 5154.660, 6072.713, 6234.402, 6716.429, 6907.461, 7081.900),
    "Ne": (
        *(5330.778, 5372.311, 5448.509, 5562.766, 5652.566, 5804.450, 5820.156),
        *(5918.907, 6046.134, 6182.146, 6246.729, 6351.853, 6444.711, 6652.093),
        *(7051.292, 7472.438, 7724.628, 7839.053, 8118.549, 8136.405),
    ),
    "Xe": (6182.420, 6318.060, 6469.700, 6668.920, 6827.320, 7393.790, 8171.020),
}
_UNLISTED = {
    "HgCd": (5025.640, 5675.810, 6325.166),
    "Ne": (
        *(5433.651, 5719.225, 5906.429, 5991.653, 6118.018, 6205.777, 6293.745, 7304.840),
        *(7544.044, 7927.118, 8248.682, 8365.747, 8463.358, 8544.696, 8679.493, 9275.520),
    ),
    "Xe": (4843.290, 5823.900, 6498.700, 6595.560, 6925.530, 7584.680, 7740.310, 8029.670, 8692.20),
}
_FAINT_FLUXES = (100.0, 2500.0, 400.0, 1000.0, 200.0, 4000.0, 700.0)  # [e-], in turn
_MERCURY_AA = (5460.735, 5769.598, 5790.663, 4916.068, 6072.713, 6234.402, 6716.429, 6907.461)
LAMPS = tuple(_GOOD)


@dataclass(frozen=True)
class ArcLine:
    """One line of an arc lamp."""

    wave_aa: float
    flux: float  # [e-] of the line where the instrument is most efficient
    ion: str
    quality: int  # in the LINE_CATALOG; ``UNUSED``: the catalogue does not know it


def arc_lines(lamp: str) -> tuple[ArcLine, ...]:
    """All lines of a lamp (``HgCd``, ``Ne`` or ``Xe``), by wavelength."""
    good = _GOOD[lamp]
    waves = sorted(wave for wave, _ in good)
    brightest = max(strength for _, strength in good)
    found = [
        ArcLine(
            wave,
            BRIGHTEST[lamp] * (strength / brightest) ** CONTRAST,
            _ion(lamp, wave),
            _quality(wave, strength, waves),
        )
        for wave, strength in good
    ]
    for quality, faint in ((PATTERN_ONLY, _LISTED[lamp]), (UNUSED, _UNLISTED[lamp])):
        for number, wave in enumerate(faint):
            flux = _FAINT_FLUXES[number % len(_FAINT_FLUXES)]
            found.append(ArcLine(wave, flux, _ion(lamp, wave), quality))
    return tuple(sorted(found, key=lambda line: line.wave_aa))


def _quality(wave_aa: float, strength: float, waves: list[float]) -> int:
    gap = min(abs(wave_aa - other) for other in waves if other != wave_aa)
    return WIDTH_REFERENCE if strength >= BRIGHT_STRENGTH and gap > ISOLATED_AA else GOOD


def _ion(lamp: str, wave_aa: float) -> str:
    if lamp == "HgCd":
        return "HgI" if wave_aa in _MERCURY_AA else "CdI"
    return {"Ne": "NeI", "Xe": "XeI"}[lamp]
