"""What the errors of a cube are, variances or standard deviations, by its header and by its noise.

The noise of the data tells them apart: the difference of neighbouring layers scatters by the root of
the sum of two variances. Resampling makes neighbours alike and lowers that by some 20 %; calling a
standard deviation of 10 a variance changes it threefold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from astropy.io import fits

from pipeline.errors import ImplausibleValue
from pipeline.muse.cube_checks import parsed_unit
from pipeline.muse.cube_images import DEVIATION, INVERSE, VARIANCE, WEIGHTS
from pipeline.muse.image_layers import Layers

AUTO = "auto"
ASKED: Mapping[str, int] = {  # values of cubes.stat
    "variance": VARIANCE,
    "std": DEVIATION,
    "inverse": INVERSE,
}
_CLASSES = {"MSE": VARIANCE, "RMSE": DEVIATION, "INVMSE": INVERSE}  # HDUCLAS3
_TYPES = {  # UTYPE of an extension that CCDData has written
    "VARIANCEUNCERTAINTY": VARIANCE,
    "STDDEVUNCERTAINTY": DEVIATION,
    "INVERSEVARIANCE": INVERSE,
}
NAMES = {VARIANCE: "variances", DEVIATION: "standard deviations", INVERSE: "inverse variances"}
_SAMPLED_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the layers, each with the next
SAMPLED_PIXELS = 10_000  # of a layer: they tell a scatter to 1 %, the readings differ by far more
MIN_PIXELS = 50  # that tell a scatter to 10 %
TYPICAL = 0.8  # scatter of differences over that of independent layers, in resampled cubes
MARGIN = np.log(2.0)  # one reading must fit the noise by so much better than the other
MOST_MISFIT = np.log(1e6)  # between STAT and noise; data without any noise of their own are nearer
MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class ErrorKind:
    """How variances in the square of the unit of the data follow from an extension."""

    power: int  # 1: it holds them; 2: standard deviations; -1: inverse variances
    factor: float = 1.0  # from the unit of the extension
    note: str = ""  # what was concluded beyond the header
    doubt: str = ""  # why that may be wrong: no exposure is measured with such errors


def error_kind(
    data: Layers,
    stat: Layers,
    headers: tuple[fits.Header, fits.Header],
    by_name: int,
    where: str,
    asked: str = AUTO,
) -> ErrorKind:
    """What an extension of errors holds.

    Parameters
    ----------
    data, stat : Layers
        Of shape (wave, y, x), BSCALE and BZERO applied.
    headers : tuple of Header
        Of data and errors.
    by_name : int
        What the name of the extension says: a key of ``NAMES``.
    where : str
        File and extension of the errors, for messages.
    asked : str
        "variance", "std" or "inverse": the reader knows; "auto": header and noise decide.

    Raises
    ------
    ImplausibleValue
        If the unit of the errors is none that they can have, the header contradicts itself and the
        noise does not tell, or noise and errors have nothing in common.
    """
    units = _by_unit(*headers, where, asked)
    if asked in ASKED:
        power = ASKED[asked]
        return ErrorKind(power, units.get(power, 1.0))
    stated = set(units)
    for key, known in (("HDUCLAS3", _CLASSES), ("UTYPE", _TYPES)):
        said = known.get(str(headers[1].get(key, "")).strip().upper())
        stated |= {said} if said else set()
    misfits = _misfits(data, stat, units)
    if any(factor != 1 for factor in units.values()):
        _check_factors(misfits, _misfits(data, stat, {}), units, headers, where)
    if misfits and min(misfits.values()) > MOST_MISFIT:
        raise ImplausibleValue(
            f"{where}: STAT is of another size than the noise of DATA by more than a million, whatever "
            "it holds; look at BSCALE, BZERO and BUNIT"
        )
    votes = stated | {by_name}
    fits_noise = _best(misfits)
    remedy = '; give cubes.stat = "variance", "std" or "inverse", whichever is right'
    if str(headers[1].get("EXTNAME", "")).strip().upper() in WEIGHTS and fits_noise != INVERSE:
        raise ImplausibleValue(
            f"{where}: the noise of DATA does not say that these weights are inverse variances{remedy}"
        )
    if len(votes) > 1:
        if fits_noise not in votes:
            raise ImplausibleValue(
                f"{where}: BUNIT = {_bunit(headers[1])!r} is not the square of that of DATA, "
                f"{_bunit(headers[0])!r}, and the noise does not decide whether STAT holds variances "
                f"or standard deviations{remedy}"
            )
        return _kind(
            fits_noise, units, "the header is inconsistent, decided from the noise of DATA"
        )
    (power,) = votes
    if fits_noise in (None, power):
        return _kind(power, units)
    if stated:
        return replace(
            _kind(power, units),
            doubt=f"{where}: its header says {NAMES[power]}, the noise of DATA fits "
            f"{NAMES[fits_noise]}{remedy}",
        )
    return _kind(fits_noise, units, "decided from the noise of DATA")


def _check_factors(
    misfits: Mapping[int, float],
    as_they_are: Mapping[int, float],
    units: Mapping[int, float],
    headers: tuple[fits.Header, fits.Header],
    where: str,
) -> None:
    """Refuse a unit that is of another size than the numbers."""
    for power, factor in units.items():
        if factor != 1 and as_they_are.get(power, 0.0) + MARGIN < misfits.get(power, 0.0):
            raise ImplausibleValue(
                f"{where}: BUNIT = {_bunit(headers[1])!r} is {factor:g} times that which belongs to "
                f"{_bunit(headers[0])!r} of DATA, but the noise fits the numbers as they are; "
                "correct BUNIT"
            )


def _kind(power: int, units: Mapping[int, float], why: str = "") -> ErrorKind:
    factor = units.get(power, 1.0)
    said = []
    if power != VARIANCE or why:
        said.append(f"STAT was taken as {NAMES[power]}{f' ({why})' if why else ''}")
    if factor != 1:
        said.append(f"STAT was multiplied by {factor:g}, the ratio of its unit to that of DATA")
    return ErrorKind(power, factor, "; ".join(said))


def _bunit(header: fits.Header) -> str:
    return str(header.get("BUNIT", "")).strip()


def _by_unit(data: fits.Header, stat: fits.Header, where: str, asked: str) -> dict[int, float]:
    """What the unit of the errors says that they are, with the factor that makes variances of them."""
    unit, own = parsed_unit(_bunit(data)), parsed_unit(_bunit(stat))
    if unit is None or own is None:
        return {}
    for power in (VARIANCE, DEVIATION, INVERSE):
        wanted = unit ** {VARIANCE: 2, DEVIATION: 1, INVERSE: -2}[power]
        if own.is_equivalent(wanted):
            factor = float(own.to(wanted)) ** power
            return {power: 1.0 if abs(factor - 1) < 1e-6 else factor}
    if asked in ASKED:
        return {}
    raise ImplausibleValue(
        f"{where}: BUNIT = {_bunit(stat)!r} is not the square of that of DATA, {_bunit(data)!r}; "
        "STAT holds variances"
    )


def _misfits(data: Layers, stat: Layers, units: Mapping[int, float]) -> dict[int, float]:
    """For each reading of the errors how far it is from the noise, as a logarithm; {}: not measured."""
    ratios: dict[int, list[float]] = {VARIANCE: [], DEVIATION: [], INVERSE: []}
    for layer in sorted({int(share * (len(data) - 2)) for share in _SAMPLED_SHARES} - {-1}):
        pairs = [cube[n] for n in (layer, layer + 1) for cube in (data, stat)]
        step = max(1, pairs[0].size // SAMPLED_PIXELS)  # rows spread over the image
        values = [np.asarray(one[::step], float) for one in pairs]
        difference = values[2] - values[0]
        known = np.all([np.isfinite(one) for one in values], axis=0) & (difference != 0)
        known &= (values[1] > 0) & (values[3] > 0)
        if np.count_nonzero(known) < MIN_PIXELS:
            continue
        noise = difference[known] - np.median(difference[known])
        for power, found in ratios.items():
            sigma = np.sqrt(
                units.get(power, 1.0) * (values[1][known] ** power + values[3][known] ** power)
            )
            found.append(float(MAD_TO_SIGMA * np.median(np.abs(noise / sigma))))
    return {
        power: float(abs(np.log(np.median(found) / TYPICAL)))
        for power, found in ratios.items()
        if found and np.median(found) > 0
    }


def _best(misfits: Mapping[int, float]) -> int | None:
    """The reading that fits the noise clearly better than the others, None if none does."""
    if len(misfits) < 2:
        return None
    best, second, *_ = sorted(misfits, key=misfits.__getitem__)
    return best if misfits[second] - misfits[best] > MARGIN else None
