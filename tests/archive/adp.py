"""Reduced cubes as the archive serves them, made by the simulator, in a world of raw frames."""

from datetime import datetime

from astropy.io import fits

from pipeline.muse.cube import write_cube
from tests.archive.world import World, product_keywords


def simulated_world(folder, campaign, kinds):
    """A world with the exposures of a campaign as raw frames, products, or both.

    Parameters
    ----------
    folder : Path
        The cubes are written there.
    kinds : sequence of "raw", "product" or "both"
        What the archive has of each exposure, in their order.
    """
    world = World()
    for index, (exposure, kind) in enumerate(zip(campaign.exposures, kinds, strict=True)):
        night, mode = exposure.night, exposure.mode
        noon = datetime.fromisoformat(f"{night}T12:00:00")
        start = datetime.fromisoformat(exposure.date_obs)
        hours = (start - noon).total_seconds() / 3600
        if kind == "product":  # the raw standard is listed; its calibrations are not
            world.standard(night, mode, hours=hours)
        else:
            world.night(night, mode, hours=hours)
        if kind != "raw":
            path = folder / f"{index}.fits"
            world.product(night, mode, hours=hours, content=path)
            write_cube(path, campaign.headers(index), campaign.layers(index))
            with fits.open(path, mode="update") as hdus:
                product_keywords(
                    hdus[0].header, world.last_product, exposure.date_obs, exposure.mode
                )
                for hdu in hdus:
                    hdu.add_checksum()
            world.products[world.last_product]["access_estsize"] = path.stat().st_size // 1000
    return world
