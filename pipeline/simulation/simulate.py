"""A simulated campaign: everything drawn, any exposure rendered on demand, the truth known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from astropy.io import fits
from astropy.table import QTable, vstack

from pipeline.config.settings import Field, SimulationSettings
from pipeline.schema import APERTURE_RADII_PX
from pipeline.simulation import instrument, truth
from pipeline.simulation.headers import exposure_headers
from pipeline.simulation.plan import PlannedExposure, SimulatedExposure, plan_exposures
from pipeline.simulation.presets import resolve_preset
from pipeline.simulation.rendering import NoiseDraw, Rendering
from pipeline.simulation.response import ChannelResponse
from pipeline.simulation.scaling import SNR_RADIUS_PX, fluxes_for_snr
from pipeline.simulation.scene import Scene, build_scene, to_exposure
from pipeline.simulation.stars import StarSpec, catalogue_xy, light_xy, variability

_VIRTUAL_REFERENCE = PlannedExposure("2019-03-10", "WFM-AO-N")  # if no exposure is the reference


@dataclass(frozen=True)
class TruthApertures:
    """What true fluxes are summed over, so that they can be held against measured ones."""

    band_name: str
    wave_aa: np.ndarray  # (knot,) of the passband [Angstrom]
    weight: np.ndarray  # (knot,)
    radii_px: tuple[float, ...]
    method: str = "center"  # as in ``scaling.aperture_weights``


@dataclass(frozen=True)
class CampaignRealization:
    """A campaign whose every random number but the noise is drawn; small, and picklable."""

    exposures: tuple[SimulatedExposure, ...]
    stars: tuple[StarSpec, ...]
    fluxes: tuple[float, ...]  # at 8000 A [cube unit]; the standard last, in units of its own
    field: Field
    settings: SimulationSettings
    band: tuple[np.ndarray, np.ndarray]  # of the ratios in ``stars``
    band_name: str
    radii_px: tuple[float, ...]  # of the ratios in ``stars``

    def headers(self, index: int) -> tuple[fits.Header, fits.Header, fits.Header]:
        """Primary, DATA and STAT header of an exposure."""
        exposure = self.exposures[index]
        wave_aa = instrument.wave_grid(exposure.mode, self.settings.wave_step_aa)
        return exposure_headers(exposure, self.field, wave_aa)

    def layers(self, index: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """DATA and STAT of an exposure, layer by layer, float32 (y, x); NaN: no data."""
        return self.rendering(index).layers()

    def expected_layers(self, index: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Noise-free signal and variance of an exposure, layer by layer, float32 (y, x)."""
        return Rendering(self.scene(index), self.fluxes_at(index)).layers()

    def rendering(self, index: int) -> Rendering:
        """An exposure whose layers are made where they are read."""
        noise = NoiseDraw(
            self.settings.seed, self.exposures[index].exposure_id, self.settings.wave_step_aa
        )
        return Rendering(self.scene(index), self.fluxes_at(index), noise)

    def fluxes_at(self, index: int) -> np.ndarray:
        """Fluxes of the sources in an exposure, shape (source,): one star may vary."""
        ids = [star.star_id for star in self.stars]
        factors = variability(ids, self.exposures[index].mjd_mid, self.settings)
        return np.asarray(np.array(self.fluxes) * np.append(factors, 1.0))

    def scene(self, index: int) -> Scene:
        """The noise-free scene of an exposure."""
        return _scene(self.exposures[index], self.stars, self.radii_px, self.settings)

    def star_xy(self, index: int) -> np.ndarray:
        """Catalogue positions taken through the true affine of an exposure, shape (star, 2)."""
        return to_exposure(self.exposures[index].affine, catalogue_xy(self.stars))

    def exposure_fluxes(self, index: int, apertures: TruthApertures | None = None) -> QTable:
        """The rows of ``truth_fluxes`` that belong to one exposure.

        Parameters
        ----------
        index : int
            Number of the exposure.
        apertures : TruthApertures, optional
            What is summed; left out, band and radii of the given SNR, with the mask "center".
        """
        what = apertures or TruthApertures(self.band_name, *self.band, self.radii_px)
        return truth.fluxes_table(
            self.exposures[index].exposure_id,
            self.scene(index),
            self.fluxes_at(index),
            [star.star_id for star in self.stars],
            self.star_xy(index),
            what.radii_px,
            (what.wave_aa, what.weight),
            what.band_name,
            what.method,
        )

    def truth(self, *, with_fluxes: bool = True) -> dict[str, QTable]:
        """Tables ``truth_exposures``, ``truth_channels``, ``truth_stars`` and ``truth_fluxes``.

        The last takes about 0.15 s per exposure and is left out on request: a worker that has
        one exposure calls ``exposure_fluxes``.
        """
        settings = self.settings
        response = ChannelResponse.from_settings(settings)
        tables = {
            "truth_exposures": truth.exposures_table(self.exposures),
            "truth_channels": truth.channels_table(self.exposures, response),
            "truth_stars": truth.stars_table(self.stars, self.fluxes, settings),
        }
        if with_fluxes:
            parts = [self.exposure_fluxes(index) for index in range(len(self.exposures))]
            tables["truth_fluxes"] = vstack(parts, metadata_conflicts="silent")
        return tables


def simulate_campaign(
    planned: Sequence[PlannedExposure],
    stars: Sequence[StarSpec],
    field: Field,
    settings: SimulationSettings,
    *,
    band: tuple[np.ndarray, np.ndarray],
    reference_index: int | None,
    band_name: str = "I_Bessel",
    radii_px: Sequence[float] = APERTURE_RADII_PX,
    with_events: bool = True,
) -> CampaignRealization:
    """A campaign of the given nights, modes and stars.

    Parameters
    ----------
    planned : sequence of PlannedExposure
        In any order; an exposure is the same whatever else is planned.
    stars : sequence of StarSpec
        Their fluxes are found such that the expected SNR at 4.5 px equals the given one.
    field, settings
        Of ``report.toml``.
    band : (wave_aa, weight)
        Passband of the SNR and, unless others are asked for, of the truth's fluxes.
    reference_index : int or None
        Exposure that has the given positions and SNR; None: a virtual one, not in the campaign.
    band_name : str
        Name of that passband.
    radii_px : sequence of float
        Aperture radii of ``StarSpec.snr`` and of the truth; 4.5 must be among them.
    with_events : bool
        Whether two exposures of the real record's dates go wrong (a cloud, a vignetted corner).

    Raises
    ------
    ValueError
        If no set of fluxes has the given ratios, or the variable star is not among the stars.

    Examples
    --------
    >>> from pipeline.config.passbands import load_band
    >>> from pipeline.sources import simulation_plan
    >>> band = load_band("I_Bessel")
    >>> campaign = simulate_campaign(
    ...     [PlannedExposure("2019-03-10", "WFM-AO-N")],
    ...     simulation_plan().stars,
    ...     Field(),
    ...     SimulationSettings(),
    ...     band=(band.wave_aa, band.weight),
    ...     reference_index=0,
    ... )
    >>> campaign.exposures[0].exposure_id
    'MUSE.2019-03-11T02:32:18.829'
    """
    exposures = draw_exposures(planned, field, settings, reference_index, with_events)
    settings = resolve_preset(settings)
    stars, radii_px = tuple(stars), tuple(float(radius) for radius in radii_px)
    if settings.variable_star and settings.variable_star not in {star.star_id for star in stars}:
        raise ValueError(f"simulation.variable_star = {settings.variable_star}: no such star")
    band = (np.asarray(band[0], float), np.asarray(band[1], float))
    if reference_index is None:
        (reference,) = plan_exposures([_VIRTUAL_REFERENCE], field, settings, 0, False)
    else:
        reference = exposures[reference_index]
    fluxes = _fluxes(
        reference,
        stars,
        radii_px,
        replace(settings, keep_cubes=False),
        tuple(band[0].tolist()),
        tuple(band[1].tolist()),
    )
    return CampaignRealization(exposures, stars, fluxes, field, settings, band, band_name, radii_px)


def draw_exposures(
    planned: Sequence[PlannedExposure],
    field: Field,
    settings: SimulationSettings,
    reference_index: int | None,
    with_events: bool = True,
) -> tuple[SimulatedExposure, ...]:
    """The exposures of ``simulate_campaign``, with the same arguments; no image is made for them."""
    return plan_exposures(planned, field, resolve_preset(settings), reference_index, with_events)


@lru_cache(maxsize=1)  # truth, detection and measurement of one exposure ask for the same one
def _scene(
    exposure: SimulatedExposure,
    stars: tuple[StarSpec, ...],
    radii_px: tuple[float, ...],
    settings: SimulationSettings,
) -> Scene:
    ids = [star.star_id for star in stars]
    return build_scene(exposure, ids, light_xy(stars), _ratios(stars, radii_px), settings)


@lru_cache(maxsize=4)
def _fluxes(
    reference: SimulatedExposure,
    stars: tuple[StarSpec, ...],
    radii_px: tuple[float, ...],
    settings: SimulationSettings,
    band_wave_aa: tuple[float, ...],
    band_weight: tuple[float, ...],
) -> tuple[float, ...]:
    """Fluxes of the sources; kept, because every worker asks for the same ones."""
    ratios = _ratios(stars, radii_px)
    scene = _scene(reference, stars, radii_px, settings)
    band = (np.array(band_wave_aa), np.array(band_weight))
    return tuple(fluxes_for_snr(scene, catalogue_xy(stars), ratios, band).tolist())


def _ratios(stars: tuple[StarSpec, ...], radii_px: tuple[float, ...]) -> np.ndarray:
    return np.array([star.snr[radii_px.index(SNR_RADIUS_PX)] for star in stars], float)
