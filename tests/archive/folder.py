"""The content of a test archive from a folder of raw frames, for example simulated ones.

Beside the frames and tables lie association trees as CalSelector sends them, ``*_raw2raw.xml``.
"""

import mmap

from astropy.io import fits

from pipeline.muse.association import parse_tree


class FolderWorld:
    """Rows from the headers of a folder's frames, trees and files as they are there."""

    def __init__(self, folder):
        self.proprietary = set()
        self.products = {}
        self._files = {}
        self.rows = {}
        for path in sorted(folder.glob("*.fits*")):
            name = path.name.removesuffix(".fz").removesuffix(".fits")
            self._files[name] = path
            if name.startswith("MUSE."):
                self.rows[name] = row_of(fits.getheader(path), name, path.stat().st_size)
        self._trees = {}
        for path in sorted(folder.glob("*_raw2raw.xml")):
            root = parse_tree(path.read_bytes()).root
            for science in (file.name for file in root.files):
                self._trees[science] = path.read_bytes()
                standard = self.rows[path.name.removesuffix("_raw2raw.xml")]
                start = science.removeprefix("MUSE.") + "Z"
                self.rows[science] = standard | {
                    "dp_id": science, "dp_cat": "SCIENCE", "dp_type": "OBJECT",
                    "target": "simulated", "exp_start": start, "ra": 150.0, "dec": 2.0,
                }  # fmt: skip

    def tree(self, name):
        """The XML answer to the question for an exposure."""
        return self._trees.get(
            name,
            b'<association category="CALIB" certified="true" complete="false" mode="Raw2Raw">'
            b'<mainFiles><file category="UNKNOWN" name="%s"/></mainFiles><messages><message '
            b'text="this file type is not supported"/></messages><associatedFiles/></association>'
            % name.encode(),
        )

    def file(self, name):
        """A file, mapped and not read: raw frames have gigabytes. None if it is not there."""
        path = self._files.get(name)
        if path is None:
            return None
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def row_of(header, name, size):
    """A row of the archive's catalogue from the header of a raw frame."""
    get = header.get
    return {
        "dp_id": name,
        "dp_cat": get("ESO DPR CATG"),
        "dp_type": get("ESO DPR TYPE"),
        "dp_tech": get("ESO DPR TECH"),
        "object": get("OBJECT"),
        "target": get("ESO OBS TARG NAME", ""),
        "ra": get("RA"),
        "dec": get("DEC"),
        "instrument": "MUSE",
        "ins_mode": get("ESO INS MODE"),
        "exp_start": f"{get('DATE-OBS')}Z",
        "mjd_obs": get("MJD-OBS"),
        "exposure": get("EXPTIME"),
        "tpl_start": get("ESO TPL START", ""),
        "release_date": f"{get('DATE-OBS')}Z",
        "access_estsize": size // 1000,
        "s_region": f"POSITION J2000 {get('RA')} {get('DEC')}" if "RA" in header else None,
    }
