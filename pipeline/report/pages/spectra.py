"""The page of spectra: every star in every aperture, and in every mode."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u

from pipeline.report.downloads.spectra_file import row_shown
from pipeline.report.figures.base import Figure
from pipeline.report.figures.spectra import (
    MAX_POINTS,
    modes_figure,
    smoothing_window,
    spectrum_figure,
)
from pipeline.report.pages.base import FigureView, Link, PageInputs, PageNumbering, PageType
from pipeline.report.rows import headline_choice, number
from pipeline.report.tables import Cell, TableView, heads
from pipeline.report.text import counted, fixed, superscript, with_error
from pipeline.schema.publications import STUDY
from pipeline.schema.results import Results, SpectrumSet


@dataclass(frozen=True)
class SpectraOf:
    """What the page shows of one campaign."""

    results: Results
    apertures: FigureView
    modes: FigureView | None
    radius_px: str
    n_exposures: int
    files: tuple[Link, ...]
    drawn: tuple[Link, ...]


def context(inputs: PageInputs, numbering: PageNumbering) -> dict[str, Any]:
    """Spectra of every star in the reference exposure, and in one exposure of every mode."""
    shown = [_spectra_of(results, numbering) for results in inputs.campaigns if results.spectra]
    levels = [
        numbering.table(_levels_table(one), one.name)
        for one in inputs.campaigns
        if "spectrum_levels" in one.tables
    ]
    return {"shown": shown, "levels": levels}


def _spectra_of(results: Results, numbering: PageNumbering) -> SpectraOf:
    modes = sorted(results.spectra, key=lambda mode: not _has_reference(results, mode))
    several = _modes_figure(results) if len(modes) > 1 else None
    return SpectraOf(
        results,
        numbering.figure(_apertures_figure(results, modes[0]), results.name),
        numbering.figure(several, results.name) if several else None,
        f"{headline_choice(results)[1]:g}",
        sum(len(one.exposure_ids) for one in results.spectra.values()),
        numbering.links(results.name, "spectra"),
        numbering.links(results.name, "spectra_drawn"),
    )


def _has_reference(results: Results, mode: str) -> bool:
    return results.reference_exposure in results.spectra[mode].exposure_ids


def _apertures_figure(results: Results, mode: str) -> Figure:
    spectra = results.spectra[mode]
    row = row_shown(results, mode)
    spacing = float(spectra.wave_aa[1] - spectra.wave_aa[0])
    step = max(1, -(-len(spectra.wave_aa) // MAX_POINTS))
    thinned = f" One in {step} samples of the raw curves is drawn." if step > 1 else ""
    gaps = ", among them the notch of the sodium lasers." if "-AO-" in mode else "."
    return spectrum_figure(
        spectra,
        row,
        spectra.star_ids,
        figure_id=f"spectra-{results.name}",
        title=_apertures_title(spectra, row, mode),
        caption=f"Exposure {spectra.exposure_ids[row]}"
        + (", the reference. " if _has_reference(results, mode) else ". ")
        + f"Thin lines: as extracted, {spacing:g} Å per sample; thick lines: running mean over "
        f"{_smoothing_aa(spacing)} Å.{thinned} Gaps are samples without data{gaps}",
        simulated=results.simulated,
        unit=unit_text(spectra),
    )


def _modes_figure(results: Results) -> Figure:
    radius_px = headline_choice(results)[1]
    rows = {mode: row_shown(results, mode) for mode in results.spectra}
    first = next(iter(results.spectra.values()))
    curves = {}
    for star in first.star_ids:
        curves[f"Star {star}"] = {
            mode: (
                spectra.wave_aa,
                spectra.flux[
                    rows[mode], spectra.star_ids.index(star), _aperture(spectra, radius_px)
                ],
            )
            for mode, spectra in results.spectra.items()
        }
    spacing = float(first.wave_aa[1] - first.wave_aa[0])
    shown = ", ".join(
        f"{results.spectra[mode].exposure_ids[row]} ({mode})" for mode, row in sorted(rows.items())
    )
    return modes_figure(
        curves,
        figure_id=f"modes-{results.name}",
        title=_modes_title(curves),
        caption=f"Running means over {_smoothing_aa(spacing)} Å, r = {radius_px:g} px, in the exposures "
        f"{shown}. "
        "Extended modes (E) begin at shorter wavelengths; adaptive optics (AO) cuts out the sodium notch.",
        simulated=results.simulated,
        unit=unit_text(first),
    )


def _apertures_title(spectra: SpectrumSet, row: int, mode: str) -> str:
    """Which share of the flux in the largest aperture the smallest one gathers."""
    order = np.argsort(spectra.radii_px)
    small, large = int(order[0]), int(order[-1])
    flux = np.asarray(spectra.flux[row], float)
    good = np.isfinite(flux[:, small]) & np.isfinite(flux[:, large])
    sums = [np.where(good, flux[:, k], 0.0).sum(axis=-1) for k in (small, large)]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = sums[0] / sums[1]
    shares = shares[np.isfinite(shares)]
    radii = [f"{spectra.radii_px[k]:g} px" for k in (small, large)]
    if not len(shares) or small == large:
        return f"No star has a spectrum in two apertures in {mode}"
    return (
        f"In {mode} an aperture of {radii[0]} holds {fixed(100 * float(np.median(shares)), 0)} % of the "
        f"flux in {radii[1]}, median of {counted(len(shares), 'star')}"
    )


def _modes_title(curves: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]) -> str:
    """By how much the level of a star differs between modes, where all of them have data."""
    spreads = []
    for modes in curves.values():
        first = max(float(wave[0]) for wave, _ in modes.values())
        last = min(float(wave[-1]) for wave, _ in modes.values())
        levels = np.array(
            [
                np.median(found) if len(found) else np.nan
                for wave, flux in modes.values()
                for found in [flux[(wave >= first) & (wave <= last) & np.isfinite(flux)]]
            ]
        )
        if np.isfinite(levels).all() and levels.mean() > 0:
            spreads.append(100 * float(np.ptp(levels) / levels.mean()))
    if not spreads:
        return "No star has a spectrum in every mode"
    return (
        f"The flux of a star differs by {fixed(float(np.median(spreads)), 0)} % between modes, median of "
        f"{counted(len(spreads), 'star')}"
    )


def _aperture(spectra: SpectrumSet, radius_px: float) -> int:
    return int(np.argmin(np.abs(np.array(spectra.radii_px) - radius_px)))


def _smoothing_aa(spacing_aa: float) -> str:
    return fixed(smoothing_window(spacing_aa) * spacing_aa, 0)


def unit_text(spectra: SpectrumSet) -> str:
    """The flux unit as people write it; as it stands in the file where it is no unit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)  # MUSE's BUNIT has two slashes
        unit = u.Unit(spectra.unit, parse_strict="silent")
    if isinstance(unit, u.UnrecognizedUnit):
        return spectra.unit
    exponent = round(float(np.log10(unit.scale))) if unit.scale > 0 else 0
    base = u.Unit(unit / unit.scale) if unit.scale != 1 else unit
    scale = f"10{superscript(exponent)} " if exponent else ""
    return f"{scale}{base.to_string('unicode', fraction=False)}"


def _levels_table(results: Results) -> TableView:
    levels = results.tables["spectrum_levels"]
    return TableView(
        f"levels-{results.name}",
        f"Levels of the example spectra of {STUDY.short}, in arbitrary units. One is "
        "the median over layers 2860 to 2985, beside the Ca II triplet; the other is within a line of it.",
        heads("spectrum_levels", "star_id", "radius_px", "level_2860_2985", "level_3000"),
        tuple(
            (
                Cell(str(row["star_id"])),
                Cell(fixed(number(row["radius_px"]), 1)),
                *(
                    Cell(with_error(number(row[name]), number(row[f"{name}_err"])))
                    for name in ("level_2860_2985", "level_3000")
                ),
            )
            for row in levels
        ),
        source="spectrum_levels",
    )


PAGE = PageType(
    name="spectra",
    title="Spectra",
    tab="Stars",
    position=310,
    description="The spectrum of every star in every aperture, as extracted and smoothed.",
    guide="Every star in every aperture.",
    context=context,
)
