"""What a folder of cubes holds, at a glance: what a configuration for it must say.

Headers of all cubes, and the stars of one of them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

from pipeline.config.passbands import known_bands, load_band
from pipeline.config.setting import require
from pipeline.config.settings import (
    DetectionSettings,
    Field,
    PhotometrySettings,
    ReferenceSettings,
    Settings,
    StatisticsSettings,
)
from pipeline.config.standards import find_standard
from pipeline.errors import ExposureError, SourceUnavailable
from pipeline.measure import detect, make_reference
from pipeline.measure.astrometry import celestial_cards, sky_positions
from pipeline.measure.headline_pairs import choose_pairs
from pipeline.measure.reference import ReferenceCatalogue, reference_candidates
from pipeline.muse.cube import Cube, open_cube, read_header
from pipeline.muse.modes import MODES
from pipeline.statistics.blended import BLENDED
from pipeline.tasks.inputs import InputExposure, cubes_in

WHOLE_SKY_ARCMIN = 180 * 60.0
FIELD_ARCMIN = 3.0  # pointings closer than this are of one field, as field.radius_arcmin has it
CENTRAL_ARCSEC = 10.0  # a brightest star so near the pointing is what the observer pointed at
N_LOOKS = 5  # cubes that are opened at most
N_BRIGHTEST = 3  # stars that are suggested as targets
# Of all stars: where 0.3 are flagged, faint neighbours that are not seen make it 0.6
# (``benchmarks.own_fields.crowding``)
CROWDED_SHARE = 0.25
PREFERRED_BANDS = ("I_Bessel", "R_Bessel", "V_Bessel")


@dataclass(frozen=True)
class FieldExposures:
    """Exposures that point at one field."""

    name: str
    ra_deg: float
    dec_deg: float
    radius_arcmin: float  # that holds all of them, with a margin
    entries: tuple[InputExposure, ...]


@dataclass(frozen=True)
class FirstLook:
    """What ``init`` writes down."""

    pointings: tuple[FieldExposures, ...]  # the one with most exposures first
    modes: tuple[str, ...]
    unused: tuple[str, ...]  # why files cannot be used, a line each
    bands: tuple[str, ...]
    mask: str
    crowded: bool  # many stars have close neighbours
    catalogue: ReferenceCatalogue
    pairs: tuple[tuple[int, int], ...]  # what the rule chooses
    central_star: int  # number of the brightest star, if the pointing is at it; else 0
    brightest: tuple[int, ...]  # numbers of stars


def look_at(folder: Path) -> FirstLook:
    """The cubes of a folder: fields, modes, dates, and the stars of the best exposure.

    Raises
    ------
    SourceUnavailable
        If the folder does not exist or holds no cube, or no exposure can be used or shows stars; the
        message says why.
    """
    everything = Settings(
        field=Field("?", 0.0, 0.0, WHOLE_SKY_ARCMIN, tuple(MODES), 0.2, ""),
    )
    entries = cubes_in(folder, everything)
    usable = [one for one in entries if one.error is None and one.exposure is not None]
    unused = tuple(f"{one.exposure_id}: {one.error}" for one in entries if one.error is not None)
    if not usable:
        raise SourceUnavailable(
            f"{folder}: none of {len(entries)} files can be used, for example: "
            + "; ".join(unused[:3])
        )
    modes = _modes(usable)
    of_scale = [one for one in usable if one.exposure and one.exposure.mode in modes]
    unused += tuple(
        f"{one.exposure_id}: {one.exposure.mode} has pixels of another size; a campaign of its own"
        for one in usable
        if one.exposure and one.exposure.mode not in modes
    )
    pointings = _pointings(of_scale, folder)
    return _with_stars(pointings, modes, unused)


def _modes(usable: Sequence[InputExposure]) -> tuple[str, ...]:
    """The modes of the pixel size that most exposures have."""
    count = Counter(one.exposure.mode for one in usable if one.exposure)
    scale = Counter[float]()
    for mode, n in count.items():
        scale[MODES[mode].pixel_scale_arcsec] += n
    ((chosen, _),) = scale.most_common(1)
    return tuple(m for m in MODES if m in count and MODES[m].pixel_scale_arcsec == chosen)


def _pointings(usable: Sequence[InputExposure], folder: Path) -> tuple[FieldExposures, ...]:
    """Exposures by field: each joins the first field whose first exposure is near enough."""
    groups: list[list[tuple[InputExposure, SkyCoord, str]]] = []
    for one in usable:
        where, name = _where(one)
        for group in groups:
            if where.separation(group[0][1]).arcmin <= FIELD_ARCMIN:
                group.append((one, where, name))
                break
        else:
            groups.append([(one, where, name)])
    groups.sort(key=lambda group: -len(group))
    names = [_name(group, folder) for group in groups]
    return tuple(
        _pointing(name if names.count(name) == 1 else f"{name} {number}", group)
        for number, (name, group) in enumerate(zip(names, groups, strict=True), start=1)
    )


def _name(group: Sequence[tuple[InputExposure, SkyCoord, str]], folder: Path) -> str:
    """The commonest OBJECT of the headers, else the name of the folder."""
    named = Counter(name for _, _, name in group if name)
    name = named.most_common(1)[0][0] if named else folder.resolve().name or "field"
    standard = find_standard(name)
    return standard.name if standard else name


def _pointing(name: str, group: Sequence[tuple[InputExposure, SkyCoord, str]]) -> FieldExposures:
    vectors = np.array([one.cartesian.xyz.value for _, one, _ in group])
    centre = SkyCoord(*vectors.mean(axis=0), representation_type="cartesian").spherical
    centre = SkyCoord(centre.lon, centre.lat)
    apart = max(float(centre.separation(one).arcmin) for _, one, _ in group)
    return FieldExposures(
        name,
        float(centre.ra.deg),
        float(centre.dec.deg),
        max(FIELD_ARCMIN, round(1.5 * apart, 1)),
        tuple(one for one, _, _ in group),
    )


def _where(entry: InputExposure) -> tuple[SkyCoord, str]:
    """Where an exposure points, and the name of its object; from the WCS if the header is silent.

    Raises
    ------
    SourceUnavailable
        If the cube has no celestial coordinates at all.
    """
    assert entry.cube_path is not None
    header = read_header(entry.cube_path)
    name = " ".join(str(header.get("OBJECT", "")).split())
    values = [header.get(key) for key in ("RA", "DEC")]
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        return SkyCoord(*(float(str(one)) for one in values), unit="deg"), name
    try:
        cube = open_cube(entry.cube_path)
        middle = np.array([[n / 2 for n in cube.data.shape[:0:-1]]])
        radec = sky_positions(celestial_cards(cube), middle)[0]
    except ExposureError:
        radec = np.full(2, np.nan)
    if not np.isfinite(radec).all():
        raise SourceUnavailable(
            f"{entry.cube_path.name}: neither RA and DEC in its header nor a celestial WCS; write "
            "field.ra_deg and field.dec_deg into a copy of the shipped report.toml"
        )
    return SkyCoord(*radec, unit="deg"), name


def _with_stars(
    pointings: tuple[FieldExposures, ...], modes: tuple[str, ...], unused: tuple[str, ...]
) -> FirstLook:
    """The look completed by the stars of the first field's best exposure."""
    first = pointings[0]
    exposures = [one.exposure for one in first.entries if one.exposure]
    by_id = {one.exposure_id: one for one in first.entries}
    mask = "brightest" if find_standard(first.name) else "saturated"
    reasons = []
    for exposure_id in reference_candidates(exposures, ReferenceSettings((), N_LOOKS)):
        path = by_id[exposure_id].cube_path
        assert path is not None
        try:
            cube = open_cube(path)
            settings = _settings(first, modes, _bands(cube, modes), mask)
            detection = detect(cube, settings)
            catalogue = make_reference(exposure_id, detection, None, settings)
        except ExposureError as error:
            reasons.append(f"{exposure_id}: {error}")
            continue
        central, brightest = _suggested(catalogue, first)
        left_out = {central} if central else set()
        return FirstLook(
            pointings,
            modes,
            unused,
            settings.photometry.bands,
            mask,
            _is_crowded(catalogue),
            catalogue,
            choose_pairs(catalogue, left_out=left_out),
            central,
            brightest,
        )
    raise SourceUnavailable(f"{first.name}: no exposure shows stars: {'; '.join(reasons)}")


def _settings(
    pointing: FieldExposures, modes: tuple[str, ...], bands: tuple[str, ...], mask: str
) -> Settings:
    return Settings(
        field=Field(
            pointing.name, pointing.ra_deg, pointing.dec_deg, modes=modes, star_registry=""
        ),
        detection=DetectionSettings(mask=mask),
        photometry=PhotometrySettings(bands=bands),
        statistics=replace(StatisticsSettings(), band=bands[0], pairs=()),
    )


def _bands(cube: Cube, modes: tuple[str, ...]) -> tuple[str, ...]:
    """Passbands inside the cube, beside the sodium notch of every mode.

    Raises
    ------
    ConfigError
        If there is none.
    """
    order = [*PREFERRED_BANDS, *(name for name in known_bands() if name not in PREFERRED_BANDS)]
    low, high = float(cube.wave_aa[0]), float(cube.wave_aa[-1])
    found = []
    for name in order:
        first, last = load_band(name).range_aa
        notches = [MODES[mode].notch_aa for mode in modes]
        notched = any(notch and first < notch[1] and last > notch[0] for notch in notches)
        if low <= first and last <= high and not notched:
            found.append(name)
    require(
        bool(found),
        f"{cube.path.name}: {low:.0f} to {high:.0f} A holds none of the passbands "
        f"{', '.join(order)}; add one of your own to pipeline/config/passbands",
    )
    return tuple(found)


def _is_crowded(catalogue: ReferenceCatalogue) -> bool:
    """Whether so many stars have close neighbours that their light is what limits."""
    blended = sum(BLENDED in flags.split() for flags in catalogue.flags)
    return blended > CROWDED_SHARE * len(catalogue.flags)


def _suggested(
    catalogue: ReferenceCatalogue, pointing: FieldExposures
) -> tuple[int, tuple[int, ...]]:
    """The star that the pointing is at if it is the brightest, and the brightest stars."""
    order = np.argsort(-catalogue.flux, kind="stable")[:N_BRIGHTEST]
    brightest = tuple(int(star) for star in catalogue.star_id[order])
    radec = catalogue.radec_deg[order[0]]
    if not np.isfinite(radec).all() or find_standard(pointing.name):
        return 0, brightest
    centre = SkyCoord(pointing.ra_deg, pointing.dec_deg, unit="deg")
    apart = centre.separation(SkyCoord(*radec, unit="deg"))
    return (brightest[0] if apart <= CENTRAL_ARCSEC * u.arcsec else 0), brightest
