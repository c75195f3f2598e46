"""A commented ``report.toml`` for a folder of cubes, from a first look at it."""

import re
from collections import Counter

from pipeline.config.documentation import to_toml
from pipeline.tasks.first_look import FieldExposures, FirstLook

MAX_LISTED = 20  # nights, and files that cannot be used


def proposal(look: FirstLook) -> str:
    """The text of a configuration: what is certain is set, what is a choice is suggested."""
    first = look.pointings[0]
    parts = [
        _campaign(first),
        _field(look, first),
        _choices(look),
        _targets(look),
        *(_more_field(one) for one in look.pointings[1:]),
    ]
    return "\n".join(parts)


def _campaign(first: FieldExposures) -> str:
    nights = sorted({one.exposure.night for one in first.entries if one.exposure})
    years = sorted({night[:4] for night in nights})
    span = years[0] if len(years) == 1 else f"{years[0]}-{years[-1]}"
    slug = re.sub(r"[^a-z0-9]+", "-", first.name.lower()).strip("-") or "field"
    return f"""\
# Written by `python -m pipeline init` from the headers of the cubes and the stars of one of them.
# Every other setting has its default: the page Settings of the report explains each.

[campaign]
name = {to_toml(f"{slug[:50]}-{span}")}    # folder of the products; letters, digits, - and _
title = {to_toml(f"{first.name} with MUSE, {span}")}
"""


def _field(look: FirstLook, first: FieldExposures) -> str:
    return f"""\
[field]
name = {to_toml(first.name)}
ra_deg = {first.ra_deg:.5f}    # ICRS, mean of the pointings
dec_deg = {first.dec_deg:.5f}
radius_arcmin = {first.radius_arcmin:g}    # an exposure that points farther away is of another field
modes = {to_toml(look.modes)}
# Stars are numbered by position in the first run; later runs keep the numbers (reference/stars.ecsv in
# the work folder). Name that file here to keep them in another work folder as well.
star_registry = ""
{_comments(_dates(first))}{_comments(_unused(look))}"""


def _choices(look: FirstLook) -> str:
    named = ", ".join(f"{one}/{two}" for one, two in look.pairs) or "none"
    what = {
        "brightest": "the field's standard star is masked and not measured",
        "saturated": "only stars whose core has no data; the brightest star is measured as any other",
    }[look.mask]
    how = (
        "apertures; stars crowd: statistics start from fluxes without the light of neighbours"
        if look.crowded
        else 'apertures; "psf" fits stars and their neighbours together'
    )
    return f"""\
[detection]
mask = {to_toml(look.mask)}    # {what}

[extraction]
method = "exact"    # {how}

[reference]
# The exposure that defines positions and numbers of the stars; of those with the best seeing in their
# headers the first that shows stars.
prefer = [{to_toml(look.catalogue.exposure_id)}]

[photometry]
bands = {to_toml(look.bands)}    # inside all cubes, outside the notch of the lasers

[statistics]
band = {to_toml(look.bands[0])}
# Pairs of stars whose ratios are headlines. []: chosen by rule, the brightest stars without a flag on
# different channels; of this exposure {named}.
pairs = []
"""


def _targets(look: FirstLook) -> str:
    text = """\
# Sources whose variability is asked for: by coordinates (ICRS, degrees) or by star_id. Each gets a light
# curve against comparison stars in every passband, and in windows of its own if it names some:
# windows = [["line", 6500.0, 6600.0], ["continuum", 6300.0, 6400.0]]
"""
    row = {int(star): k for k, star in enumerate(look.catalogue.star_id)}
    for star in look.brightest:
        ra_deg, dec_deg = look.catalogue.radec_deg[row[star]]
        where = (
            [f"ra_deg = {ra_deg:.5f}", f"dec_deg = {dec_deg:.5f}"]
            if ra_deg == ra_deg
            else [f"star_id = {star}"]
        )
        is_set = star == look.central_star
        name = look.pointings[0].name if is_set else f"star {star}"
        lines = ["[[targets]]", f"name = {to_toml(name)}", *where]
        why = "the brightest star, which the telescope points at" if is_set else "a bright star"
        text += f"\n# Star {star}, {why}:\n"
        text += "".join(f"{line}\n" if is_set else f"# {line}\n" for line in lines)
    return text


def _more_field(one: FieldExposures) -> str:
    return f"""
# {len(one.entries)} exposures point elsewhere: a field of its own.
[[more_fields]]
name = {to_toml(one.name)}
ra_deg = {one.ra_deg:.5f}
dec_deg = {one.dec_deg:.5f}
"""


def _dates(first: FieldExposures) -> list[str]:
    """A line for each night: how many exposures in which modes."""
    nights: dict[str, Counter[str]] = {}
    for one in first.entries:
        if one.exposure:
            nights.setdefault(one.exposure.night, Counter())[one.exposure.mode] += 1
    lines = [
        f"{night}  " + ", ".join(f"{n} {mode}" for mode, n in sorted(nights[night].items()))
        for night in sorted(nights)
    ]
    return [f"{len(first.entries)} exposures in {len(nights)} nights:", *_shortened(lines)]


def _unused(look: FirstLook) -> list[str]:
    if not look.unused:
        return []
    return [f"{len(look.unused)} files cannot be used:", *_shortened(look.unused)]


def _shortened(lines: "list[str] | tuple[str, ...]") -> list[str]:
    shown = list(lines[:MAX_LISTED])
    return [*shown, f"and {len(lines) - len(shown)} more"] if len(lines) > len(shown) else shown


def _comments(lines: list[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)
