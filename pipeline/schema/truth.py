"""What was put into a simulated campaign, to hold the measurement against."""

from collections.abc import Mapping

from pipeline.schema.column import BAND, EXPOSURE_ID, MODE, NIGHT, RADIUS, STAR, Column, column

TRUTH: Mapping[str, tuple[Column, ...]] = {
    "truth_exposures": (
        EXPOSURE_ID,
        NIGHT,
        MODE,
        column("mjd_mid", "f8", "d", "Modified Julian Date (UTC) of mid-exposure", "time.epoch"),
        *(
            column(name, "f8", unit, f"affine, reference to exposure: {moved}", "stat.fit.param")
            for names, moved in (("abc", "x' = a x + b y + c"), ("def", "y' = d x + e y + f"))
            for name, unit in zip(names, ("", "", "pix"), strict=True)
        ),
        column("airmass", "f8", "", "mean of airmass at start and end", "obs.airMass"),
        column("seeing_arcsec", "f8", "arcsec", "DIMM seeing as the header has it", "instr.obsty.seeing"),
        column("fwhm_8000_px", "f8", "pix", "FWHM of the Moffat profile at 8000 Angstrom, before integration over spaxels", "phys.angSize;instr.det.psf;stat.fwhm"),
        column("beta", "f8", "", "index of the Moffat profile", "instr.det.psf"),
        column("throughput", "f8", "", "grey transmission, 1: clear", "phys.transmission;obs.atmos"),
        column("haze_mag", "f8", "mag", "aerosol extinction beyond the mean, per airmass at 5500 Angstrom", "obs.atmos.extinction"),
        column("sky_continuum", "f8", "", "sky between the lines relative to a dark sky", "phot.flux.density;instr.background;arith.ratio"),
        column("sky_lines", "f8", "", "airglow relative to its mean", "phot.flux.density;instr.background;arith.ratio"),
        column("sky_residual", "f8", "", "share of the sky that is left in every spaxel", "phot.flux.density;instr.background;arith.ratio"),
        column("refraction_px", "f8", "pix", "differential refraction left between 4750 and 7000 Angstrom", "obs.atmos.refractAngle"),
        column("event", "str", "", "cloud or vignetting, simulated on purpose; empty: none", "meta.note"),
    ),
    "truth_channels": (
        EXPOSURE_ID,
        column("channel", "i8", "", "MUSE channel (IFU) 1-24", "meta.id;instr"),
        column("response", "f8", "", "response relative to its mean over a year", "phys.transmission;arith.ratio"),
        column("slice_std", "f8", "", "standard deviation of the responses of the slices about that of the channel", "stat.stdev;phys.transmission"),
    ),
    "truth_stars": (
        STAR,
        column("x", "f8", "pix", "position in the reference catalogue, 0-based", "pos.cartesian.x;instr.det"),
        column("y", "f8", "pix", "position in the reference catalogue, 0-based", "pos.cartesian.y;instr.det"),
        column("x_light", "f8", "pix", "position of the light: differs for a blended star", "pos.cartesian.x;instr.det"),
        column("y_light", "f8", "pix", "position of the light: differs for a blended star", "pos.cartesian.y;instr.det"),
        column("flux_8000", "f8", "", "all the star's light at 8000 Angstrom above the atmosphere [cube unit]", "phot.flux.density"),
        column("variability", "f8", "", "standard deviation of the star's own ln flux; 0: constant", "stat.stdev;phot.flux"),
    ),
    "truth_fluxes": (
        EXPOSURE_ID,
        STAR,
        BAND,
        RADIUS,
        column("flux", "f8", "", "mean flux density in the passband, without noise [cube unit]", "phot.flux.density"),
        column("flux_err", "f8", "", "1 sigma of it as expected from STAT [cube unit]", "stat.error;phot.flux.density"),
        column("response", "f8", "", "flux relative to what the aperture would hold if nothing drifted and nothing vignetted", "phys.transmission;arith.ratio"),
        column("sky", "f8", "", "part of flux that sky subtraction left behind [cube unit]", "phot.flux.density;instr.background"),
        column("own", "f8", "", "light of this star alone, before the instrument [cube unit]", "phot.flux.density"),
        column("coverage", "f8", "", "share of the aperture on spaxels with data", "stat.filling"),
    ),
}  # fmt: skip
