"""Made-up exposures and catalogues for the tests of tasks: no cube is read, no job is run."""

import numpy as np

from pipeline.measure.reference import ReferenceCatalogue
from pipeline.muse.exposure import Exposure
from pipeline.tasks.entry import InputExposure

START_MJD = 58553.1


def exposure(
    name="A", *, mjd=START_MJD, mode="WFM-AO-N", night="2019-03-10", exptime_s=40.0, **more
):
    """An exposure; ``mjd`` is its start."""
    values = {
        "exposure_id": name, "dp_id": name, "night": night, "mode": mode,
        "mjd_mid": mjd + exptime_s / 2 / 86400, "airmass": 1.1, "seeing_arcsec": 0.8,
        "exptime_s": exptime_s, "simulated": False, "mjd_start": mjd,
    }  # fmt: skip
    return Exposure(**{**values, **more})


def entry(name="A", *, error=None, path=None, origin="cube", cube_key="", **more):
    """A usable input, or one with a reason why not."""
    return InputExposure(
        name, exposure(name, **more), error, path, origin=origin, cube_key=cube_key
    )


def catalogue(star_id=(1, 2, 3, 4), *, name="A", flux=None, radec=None, xy=None, flags=None):
    """A reference catalogue of stars on a diagonal."""
    ids = np.array(star_id)
    n = len(ids)
    places = np.column_stack([10.0 * ids, 20.0 * ids]) if xy is None else np.asarray(xy, float)
    return ReferenceCatalogue(
        name, ids, places[:, 0], places[:, 1],
        np.asarray(flux if flux is not None else 100.0 - ids, float), np.ones(n, int),
        np.ones(n, int), np.full(n, 30.0), np.zeros(n), flags or ("",) * n, ("",) * n,
        np.full((n, 2), np.nan) if radec is None else np.asarray(radec, float),
    )  # fmt: skip
