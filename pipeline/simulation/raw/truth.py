"""What was put into simulated raw frames, as a table beside them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from astropy.table import QTable

from pipeline.muse.geometry import N_CHANNELS
from pipeline.schema import make_table
from pipeline.workflow.stamps import atomic_file

TRUTH_FILE = "truth_channels.ecsv"


def write_truth(folder: Path, responses: Mapping[str, np.ndarray]) -> Path:
    """Add the responses of the channels to those of the exposures that are already there.

    Parameters
    ----------
    responses : mapping of str to ndarray, shape (24, 48)
        Of channels and slices to the sky, relative to what the calibrations know of, by exposure.
    """
    path = folder / TRUTH_FILE
    channels = {name: one.mean(axis=1) for name, one in responses.items()}
    slices = {name: one.std(axis=1) for name, one in responses.items()}
    if path.is_file():
        for group in read_truth(path).group_by("exposure_id").groups:
            name = str(group["exposure_id"][0])
            if name not in channels:
                channels[name] = np.asarray(group["response"], float)
                slices[name] = np.asarray(group["slice_std"], float)
    names = sorted(channels)
    table = make_table(
        "truth_channels",
        {
            "exposure_id": np.repeat(names, N_CHANNELS),
            "channel": np.tile(np.arange(1, N_CHANNELS + 1), len(names)),
            "response": np.concatenate([channels[name] for name in names]),
            "slice_std": np.concatenate([slices[name] for name in names]),
        },
        simulated=True,
    )
    with atomic_file(path) as file:
        table.write(file, format="ascii.ecsv")
    return path


def read_truth(path: Path) -> QTable:
    """The table ``truth_channels`` of simulated raw frames."""
    return QTable.read(path, format="ascii.ecsv")
