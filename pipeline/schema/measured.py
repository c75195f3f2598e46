"""What is measured: exposures, stars, fluxes; and which nights the archive has."""

from collections.abc import Mapping

from pipeline.muse.geometry import N_CHANNELS, N_SLICES
from pipeline.muse.modes import WIDE_MODES
from pipeline.schema.column import (
    BAND,
    EXPOSURE_ID,
    MODE,
    NIGHT,
    RADIUS,
    RADIUS_COLUMN,
    STAR,
    Column,
    column,
)
from pipeline.schema.definitions import BAD_PROBABILITY

NOT_A_CUBE = "not a cube"  # beginning of the reason of a file that is no exposure at all

MEASURED: Mapping[str, tuple[Column, ...]] = {
    "exposures": (
        EXPOSURE_ID,
        column("dp_id", "str", "", "data product id of the archive: ARCFILE, else MUSE.DATE-OBS", "meta.id"),
        NIGHT,
        MODE,
        column("mjd_mid", "f8", "d", "Modified Julian Date (UTC) of mid-exposure", "time.epoch"),
        column("airmass", "f8", "", "mean of airmass at start and end", "obs.airMass"),
        column("seeing_arcsec", "f8", "arcsec", "mean DIMM seeing at start and end", "instr.obsty.seeing", "seeing"),
        column("exptime_s", "f8", "s", "exposure time", "time.duration;obs.exposure", "time"),
        column("n_detected", "i8", "", "DAOFIND detections outside the masks of stars", "meta.number", "found"),
        column("n_matched", "i8", "", "detections matched to reference stars", "meta.number", "matched"),
        column("a", "f8", "", "affine, reference to exposure: x' = a x + b y + c", "stat.fit.param"),
        column("b", "f8", "", "affine: x' = a x + b y + c", "stat.fit.param"),
        column("c", "f8", "pix", "affine: x' = a x + b y + c", "stat.fit.param"),
        column("d", "f8", "", "affine: y' = d x + e y + f", "stat.fit.param"),
        column("e", "f8", "", "affine: y' = d x + e y + f", "stat.fit.param"),
        column("f", "f8", "pix", "affine: y' = d x + e y + f", "stat.fit.param"),
        column("match_rms_px", "f8", "pix", "rms distance of matched stars from the affine", "stat.fit.residual", "rms"),
        column("bad_probability", "f8", "", f"probability, from all stars, that the exposure is bad; above {BAD_PROBABILITY:g} it is left out of all statistics but std_published", "stat.probability"),
        column("status", "str", "", "ok, excluded (rule or reviewed flag; no exposure of its own) or failed (typed error)", "meta.code.status"),
        column("reason", "str", "", "why the status is not ok", "meta.note"),
        column("notes", "str", "", "what was converted when the cube was read, and which file of several was taken", "meta.note"),
        column("simulated", "bool", "", "true if the exposure was simulated", "meta.code"),
        column("origin", "str", "", "who made the cube: raw (reduced here), product (reduced by the observatory), cube (a file of the user's), simulated; of a record that is taken over, its source", "meta.code.class"),
    ),
    "reductions_compared": (
        NIGHT,
        MODE,
        EXPOSURE_ID,
        column("product_id", "str", "", "the observatory's reduction of the same exposure", "meta.id"),
        column("n_stars", "i8", "", "stars that both reductions have", "meta.number"),
        column("offset", "f8", "", "median of ln(flux here / flux of the observatory): the flux scale", "phot.flux;arith.ratio"),
        column("std", "f8", "", "standard deviation over stars of the same about its median: what it does to ratios", "stat.stdev;phot.flux", "std of ln ratio"),
        column("expected_std", "f8", "", "the same from the stated errors if both reductions had photons of their own; they have the same, so less is expected", "stat.stdev;phot.flux", "independent"),
        column("worst_star", "i8", "", "star that differs most", "meta.id"),
        column("worst_difference", "f8", "", "its ln(flux here / flux of the observatory) less the median", "phot.flux;arith.diff"),
    ),
    "calibrations": (
        EXPOSURE_ID,
        column("calibrations_way", "str", "", "how the calibrations were found: standard (its own association tree), science (the tree of a science exposure of the night), neighbour (of another night), query (assembled from the catalogue)", "meta.code"),
        column("calibrations_certified", "bool", "", "all that was used has passed the observatory's quality control", "meta.code.qual"),
        column("illum_applied", "bool", "", "an illumination flat taken near the exposure was applied", "meta.code"),
        column("twilight_applied", "bool", "", "twilight flats were applied", "meta.code"),
        column("n_channels", "i8", "", "channels that were reduced", "meta.number"),
        *(
            described
            for name, words in (
                ("bias", "biases"),
                ("flat", "lamp flats"),
                ("arc", "arc frames"),
                ("illum", "illumination flat"),
                ("skyflat", "twilight flats"),
            )
            for described in (
                column(f"{name}_frames", "i8", "", f"{words} that were used, 0 if none", "meta.number"),
                column(f"{name}_age_hours", "f8", "h", f"mean start of the {words} less that of the exposure", "time.interval"),
                column(f"{name}_temperature_difference_k", "f8", "K", f"mean temperature of the instrument during the {words} less that during the exposure", "phys.temperature"),
            )
        ),
    ),
    "recipe_calls": (
        EXPOSURE_ID,
        column("call", "str", "", "identity of the call: recipe, digest of what goes in, channel", "meta.id"),
        column("recipe", "str", "", "recipe of the MUSE pipeline", "meta.id"),
        column("channel", "i8", "", f"MUSE channel (IFU) 1-{N_CHANNELS}, 0: all at once", "meta.id;instr"),
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
        column("ra_deg", "f8", "deg", "right ascension, ICRS, from the WCS of the reference exposure, shifted to Gaia where its stars are identified", "pos.eq.ra;meta.main", "RA"),
        column("dec_deg", "f8", "deg", "declination, ICRS, likewise", "pos.eq.dec;meta.main", "Dec"),
        column("flux", "f8", "", "DAOFIND flux in the detection image [cube unit]", "phot.flux"),
        column("channel", "i8", "", f"MUSE channel (IFU) 1-{N_CHANNELS} that holds most of the star, 0: unknown", "meta.id;instr"),
        column("slice", "i8", "", f"slice 1-{N_SLICES} on the sky within the channel, 0: unknown", "meta.id;instr"),
        column("edge_distance_px", "f8", "pix", "distance to the nearest spaxel without data", "pos.angDistance;instr.pixel", "to the edge"),
        column("contamination", "f8", "", "change of ln flux that neighbours can make as seeing and positions vary", "stat.error.sys;phot.flux"),
        column("flags", "str", "", "edge, blended, near_standard (near a masked star), variable (Gaia DR3), target; space separated", "meta.code.qual"),
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
        column("flux_err", "f8", "", "1 sigma: the larger of STAT and the noise in apertures on blank sky, see noise_source", "stat.error;phot.flux.density"),
        column("snr", "f8", "", "flux / flux_err", "stat.snr"),
        column("coverage", "f8", "", "share of aperture and passband weight on finite samples", "stat.filling"),
        column("flags", "str", "", "edge, gap; space separated", "meta.code.qual"),
        column("method", "str", "", "extraction method: center, exact or psf", "meta.code"),
        column("noise_source", "str", "", "what flux_err comes from: STAT, blank sky (where it is larger), or stat_factor", "meta.code"),
        column("background_std", "f8", "", "scatter of blank sky over the field beyond its noise, not in flux_err [cube unit]; 0: none is seen", "stat.stdev;phot.flux.density"),
    ),
    "spectra_drawn": (
        EXPOSURE_ID,
        MODE,
        STAR,
        RADIUS,
        column("wave_aa", "f8", "Angstrom", "air wavelength of the sample", "em.wl"),
        column("flux", "f8", "", "aperture sum of the flux density [cube unit]", "phot.flux.density"),
        column("flux_err", "f8", "", "1 sigma of a sample from STAT as it is: photons and detector, no covariance, no photometry.stat_factor", "stat.error;phot.flux.density"),
    ),
    "snr": (
        STAR,
        column(RADIUS_COLUMN, "f8", "", "SNR in {band}, r = {radius} px, exposure {exposure}", "stat.snr"),
    ),
    "availability": (
        column("date", "str", "", "night", "time.epoch"),
        *(
            column(
                mode.lower().replace("-", "_"),
                "str",
                "",
                f"{mode}: SCI, NOSCI (no science exposure that night) or masked",
                "meta.code",
            )
            for mode in WIDE_MODES
        ),
    ),
    "identification": (
        STAR,
        column("source_id", "str", "", "Gaia DR3 source, empty: none", "meta.id;meta.main", "Gaia DR3"),
        column("ra_deg", "f8", "deg", "right ascension of the star at the epoch, ICRS, by the match of the field to Gaia", "pos.eq.ra", "RA"),
        column("dec_deg", "f8", "deg", "declination of the star at the epoch, ICRS, by the match of the field to Gaia", "pos.eq.dec", "Dec"),
        column("separation_arcsec", "f8", "arcsec", "distance from it at the epoch", "pos.angDistance", "apart"),
        column("g_mag", "f8", "mag", "mean magnitude in Gaia's G", "phot.mag;em.opt", "G"),
        column("bp_rp", "f8", "mag", "colour BP - RP", "phot.color", "BP − RP"),
        column("pm_ra_masyr", "f8", "mas / yr", "proper motion along the parallel", "pos.pm;pos.eq.ra", "μ α*"),
        column("pm_dec_masyr", "f8", "mas / yr", "proper motion in declination", "pos.pm;pos.eq.dec", "μ δ"),
        column("variable", "str", "", "phot_variable_flag: VARIABLE, CONSTANT, NOT_AVAILABLE", "meta.code;src.var", "varies"),
        column("status", "str", "", "identified or not identified", "meta.code.status"),
        column("reason", "str", "", "why it is not identified", "meta.note"),
    ),
}
