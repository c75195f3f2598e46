"""A small archive's content: observations, association trees, files. All of it is simulated.

Identities look like the archive's; frames are tiny FITS files with the checksums that real ones
have. What a test needs is added in chains: ``World().night("2019-03-09", "WFM-AO-N")``.
"""

import io
import mmap
from datetime import datetime, timedelta
from functools import lru_cache
from xml.sax.saxutils import quoteattr

import numpy as np
from astropy.io import fits

LTT3218 = (130.3854, -32.9428)
EG274 = (245.891, -39.2295)
COUNTS = {"BIAS": 5, "FLAT": 5, "ARC": 6, "SKYFLAT": 4, "ILLUM": 1}
DP_TYPES = {
    "BIAS": "BIAS",
    "FLAT": "FLAT,LAMP",
    "ARC": "WAVE",
    "SKYFLAT": "FLAT,SKY",
    "ILLUM": "FLAT,LAMP,ILLUM",
}
RAW_TYPES = {"FLAT": "LAMP_FLAT", "SKYFLAT": "SKY_FLAT"}
STATICS = {
    "BADPIX_TABLE": "M.MUSE.2018-06-22T08:23:22.730",
    "LINE_CATALOG": "M.MUSE.2016-11-18T13:03:50.433",
    "GEOMETRY_TABLE": "M.MUSE.2019-02-07T10:21:44.530",
    "ASTROMETRY_WCS": "M.MUSE.2019-02-07T10:22:01.112",
    "EXTINCT_TABLE": "M.MUSE.2014-06-13T10:14:20.005",
    "STD_FLUX_TABLE": "M.MUSE.2018-06-22T08:23:25.101",
}
MODES = ("WFM-NOAO-N", "WFM-NOAO-E", "WFM-AO-N", "WFM-AO-E")
# hours after noon of the night at which frames of a mode are taken, before and after midnight
STANDARD_HOUR = {"WFM-NOAO-N": 11.97, "WFM-NOAO-E": 12.4, "WFM-AO-N": 20.5, "WFM-AO-E": 21.2}


def dp_id(night, hours, salt=0):
    """Identity of a frame taken that many hours after noon of a night."""
    start = datetime.fromisoformat(f"{night}T12:00:00") + timedelta(hours=hours, milliseconds=salt)
    return "MUSE." + start.isoformat(timespec="milliseconds")


class World:
    """Content of a test archive; every adding method returns the world itself."""

    def __init__(self, image_px=24):
        self.rows = {}
        self.names = {}  # science exposure -> standard that its tree names
        self.supported = set()  # standards whose own tree is served
        self.incomplete = set()  # standards whose group lacks its completeness
        self.uncertified = set()
        self.lacking = {}  # standard -> tags that its group has not
        self.proprietary = set()
        self.products = {}  # reduced cubes: rows of ivoa.ObsCore, by identity
        self.cubes = {}  # reduced cubes: bytes, by identity
        self.image_px = image_px

    def standard(
        self, night, mode, *, radec=LTT3218, target="LTT 3218", hours=None, supported=False
    ):
        hours = STANDARD_HOUR[mode] if hours is None else hours
        name = self._row(night, hours, MODES.index(mode), "CALIB", "STD", mode, radec, target)
        if supported:
            self.supported.add(name)
        self.last_standard = name
        return self

    def science(self, night, mode, *, names="", hours=14.0):
        """A science exposure; its tree names that standard, the last one added by default."""
        salt = 10 + MODES.index(mode)
        while dp_id(night, hours, salt) in self.rows:
            salt += 10
        name = self._row(night, hours, salt, "SCIENCE", "OBJECT", mode, (150.0, 2.0), "COSMOS")
        self.names[name] = names or self.last_standard
        self.last_science = name
        return self

    def calibrations(self, night, mode):
        """A sequence of each kind, taken in the morning after the night."""
        for number, (tag, count) in enumerate(COUNTS.items()):
            for index in range(count):
                hours = self._calibration_hours(tag, mode, index)
                template = f"{night}T12:{number:02d}:00"
                salt = 20 + MODES.index(mode)
                self._row(
                    night, hours, salt, "CALIB", DP_TYPES[tag], mode, None, "", template + mode[-4:]
                )
        return self

    def night(self, night, mode, *, science=True, **options):
        """A standard, its calibrations and a science exposure whose tree names it."""
        self.standard(night, mode, **options).calibrations(night, mode)
        return self.science(night, mode) if science else self

    def product(self, night, mode, *, content=None, hours=None, collection="MUSE-STD", raw=True):
        """A reduced cube of the exposure at that hour, the standard's by default.

        Parameters
        ----------
        content : bytes or Path
            The file; a small cube by default.
        raw : bool
            Whether the catalogue has the raw exposure, too.
        """
        hours = STANDARD_HOUR[mode] if hours is None else hours
        salt = MODES.index(mode) + (10 if collection == "MUSE" else 0)
        start = dp_id(night, hours, salt).removeprefix("MUSE.")
        assert not raw or f"MUSE.{start}" in self.rows, start
        name = f"ADP.2021-{start[5:]}"
        mjd = (datetime.fromisoformat(start) - datetime(1858, 11, 17)) / timedelta(days=1)
        position = LTT3218
        if raw:
            row = self.rows[f"MUSE.{start}"]
            position = row["ra"], row["dec"]
        self.products[name] = {
            "dp_id": name,
            "obs_collection": collection,
            "dataproduct_type": "cube",
            "calib_level": 2,
            "target_name": "LTT3218",
            "s_ra": position[0],
            "s_dec": position[1],
            "t_min": mjd,
            "t_max": mjd + 60 / 86400,
            "t_exptime": 60.0,
            "obs_release_date": start + "Z",
            "access_estsize": 100,
            "instrument_name": "MUSE",
        }
        self.cubes[name] = small_cube(name, start, mode) if content is None else content
        self.last_product = name
        return self

    def table(self, rows):
        """The observations that a table of availability tells of, without calibrations."""
        for row in rows:
            for mode in MODES:
                value = str(row[mode.lower().replace("-", "_")])
                if value in ("SCI", "NOSCI"):
                    self.standard(str(row["date"]), mode)
                if value == "SCI":
                    self.science(str(row["date"]), mode)
        return self

    def tree(self, name):
        """The XML answer to the question for an exposure."""
        if name in self.names:
            standard = self.names[name]
            inner = self._group("STD", "STD", [standard], self._standard_groups(standard))
            return self._root("SCI_WFM", "OBJECT", name, inner)
        if name in self.supported:
            return self._root("STD", "STD", name, self._standard_groups(name))
        text = "No association could be established: this file type is not supported"
        return self._root("CALIB", "UNKNOWN", name, "", complete="false", message=text)

    def file(self, name):
        """Bytes of a file, None if the archive does not have it."""
        if name in self.rows:
            return frame(name, self.rows[name]["dp_type"], self.image_px, compressed=True)
        if name in self.cubes:
            content = self.cubes[name]
            return content if isinstance(content, bytes) else mapped(content)
        if name in STATICS.values():
            return frame(name, "STATIC", 8, compressed=False)
        return None

    def needed(self, standard):
        """Identities of all files that belong to a standard."""
        row = self.rows[standard]
        calibrations = [
            n for tag in COUNTS for n in self._files(tag, row["night"], row["ins_mode"])
        ]
        return {standard, *calibrations, *STATICS.values()}

    @staticmethod
    def static_names():
        return set(STATICS.values())

    def standards(self):
        return [name for name, row in self.rows.items() if row["dp_type"] == "STD"]

    def _row(self, night, hours, salt, category, kind, mode, radec, target, template=""):
        name = dp_id(night, hours, salt)
        assert name not in self.rows, name
        start = name.removeprefix("MUSE.")
        ra, dec = radec or (None, None)
        mjd = (datetime.fromisoformat(start) - datetime(1858, 11, 17)) / timedelta(days=1)
        self.rows[name] = {
            "night": night,  # ours: the archive has no such column
            "dp_id": name,
            "dp_cat": category,
            "dp_type": kind,
            "dp_tech": "IFU",
            "object": target if category == "SCIENCE" else kind,
            "target": target,
            "ra": ra,
            "dec": dec,
            "instrument": "MUSE",
            "ins_mode": mode,
            "exp_start": start + "Z",
            "mjd_obs": float(np.float32(mjd)),
            "exposure": 60.0,
            "tpl_start": template or start,
            "release_date": start + "Z",
            "access_estsize": 20 + len(name) % 3,
            "s_region": None if ra is None else f"POSITION J2000 {ra:.5f} {dec:.5f}",
        }
        return name

    @staticmethod
    def _calibration_hours(tag, mode, index):
        number = list(COUNTS).index(tag)
        return 22.5 + 0.3 * number + 0.01 * index + 0.0001 * MODES.index(mode)

    def _files(self, tag, night, mode):
        salt = 20 + MODES.index(mode)
        hours = (self._calibration_hours(tag, mode, index) for index in range(COUNTS[tag]))
        return [dp_id(night, hour, salt) for hour in hours]

    def _standard_groups(self, standard):
        row = self.rows[standard]
        night, mode = row["night"], row["ins_mode"]
        kept = [tag for tag in COUNTS if tag not in self.lacking.get(standard, ())]

        def group(tag, children=()):
            if tag not in kept:
                return ""
            inner = "".join(children)
            return self._group(RAW_TYPES.get(tag, tag), tag, self._files(tag, night, mode), inner)

        bias = group("BIAS", [self._group(k, k, [STATICS[k]]) for k in ("BADPIX_TABLE",)])
        flat = group("FLAT", [bias])
        arc = group("ARC", [bias, flat])
        sky = group("SKYFLAT", [bias, flat, arc])
        fixed = "".join(self._group(kind, kind, [name]) for kind, name in STATICS.items())
        return group("ILLUM") + bias + flat + arc + sky + fixed

    def _group(self, raw_type, tag, names, inner=""):
        whole = "false" if any(name in self.incomplete for name in names) else "true"
        sure = "false" if any(name in self.uncertified for name in names) else "true"
        files = "".join(f"<file category={quoteattr(tag)} name={quoteattr(n)}/>" for n in names)
        return (
            f'<association category="{raw_type}" certified="{sure}" complete="{whole}" '
            f'match="calib_plan" type="main"><mainFiles>{files}</mainFiles><messages/>'
            f"<associatedFiles>{inner}</associatedFiles></association>"
        )

    def _root(self, raw_type, tag, name, inner, complete="true", message=""):
        note = (
            f"<messages><message text={quoteattr(message)}/></messages>"
            if message
            else "<messages/>"
        )
        return (
            "<?xml version='1.0' encoding='UTF-8'?>\n"
            f'<association category="{raw_type}" certified="true" complete="{complete}" '
            f'mode="Raw2Raw" type="main"><mainFiles><file category="{tag}" name="{name}"/>'
            f"</mainFiles>{note}<associatedFiles>{inner}</associatedFiles></association>\n"
        ).encode()


def mapped(path):
    """A file, mapped and not read: cubes have gigabytes."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def product_keywords(header, name, start, mode):
    """Make a primary header that of a reduced cube, as the archive's standard for them has it."""
    cards = {
        "INSTRUME": "MUSE", "ARCFILE": f"{name}.fits", "PRODCATG": "SCIENCE.CUBE.IFS",
        "ORIGFILE": f"MU_SCBC_1134385_{start}_{mode}_OBJ.fits", "OBSTECH": "IFU",
        "FLUXCAL": "ABSOLUTE", "PROCSOFT": "muse/2.8.7", "PROV1": f"MUSE.{start}.fits",
        "NCOMBINE": 1, "REFERENC": "", "M_EPOCH": False, "SPECSYS": "BARYCENT",
    }  # fmt: skip
    for key, value in cards.items():
        header[key] = value
    header["HIERARCH SIMULATED"] = (True, "not an observation")
    header["HIERARCH ESO INS MODE"] = mode
    header["HIERARCH ESO PRO REC1 PIPE ID"] = "muse/2.8.7"
    header["HIERARCH ESO PRO REC1 RAW1 NAME"] = f"MUSE.{start}.fits"


def small_cube(name, start, mode):
    """A reduced cube of a few pixels, with checksums."""
    rng = np.random.default_rng(sum(name.encode()))
    primary = fits.PrimaryHDU()
    product_keywords(primary.header, name, start, mode)
    data = rng.normal(size=(4, 5, 6)).astype("f4")
    hdus = [primary, fits.ImageHDU(data, name="DATA"), fits.ImageHDU(data**2, name="STAT")]
    buffer = io.BytesIO()
    fits.HDUList(hdus).writeto(buffer, checksum=True)
    return buffer.getvalue()


@lru_cache(maxsize=4096)
def frame(name, dp_type, image_px, compressed):
    """A FITS file like the archive's, with checksums; noise, so that it does not compress away."""
    rng = np.random.default_rng(sum(name.encode()) * 1000 + image_px)
    image = rng.integers(0, 30000, (image_px, image_px)).astype("i2")
    primary = fits.PrimaryHDU()
    primary.header["INSTRUME"] = "MUSE"
    primary.header["HIERARCH SIMULATED"] = (True, "not an observation")
    primary.header["ARCFILE"] = f"{name}.fits"
    primary.header["HIERARCH ESO DPR TYPE"] = dp_type
    hdu = (
        fits.CompImageHDU(image, name="CHAN01", compression_type="RICE_1")
        if compressed
        else fits.ImageHDU(image, name="TABLE")
    )
    buffer = io.BytesIO()
    fits.HDUList([primary, hdu]).writeto(buffer, checksum=True)
    return buffer.getvalue()
