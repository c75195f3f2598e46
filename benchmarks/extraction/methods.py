"""One way to extract, timed in a process of its own: ``python -m ...methods NAME CUBE``.

Prints one line of JSON: CPU seconds (user and system) and wall seconds after the imports, the peak
of anonymous memory in MB, and whatever the method adds. Methods that would take minutes run on a
share of the work and say by which factor their time is to be multiplied.
"""

import argparse
import json
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

RADII_PX = (1.5, 2.5, 3.5, 4.5, 5.5)
PHOTUTILS_LAYERS = 20
DEFINITION_LAYERS = 5
SAMPLE_S = 0.002
Prepared = Callable[[], dict[str, object]]


def ours(path: Path, xy: np.ndarray, mask: str = "center") -> Prepared:
    """``extract_spectra`` of this project."""
    from pipeline.measure.extraction import extract_spectra
    from pipeline.tasks.measure import import_libraries

    import_libraries()

    def work() -> dict[str, object]:
        extract_spectra(path, xy, RADII_PX, method=mask)
        return {}

    return work


def ours_exact(path: Path, xy: np.ndarray) -> Prepared:
    """The same with overlap areas instead of whole spaxels."""
    return ours(path, xy, "exact")


def check(path: Path, xy: np.ndarray) -> Prepared:
    """Largest difference to plain sums over the mask of the definition, every 37th layer."""
    from pipeline.measure.extraction import extract_spectra
    from pipeline.muse.cube import open_cube

    def work() -> dict[str, object]:
        cube = open_cube(path)
        spectra = extract_spectra(cube, xy, RADII_PX, method="center")
        layers = np.arange(0, len(cube.wave_aa), 37)
        column, row = np.arange(cube.data.shape[2]), np.arange(cube.data.shape[1])[:, None]
        worst, compared = 0.0, 0
        for star, (x, y) in enumerate(xy):
            for aperture, radius in enumerate(RADII_PX):
                inside = np.sqrt((column - x) ** 2 + (row - y) ** 2) <= radius
                for layer in layers:
                    for array, found in ((cube.data, spectra.flux), (cube.stat, spectra.variance)):
                        truth = np.nansum(array[layer][inside].astype(float))
                        worst = max(worst, abs(truth - found[star, aperture, layer]))
                        compared += 1
        return {"worst": worst, "compared": compared}

    return work


def chain(path: Path, xy: np.ndarray) -> Prepared:
    """``detect`` and ``measure``: detection image, stars, match, spectra, band fluxes."""
    from pipeline.config.settings import Settings
    from pipeline.measure import detect, make_reference, measure
    from pipeline.muse.cube import open_cube
    from pipeline.tasks.measure import import_libraries

    import_libraries()
    settings = Settings()

    def work() -> dict[str, object]:
        detection = detect(open_cube(path), settings)
        reference = make_reference("R", detection, None, settings)
        measured = measure(open_cube(path), detection, reference, settings)
        return {"stars": len(reference.star_id), "matched": measured.match.n_matched, "of": len(xy)}

    return work


def definition(path: Path, xy: np.ndarray) -> Prepared:
    """The study's way: for each star and radius a mask of the whole image, summed per layer."""
    from pipeline.muse.cube import open_cube

    def work() -> dict[str, object]:
        cube = open_cube(path)
        layers = np.linspace(0, len(cube.wave_aa) - 1, DEFINITION_LAYERS).astype(int)
        column, row = np.arange(cube.data.shape[2]), np.arange(cube.data.shape[1])[:, None]
        for x, y in xy:
            for radius in RADII_PX:
                mask = np.sqrt((column - x) ** 2 + (row - y) ** 2) <= radius
                for array in (cube.data, cube.stat):
                    for layer in layers:
                        np.nansum(array[layer] * mask)
        return {"times": len(cube.wave_aa) / DEFINITION_LAYERS}

    return work


def photutils(path: Path, xy: np.ndarray) -> Prepared:
    """``photutils.aperture_photometry``, layer by layer."""
    from photutils.aperture import CircularAperture, aperture_photometry

    from pipeline.muse.cube import open_cube

    def work() -> dict[str, object]:
        cube = open_cube(path)
        apertures = [CircularAperture(xy, radius) for radius in RADII_PX]
        for layer in np.linspace(0, len(cube.wave_aa) - 1, PHOTUTILS_LAYERS).astype(int):
            for array in (cube.data, cube.stat):
                image = np.asarray(array[layer], float)
                aperture_photometry(image, apertures, mask=np.isnan(image), method="center")
        return {"times": len(cube.wave_aa) / PHOTUTILS_LAYERS}

    return work


def mpdaf(path: Path, xy: np.ndarray) -> Prepared:
    """``mpdaf.obj.Cube.aperture`` for one star and one radius of 25 x 5."""
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    from mpdaf.obj import Cube

    def work() -> dict[str, object]:
        cube = Cube(str(path))
        cube.aperture(tuple(xy[0][::-1]), 3.5, unit_center=None, unit_radius=None, is_sum=True)
        return {"times": len(xy) * len(RADII_PX)}

    return work


METHODS = {
    "ours": ours,
    "ours_exact": ours_exact,
    "check": check,
    "chain": chain,
    "definition": definition,
    "photutils": photutils,
    "mpdaf": mpdaf,
}


class PeakOfAnonymousMemory:
    """Samples this process's anonymous resident memory in a thread."""

    def __init__(self) -> None:
        self.peak_mb, self._stop = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "PeakOfAnonymousMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            status = Path("/proc/self/status").read_text(encoding="ascii")
            line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
            self.peak_mb = max(self.peak_mb, int(line.split()[1]) / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=METHODS)
    parser.add_argument("cube", type=Path)
    parser.add_argument("--positions", type=Path, required=True, help="text file: x y per star")
    parser.add_argument("--memory", action="store_true", help="sample memory (costs time)")
    options = parser.parse_args()
    work = METHODS[options.name](options.cube, np.loadtxt(options.positions))
    result: dict[str, object] = {}
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    if options.memory:
        with PeakOfAnonymousMemory() as memory:
            result |= work()
        result["anonymous_mb"] = memory.peak_mb
    else:
        result |= work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    result["cpu_s"] = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    result["wall_s"] = time.perf_counter() - start
    print(json.dumps(result))


if __name__ == "__main__":
    main()
