"""What is measured: exposures, stars, fluxes; and which nights the archive has."""

from collections.abc import Mapping

from pipeline.schema.column import (
    APERTURE_RADII_PX,
    BAND,
    EXPOSURE_ID,
    MODE,
    NIGHT,
    RADIUS,
    STAR,
    Column,
    column,
)

MEASURED: Mapping[str, tuple[Column, ...]] = {
    "exposures": (
        EXPOSURE_ID,
        column("dp_id", "str", "", "data product id of the archive: ARCFILE, else MUSE.DATE-OBS", "meta.id"),
        NIGHT,
        MODE,
        column("mjd_mid", "f8", "d", "Modified Julian Date (UTC) of mid-exposure", "time.epoch"),
        column("airmass", "f8", "", "mean of airmass at start and end", "obs.airMass"),
        column("seeing_arcsec", "f8", "arcsec", "mean DIMM seeing at start and end", "instr.obsty.seeing"),
        column("exptime_s", "f8", "s", "exposure time", "time.duration;obs.exposure"),
        column("n_detected", "i8", "", "DAOFIND detections outside the standard's mask", "meta.number"),
        column("n_matched", "i8", "", "detections matched to reference stars", "meta.number"),
        column("a", "f8", "", "affine, reference to exposure: x' = a x + b y + c", "stat.fit.param"),
        column("b", "f8", "", "affine: x' = a x + b y + c", "stat.fit.param"),
        column("c", "f8", "pix", "affine: x' = a x + b y + c", "stat.fit.param"),
        column("d", "f8", "", "affine: y' = d x + e y + f", "stat.fit.param"),
        column("e", "f8", "", "affine: y' = d x + e y + f", "stat.fit.param"),
        column("f", "f8", "pix", "affine: y' = d x + e y + f", "stat.fit.param"),
        column("match_rms_px", "f8", "pix", "rms distance of matched stars from the affine", "stat.fit.residual"),
        column("status", "str", "", "ok, excluded (rule or reviewed flag) or failed (typed error)", "meta.code.status"),
        column("reason", "str", "", "why the status is not ok", "meta.note"),
        column("simulated", "bool", "", "true if the exposure was simulated", "meta.code"),
        column("origin", "str", "", "who made the cube: raw (reduced here), product (reduced by the observatory), cube (a file of the user's), simulated, published", "meta.code.class"),
    ),
    "recipe_calls": (
        EXPOSURE_ID,
        column("call", "str", "", "identity of the call: recipe, digest of what goes in, channel", "meta.id"),
        column("recipe", "str", "", "recipe of the MUSE pipeline", "meta.id"),
        column("channel", "i8", "", "MUSE channel (IFU) 1-24, 0: all at once", "meta.id;instr"),
        column("pipeline", "str", "", "version of the recipe, as its products say", "meta.version;meta.software"),
        column("wall_s", "f8", "s", "elapsed time", "time.duration"),
        column("cpu_s", "f8", "s", "processor time", "time.duration"),
        column("peak_rss_mb", "f8", "Mbyte", "highest resident memory", "meta.number"),
        column("size_mb", "f8", "Mbyte", "size of the products on disk", "phys.size;meta.file"),
        column("n_warnings", "i8", "", "distinct warnings in its log", "meta.number"),
        column("error", "str", "", "type and message of its failure", "meta.note"),
    ),
    "catalogue": (
        STAR,
        column("x", "f8", "pix", "position in the reference exposure, 0-based", "pos.cartesian.x;instr.det"),
        column("y", "f8", "pix", "position in the reference exposure, 0-based", "pos.cartesian.y;instr.det"),
        column("flux", "f8", "", "DAOFIND flux in the detection image [cube unit]", "phot.flux"),
        column("channel", "i8", "", "MUSE channel (IFU) 1-24 that holds most of the star, 0: unknown", "meta.id;instr"),
        column("slice", "i8", "", "slice 1-48 on the sky within the channel, 0: unknown", "meta.id;instr"),
        column("edge_distance_px", "f8", "pix", "distance to the nearest spaxel without data", "pos.angDistance;instr.pixel"),
        column("flags", "str", "", "edge, blended, near_standard, variable (Gaia DR3); space separated", "meta.code.qual"),
    ),
    "detections": (
        EXPOSURE_ID,
        column("star_id", "i8", "", "reference star that the detection is matched to, 0: none", "meta.id"),
        column("x", "f8", "pix", "DAOFIND position in the exposure, 0-based", "pos.cartesian.x;instr.det"),
        column("y", "f8", "pix", "DAOFIND position in the exposure, 0-based", "pos.cartesian.y;instr.det"),
    ),
    "photometry": (
        EXPOSURE_ID,
        STAR,
        BAND,
        RADIUS,
        column("flux", "f8", "", "mean flux density in the passband [cube unit]", "phot.flux.density"),
        column("flux_err", "f8", "", "1 sigma: photons and detector, photometry.stat_factor times STAT", "stat.error;phot.flux.density"),
        column("snr", "f8", "", "flux / flux_err", "stat.snr"),
        column("coverage", "f8", "", "share of aperture and passband weight on finite samples", "stat.filling"),
        column("flags", "str", "", "edge, gap; space separated", "meta.code.qual"),
    ),
    "spectra_drawn": (
        EXPOSURE_ID,
        MODE,
        STAR,
        RADIUS,
        column("wave_aa", "f8", "Angstrom", "air wavelength of the sample", "em.wl"),
        column("flux", "f8", "", "aperture sum of the flux density [cube unit]", "phot.flux.density"),
        column("flux_err", "f8", "", "1 sigma: photons and detector, photometry.stat_factor times STAT", "stat.error;phot.flux.density"),
    ),
    "snr": (
        STAR,
        *(
            column(
                f"r{radius}",
                "f8",
                "",
                f"I_Bessel SNR, r = {radius} px, reference exposure",
                "stat.snr",
            )
            for radius in APERTURE_RADII_PX
        ),
    ),
    "availability": (
        column("date", "str", "", "night", "time.epoch"),
        *(
            column(
                f"wfm_{mode}",
                "str",
                "",
                f"{mode}: SCI, NOSCI (no science exposure that night) or masked",
                "meta.code",
            )
            for mode in ("noao_n", "noao_e", "ao_n", "ao_e")
        ),
    ),
    "identification": (
        STAR,
        column("source_id", "str", "", "Gaia DR3 source, empty: none", "meta.id;meta.main"),
        column("separation_arcsec", "f8", "arcsec", "distance from it at the epoch", "pos.angDistance"),
        column("g_mag", "f8", "mag", "mean magnitude in Gaia's G", "phot.mag;em.opt"),
        column("bp_rp", "f8", "mag", "colour BP - RP", "phot.color"),
        column("pm_ra_masyr", "f8", "mas / yr", "proper motion along the parallel", "pos.pm;pos.eq.ra"),
        column("pm_dec_masyr", "f8", "mas / yr", "proper motion in declination", "pos.pm;pos.eq.dec"),
        column("variable", "str", "", "phot_variable_flag: VARIABLE, CONSTANT, NOT_AVAILABLE", "meta.code;src.var"),
        column("status", "str", "", "identified or not identified", "meta.code.status"),
        column("reason", "str", "", "why it is not identified", "meta.note"),
    ),
}
