"""What the CCD makes of expected electrons: noise, gain, bias, overscans, four read-out ports."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from pipeline.simulation.raw.optics import NX, NY

BORDER = 32  # width of prescan and overscan [pix]
HALF_X, HALF_Y = NX // 2, NY // 2
POISSON_LIMIT = 1e6  # [e-] far above saturation; beyond it the Poisson generator is pointless


@dataclass(frozen=True)
class Port:
    """One quadrant of the CCD and its amplifier."""

    number: int
    right: bool
    upper: bool
    gain: float  # [e-/adu]: the recipes multiply adu by it, whatever their comment says
    read_noise: float  # [e-]
    bias_adu: float


# Levels and read noise as in real biases: 1197 to 1208 adu, 2.35 e- in the median over quadrants
PORTS = (
    Port(1, right=False, upper=False, gain=1.12, read_noise=2.40, bias_adu=1200.0),
    Port(2, right=True, upper=False, gain=1.13, read_noise=2.15, bias_adu=1204.0),
    Port(3, right=True, upper=True, gain=1.10, read_noise=2.30, bias_adu=1198.0),
    Port(4, right=False, upper=True, gain=1.11, read_noise=2.60, bias_adu=1207.0),
)


def read_out(expected: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """A raw frame of one CCD [adu].

    Parameters
    ----------
    expected : ndarray, shape (NY, NX), or None
        Expected electrons; None for a bias.

    Returns
    -------
    ndarray of uint16, shape (4240, 4224)
        Each quadrant with its own prescans and overscans around it.
    """
    raw = np.empty((NY + 4 * BORDER, NX + 4 * BORDER), np.uint16)
    height, width = HALF_Y + 2 * BORDER, HALF_X + 2 * BORDER
    for port in PORTS:
        y0, x0 = HALF_Y * port.upper, HALF_X * port.right
        electrons = rng.standard_normal((height, width), dtype=np.float32)
        electrons *= np.float32(port.read_noise)
        if expected is not None:
            light = expected[y0 : y0 + HALF_Y, x0 : x0 + HALF_X]
            electrons[BORDER:-BORDER, BORDER:-BORDER] += rng.poisson(
                np.clip(light, 0, POISSON_LIMIT)
            )
        adu = electrons / np.float32(port.gain) + np.float32(port.bias_adu)
        y1, x1 = height * port.upper, width * port.right
        raw[y1 : y1 + height, x1 : x1 + width] = np.clip(np.rint(adu), 0, 65535)
    return raw


def chip_header(channel: int) -> fits.Header:
    """Header of the extension that holds one channel's CCD."""
    header = fits.Header()
    header["EXTNAME"] = f"CHAN{channel:02d}"
    chip = "HIERARCH ESO DET CHIP "
    header[chip + "NAME"] = f"CHAN{channel:02d}"
    header[chip + "ID"] = f"sim-{channel:02d}"  # must agree between raw frames and masters
    header[chip + "DATE"] = "2012-10-12"
    header[chip + "LIVE"] = True
    header[chip + "INDEX"] = channel
    header[chip + "NX"], header[chip + "NY"] = NX, NY
    for port in PORTS:
        out = f"HIERARCH ESO DET OUT{port.number} "
        header[out + "X"], header[out + "Y"] = NX if port.right else 1, NY if port.upper else 1
        header[out + "NX"], header[out + "NY"] = HALF_X, HALF_Y
        for key in ("PRSCX", "PRSCY", "OVSCX", "OVSCY"):
            header[out + key] = BORDER
        header[out + "GAIN"], header[out + "CONAD"] = port.gain, round(1 / port.gain, 4)
        header[out + "RON"] = port.read_noise
    return header
