"""Primary headers of raw frames: what the recipes, the archive and the campaign read."""

from dataclasses import dataclass, replace

import numpy as np
from astropy.io import fits
from astropy.time import Time

from pipeline.simulation.ephemeris import LATITUDE_DEG, LONGITUDE_DEG

SECONDS_PER_DEGREE = 240.0  # of hour angle
TEMPERATURE_C, HUMIDITY_PERCENT, PRESSURE_HPA = 11.75, 12.5, 746.9
LAMPS = ("CU-LAMP-B", "CU-LAMP-R", "CU-LAMP3", "CU-LAMP4", "CU-LAMP5", "CU-LAMP6")
SHUTTERS = ("ContB", "ContR", "Ne", "Xe", "HgCd", "Ne")
LAMPS_ON = {"flat": (1, 2), "HgCd": (5,), "Ne": (3,), "Xe": (4,), "": ()}
# tag of the recipes: DPR CATG, DPR TYPE, TPL ID
FRAME_TYPES = {
    "BIAS": ("CALIB", "BIAS", "MUSE_gen_cal_bias"),
    "FLAT": ("CALIB", "FLAT,LAMP", "MUSE_wfm_cal_specflat"),
    "ARC": ("CALIB", "WAVE", "MUSE_wfm_cal_wave"),
    "SKYFLAT": ("CALIB", "FLAT,SKY", "MUSE_wfm_cal_skyflat"),
    "ILLUM": ("CALIB", "FLAT,LAMP,ILLUM", "MUSE_wfm_cal_illum"),
    "STD": ("CALIB", "STD", "MUSE_wfm_cal_specphot"),
}


@dataclass(frozen=True)
class Pointing:
    """Where the telescope looks, consistently: the recipes recompute the airmass from it."""

    ra_deg: float
    dec_deg: float
    hour_angle_deg: float
    position_angle_deg: float = 0.0  # ESO INS DROT POSANG, as the recipes understand it

    @property
    def sine_altitude(self) -> float:
        """Sine of the altitude."""
        dec, lat = np.radians(self.dec_deg), np.radians(LATITUDE_DEG)
        cosine = np.cos(lat) * np.cos(dec) * np.cos(np.radians(self.hour_angle_deg))
        return float(np.sin(lat) * np.sin(dec) + cosine)

    @property
    def airmass(self) -> float:
        """Secant of the zenith distance."""
        return 1 / self.sine_altitude

    @property
    def parallactic_deg(self) -> float:
        """Angle of the zenith from north through east."""
        dec, lat, ha = np.radians([self.dec_deg, LATITUDE_DEG, self.hour_angle_deg])
        across = np.tan(lat) * np.cos(dec) - np.sin(dec) * np.cos(ha)
        return float(np.degrees(np.arctan2(np.sin(ha), across)))

    def during(self, exptime_s: float) -> tuple["Pointing", "Pointing"]:
        """The pointing at the start and at the end of an exposure."""
        half = exptime_s / SECONDS_PER_DEGREE / 2
        return (
            replace(self, hour_angle_deg=self.hour_angle_deg - half),
            replace(self, hour_angle_deg=self.hour_angle_deg + half),
        )


def instrument_temperature_c(mjd: float) -> float:
    """Temperature inside the instrument: falls by 1.5 K from evening to morning, as in June 2017."""
    return round(12.0 + 0.75 * float(np.cos(2 * np.pi * (mjd % 1 - 22 / 24))), 2)


def dp_id(mjd: float) -> str:
    """The archive's name of a frame that starts at that moment."""
    return "MUSE." + str(Time(mjd, format="mjd", precision=3).isot)


def primary_header(
    tag: str,
    mjd: float,
    exptime_s: float,
    mode: str,
    *,
    pointing: Pointing,
    lamp: str = "",
    target: str = "",
    seeing_arcsec: float = 0.8,
) -> fits.Header:
    """Primary header of a raw frame; ``pointing`` is that of mid-exposure."""
    category, kind, template = FRAME_TYPES[tag]
    time = Time(mjd, format="mjd", precision=3).isot
    start, end = pointing.during(exptime_s)
    header = fits.Header()
    for key, value in {
        "ORIGIN": "ESO-PARANAL",
        "TELESCOP": "ESO-VLT-U4",
        "INSTRUME": "MUSE",
        "HIERARCH SIMULATED": True,
        "OBJECT": target or kind,
        "RA": pointing.ra_deg,
        "DEC": pointing.dec_deg,
        "EQUINOX": 2000.0,
        "RADECSYS": "FK5",
        "EXPTIME": float(exptime_s),
        "MJD-OBS": mjd,
        "DATE-OBS": time,
        "DATE": time,
        "UTC": mjd % 1 * 86400,
        # of the start; the recipes recompute the airmass from it and warn where AIRM disagrees
        "LST": (start.ra_deg + start.hour_angle_deg) * SECONDS_PER_DEGREE % 86400,
        "ARCFILE": dp_id(mjd) + ".fits",
    }.items():
        header[key] = value
    eso = {
        "DPR CATG": category,
        "DPR TYPE": kind,
        "DPR TECH": "IFU",
        "TPL ID": template,
        "OBS PROG ID": "60.A-0000(A)",
        "OBS ID": 1,
        "OBS TARG NAME": target or kind,
        "DET BINX": 1,
        "DET BINY": 1,
        "DET READ CURID": 1,
        "DET READ CURNAME": "SCI1.0",
        "DET CHIPS": 24,
        "INS MODE": mode,
        "INS OPTI1 NAME": "Blue" if mode.endswith("-N") else "Clear",
        "INS OPTI2 NAME": "WFM",
        "INS LAMPNUM": len(LAMPS),
    }
    for number, (lamp_name, shutter) in enumerate(zip(LAMPS, SHUTTERS, strict=True), start=1):
        on = number in LAMPS_ON[lamp]
        eso[f"INS LAMP{number} NAME"], eso[f"INS LAMP{number} ST"] = lamp_name, on
        eso[f"INS SHUT{number} NAME"], eso[f"INS SHUT{number} ST"] = shutter, on
    eso |= {
        "INS DROT MODE": "SKY" if tag in ("STD", "SKYFLAT") else "STAT",
        "INS DROT POSANG": pointing.position_angle_deg,
        "INS DROT START": 0.0,
        "INS DROT END": 0.0,
        "INS TEMP4 VAL": TEMPERATURE_C,  # of the air around the instrument
        "INS TEMP7 VAL": instrument_temperature_c(mjd),
        "INS TEMP11 VAL": instrument_temperature_c(mjd),
        "TEL GEOLAT": LATITUDE_DEG,
        "TEL GEOLON": LONGITUDE_DEG,
        "TEL GEOELEV": 2648.0,
        "TEL FOCU SCALE": 1.705,
        "TEL AIRM START": round(start.airmass, 4),
        "TEL AIRM END": round(end.airmass, 4),
        "TEL ALT": float(np.degrees(np.arcsin(start.sine_altitude))),
        "TEL AZ": 0.0,
        "TEL PARANG START": start.parallactic_deg,
        "TEL PARANG END": end.parallactic_deg,
        "TEL AMBI TEMP": TEMPERATURE_C,
        "TEL AMBI RHUM": HUMIDITY_PERCENT,
    }
    for edge in ("START", "END"):
        eso[f"TEL AMBI PRES {edge}"] = PRESSURE_HPA
        eso[f"TEL AMBI FWHM {edge}"] = seeing_arcsec
    eso["TEL IA FWHM"] = eso["TEL IA FWHMLIN"] = seeing_arcsec
    for key, value in eso.items():
        header[f"HIERARCH ESO {key}"] = value
    return header
