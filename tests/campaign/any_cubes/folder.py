"""What the tests of folders do with cubes and campaigns."""

import shutil

from tests.muse.kinds import rewritten

N = 4  # plain cubes


def rows_of(campaign):
    return {str(row["exposure_id"]): row for row in campaign.gathered.exposures}


def fluxes_of(campaign):
    array = campaign.flux_array
    return {name: array.flux[k] for k, name in enumerate(array.exposure_ids)}


def put(made, folder):
    for path in made:
        shutil.copy2(path, folder)


def with_cards(source, target, cards, drop=()):
    def change(hdus):
        for key in drop:
            hdus[0].header.remove(key, ignore_missing=True)
        for key, value in cards.items():
            hdus[0].header[f"HIERARCH {key}" if " " in key else key] = value

    return rewritten(source, target, change)
