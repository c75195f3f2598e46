"""What a cube says about missing samples other than NaN: flags in DQ, and a constant in place of data."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.errors import CubeUnreadable
from pipeline.muse.cube_images import Image, check_image, map_layers, scaling
from pipeline.muse.image_layers import Layers

NAMES = ("DQ", "MASK", "FLAGS", "QUALITY", "BADPIX")  # of extensions that flag samples
MOST_FLAGGED = 0.5  # of the samples with data, by a mask: else its 1 may stand for good data
INTEGERS = (8, 16, 32, 64)  # BITPIX
MIN_FILLED = 20  # spaxels on the rim of a layer that hold the very same number by no chance
LOOKED_AT = (0.5, 0.25, 0.75)  # of the layers: one of them is outside the notch of the lasers


def quality_flags(
    path: Path, images: Sequence[Image], shape: tuple[int, ...], mirrored: bool
) -> Layers | None:
    """Samples of the extension DQ or of a mask, anything but 0: no data; None if there is none.

    A mask of another shape than DATA, or not of integers, is of something else.

    Raises
    ------
    CubeUnreadable
        If DQ is not a cube of integers of the shape of DATA.
    """
    by_name = {one.name: one for one in reversed(images)}
    for image in (by_name[name] for name in NAMES if name in by_name):
        if image.header.get("BITPIX") in INTEGERS and image.shape == shape:
            break
        if image.name == NAMES[0]:
            raise CubeUnreadable(
                f"{path.name}[DQ]: shape {image.shape} and BITPIX {image.header.get('BITPIX')}; "
                f"integers of the shape of DATA, {shape}, expected: correct the extension or remove it"
            )
    else:
        return None
    where = check_image(path, image)
    conversion = replace(scaling(image, where), blank=None, mirrored=mirrored)
    return map_layers(path, image, conversion, where)


def check_flags(path: Path, images: Sequence[Image], data: Layers, dq: Layers) -> None:
    """Make sure that a mask flags missing data: some have 1 where data are good.

    Raises
    ------
    CubeUnreadable
        If an extension that is not called DQ flags most samples with data.
    """
    if any(one.name == NAMES[0] for one in images):
        return
    layer = len(data) // 2
    seen = np.isfinite(data[layer])
    share = float(np.mean(np.asarray(dq[layer])[seen] != 0)) if seen.any() else 0.0
    if share > MOST_FLAGGED:
        raise CubeUnreadable(
            f"{path.name}: its mask flags {100 * share:.0f} % of the samples with data; if 1 stands for "
            "good data, write 1 where data are bad, or remove the extension"
        )


def fill_value(data: Layers, stat: Layers) -> float | None:
    """The number that stands for missing data, None if there is none.

    Tools that do not know NaN write 0, or another constant, into DATA and STAT. On the rim of a
    layer many spaxels then hold the very same number in DATA, and that, 0 or less, or NaN in STAT.

    Parameters
    ----------
    data, stat : Layers, shape (wave, y, x)
        Variances that are not positive are no measurements: 0, -999 and NaN are all that stands
        beside fill values.
    """
    for share in LOOKED_AT:
        layer = int(share * (len(data) - 1))
        values, variances = (_rim(cube[layer]).astype(float) for cube in (data, stat))
        finite = np.isfinite(values)
        if not finite.any():
            continue
        numbers, counts = np.unique(values[finite], return_counts=True)
        common = numbers[counts.argmax()]
        beside = variances[values == common]
        beside = beside[np.isfinite(beside)]
        if counts.max() >= MIN_FILLED and ((beside == common) | (beside <= 0)).all():
            return float(common)
    return None


def _rim(layer: np.ndarray) -> np.ndarray:
    return np.concatenate([layer[0], layer[-1], layer[1:-1, 0], layer[1:-1, -1]])
