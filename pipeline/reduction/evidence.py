"""What a recipe left behind: log, quality-control keywords, products; and whether to believe it."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits

from pipeline.errors import CalibrationRejected

N_SLICES = 48
# Accepted values of muse_wavecal's quality control, per slice. A polynomial of order 6 needs many
# more than 7 lines; its rms is usually 0.02 to 0.03 Angstrom; at the ends of a slice a missing lamp
# moves the wavelength by 14 Angstrom, good solutions lie within 1 of the expected one.
WAVE_LIMITS = {
    "LINES NID": (20.0, np.inf),
    "FIT RMS": (0.0, 0.1),
    "DWLEN BOTTOM": (-5.0, 5.0),
    "DWLEN TOP": (-5.0, 5.0),
}
MAX_KEPT = 40  # distinct warnings or errors that are kept of a log
_LINE = re.compile(r"^\d\d:\d\d:\d\d \[\s*(\w+)\s*\] ([^:]*): (?:\[tid=\d+\] )?(.*)$")
# Warnings that say nothing about the data: every call on Debian has them.
_NOISE = ("Unable to open directory", "is missing")


def log_lines(log: str, level: str) -> tuple[str, ...]:
    """The distinct messages of one level in a CPL log, in order, each with its number.

    Parameters
    ----------
    level : str
        "WARNING" or "ERROR".
    """
    found: Counter[str] = Counter()
    for line in log.splitlines():
        match = _LINE.match(line)
        if match and match[1].upper() == level and not any(n in match[3] for n in _NOISE):
            found[f"{match[2].strip()}: {match[3].strip()}".removeprefix(": ")] += 1
    shown = [text + (f" ({n} times)" if n > 1 else "") for text, n in found.items()]
    return tuple(shown[:MAX_KEPT])


def last_words(log: str, otherwise: str) -> str:
    """Why a recipe failed, as far as its log tells."""
    errors = log_lines(log, "ERROR")
    return "; ".join(errors[-3:])[-600:] if errors else otherwise.strip()[-300:]


def products_in(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The FITS files in a folder by ESO PRO CATG, sorted by name; file names are not parsed."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.fits")):
        category = str(fits.getheader(path).get("ESO PRO CATG", ""))
        found.setdefault(category, []).append(path)
    return {category: tuple(paths) for category, paths in found.items()}


def quality(header: fits.Header) -> dict[str, float | int | str | bool]:
    """The ESO QC keywords of a product."""
    return {
        key: value
        for key, value in header.items()
        if key.startswith("ESO QC ") and isinstance(value, int | float | str)
    }


def provenance(header: fits.Header) -> dict[str, str]:
    """Recipe, version of the pipeline and of CPL, as the product itself says."""
    names = {"recipe": "ID", "pipeline": "PIPE ID", "library": "DRS ID"}
    return {name: str(header.get(f"ESO PRO REC1 {key}", "")) for name, key in names.items()}


def check_quality(recipe: str, qc: Mapping[str, object]) -> None:
    """Make sure that a calibration is what a recipe that ended well should deliver.

    Raises
    ------
    CalibrationRejected
        If a wavelength solution has too few lines, scatters, or leaves the expected range: the
        recipe ends well even where a lamp was missing.
    """
    if recipe != "muse_wavecal":
        return
    for what, (lowest, highest) in WAVE_LIMITS.items():
        values = _per_slice(qc, f"WAVECAL SLICE{{}} {what}")
        inside = (values >= lowest) & (values <= highest)  # False for NaN
        if len(values) < N_SLICES or not inside.all():
            held = f"{values.min():g} to {values.max():g}" if len(values) else "nothing"
            raise CalibrationRejected(
                f"muse_wavecal: QC {what} of {len(values)} slices is {held}, accepted is "
                f"{lowest:g} to {highest:g}; look for missing lamps in its log"
            )


def _per_slice(qc: Mapping[str, object], pattern: str) -> np.ndarray:
    keys = ["ESO QC " + pattern.format(number) for number in range(1, N_SLICES + 1)]
    return np.array([float(str(qc[key])) for key in keys if key in qc])
