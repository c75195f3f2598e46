"""What the fuzzers have in common: how many mutations, which, and the chain from a file to fluxes."""

import bz2
import gzip
import lzma
import os
import time
from collections.abc import Iterator
from itertools import count

import numpy as np
from astropy.io import fits

from pipeline.config.loader import read_settings
from pipeline.errors import ExposureError
from pipeline.measure import detect, make_reference, measure
from pipeline.muse.checksums import verify_checksums
from pipeline.muse.cube import open_cube
from pipeline.tasks.entry import declare
from pipeline.tasks.fits_products import (
    read_detection,
    read_measurement,
    write_detection,
    write_measurement,
)
from pipeline.tasks.inputs import cube_entry
from pipeline.workflow.digests import fingerprint
from tests.muse import kinds
from tests.reliability.cubes import write_config, write_exposure
from tests.reliability.mutations import mutated, mutated_fits

SECONDS = float(os.environ.get("FUZZ_SECONDS", "10"))
N_CUBES = int(os.environ.get("FUZZ_MUTATIONS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
FIRST = SEED * 10_000_000
SIDE_PX, N_WAVE = 80, 13


def seeds(n: int = N_CUBES // 5) -> Iterator[int]:
    """Numbers of mutations: as many as were asked for, or as there is time for."""
    deadline = time.monotonic() + SECONDS
    for number in count(FIRST):
        if number - FIRST >= n if n else time.monotonic() > deadline:
            return
        yield number


def fpacked(hdus):
    """DATA and STAT as fpack writes them: each row a tile, Rice-coded."""
    packed = [hdus[0]]
    for name in ("DATA", "STAT"):
        packed.append(
            fits.CompImageHDU(
                hdus[name].data, hdus[name].header, compression_type="RICE_1", quantize_level=16,
                tile_shape=(1, 8, SIDE_PX), name=name,
            )
        )  # fmt: skip
    return fits.HDUList(packed)


def with_checksums(_hdus):
    """Nothing changes but that sums are written."""


# Every third is as the MUSE pipeline writes it; the others are as other tools do
FORMS = (
    None, kinds.float64, with_checksums, None, kinds.scaled_integers, fpacked, None, kinds.data_in_primary,
    kinds.flagged_in_dq, None, kinds.wcs_to_header, kinds.other_names,
)  # fmt: skip
PACKERS = (gzip.compress, bz2.compress, lzma.compress)
PACKED = 20  # one of so many is compressed as a whole
KEPT = 7  # of one of so many the measurement is written and read back


class Chain:
    """From a file to band fluxes, as a run does it, on mutations of good cubes of many forms."""

    def __init__(self, folder):
        self.settings = read_settings(write_config(folder))
        self.path, self.product = folder / "cube.fits", folder / "product.fits"
        plain = write_exposure(folder / "plain.fits", 1, side_px=SIDE_PX, n_wave=N_WAVE)
        self.good = [self._in_form(plain, form, folder) for form in FORMS]
        detection = detect(open_cube(plain), self.settings)
        self.reference = make_reference("good", detection, None, self.settings)

    @staticmethod
    def _in_form(plain, form, folder):
        if form is None:
            return plain.read_bytes()
        target = folder / "form.fits"
        kinds.rewritten(plain, target, form, overwrite=True, checksum=form is with_checksums)
        return target.read_bytes()

    def content(self, seed):
        """A mutation: of the file, or of what is compressed in it."""
        good = self.good[seed % len(self.good)]
        if seed % PACKED:
            return mutated_fits(good, seed)
        pack = PACKERS[seed // PACKED % len(PACKERS)]
        if seed // PACKED % 2:
            return pack(mutated_fits(good, seed))
        return mutated(pack(good), seed)

    def run(self, seed):
        """The reason why a mutation has no fluxes; "" if it has."""
        return self.measured(self.content(seed), keep=seed % KEPT == 0)

    def measured(self, content, *, keep=True):
        """The reason why a file of that content has no fluxes; "" if it has.

        Parameters
        ----------
        keep : bool
            Write the measurement, and read it back: it takes as long as all the rest.
        """
        self.path.write_bytes(content)
        assert fingerprint(self.path)
        entry, _ = cube_entry(self.path, [self.settings.field])
        try:
            verify_checksums(self.path)
            said = ""
        except ExposureError as error:
            said = str(error)
        if entry.error is not None:
            return f"{entry.error} {said}"
        try:
            cube = open_cube(self.path)
            declare(cube.header, ())
            detection = self._kept(write_detection, read_detection, detect(cube, self.settings))
            found = measure(cube, detection, self.reference, self.settings)
        except ExposureError as error:
            return f"{error} {said}"
        if keep:
            ids = self.reference.star_id
            self._kept(lambda path, one: write_measurement(path, one, ids), read_measurement, found)
        for one in found.photometry:
            flux, sigma = one.fluxes.flux, one.fluxes.sigma
            assert not np.isinf(flux).any()
            assert not (sigma < 0).any()
        return ""

    def _kept(self, write, read, result):
        """A result as it comes back from its file."""
        self.product.unlink(missing_ok=True)
        write(self.product, result)
        return read(self.product)

    def run_batch(self, batch):
        """Of each mutation its CPU time and reason."""
        results = []
        for seed in batch:
            started = time.process_time()
            try:
                reason = self.run(seed)
            except Exception as error:
                raise AssertionError(f"mutation {seed} of the cube: {error!r}") from error
            results.append((seed, time.process_time() - started, reason))
        return results
