"""A picture of a year of nights: a row per month, four marks per night, one for each mode."""

from calendar import monthrange
from collections.abc import Mapping
from html import escape
from types import MappingProxyType

import numpy as np
from astropy.table import Table

from pipeline.archive.availability import NO_SCIENCE, SCIENCE
from pipeline.muse.modes import WIDE_MODES
from pipeline.schema.availability import column_of

CELL, GAP, LEFT, TOP = 24, 4, 48, 24  # px: a night, space between, margins
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FILLS = {SCIENCE: "#1f6f8b", NO_SCIENCE: "#f2a65a"}  # told apart also by lightness
_STYLE = "font:12px sans-serif;fill:#333"


def calendar_svg(table: Table, year: int) -> str:
    """A drawing (SVG) of the table ``availability`` for one year.

    A night is a square of two by two marks: NOAO-N, NOAO-E above, AO-N, AO-E below. Dark: a science
    exposure was taken in that mode; light: only the standard; empty: neither.
    """
    half = CELL // 2
    parts = [
        f'<text x="{LEFT + (day - 1) * (CELL + GAP) + half}" y="{TOP - 8}" text-anchor="middle" '
        f'style="{_STYLE}">{day}</text>'
        for day in range(1, 32)
    ]
    for month, name in enumerate(MONTHS):
        y = TOP + month * (CELL + GAP)
        parts.append(f'<text x="4" y="{y + half + 4}" style="{_STYLE}">{name}</text>')
        for day in range(monthrange(year, month + 1)[1]):
            x = LEFT + day * (CELL + GAP)
            parts.append(
                f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="none" stroke="#ddd"/>'
            )
    for row in table:
        date = str(row["date"])
        if not date.startswith(f"{year}-"):
            continue
        x = LEFT + (int(date[8:10]) - 1) * (CELL + GAP)
        y = TOP + (int(date[5:7]) - 1) * (CELL + GAP)
        for number, mode in enumerate(WIDE_MODES):
            value = row[column_of(mode)]
            if value is np.ma.masked:
                continue
            parts.append(
                f'<rect x="{x + number % 2 * half}" y="{y + number // 2 * half}" width="{half}" '
                f'height="{half}" fill="{FILLS[str(value)]}">'
                f"<title>{escape(f'{date} {mode}: {value}')}</title></rect>"
            )
    width, height = LEFT + 31 * (CELL + GAP), TOP + 12 * (CELL + GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Nights of {year} with the standard star, by instrument mode">'
        f"{''.join(parts)}</svg>"
    )


def page_html(
    table: Table, title: str, held: Mapping[tuple[str, str], str] = MappingProxyType({})
) -> str:
    """A page of its own with a calendar per year and the table; needs no network and no script.

    Parameters
    ----------
    held : mapping
        What the archive holds of each (night, mode): raw, product or both.
    """
    if table.meta.get("simulated"):
        title += ", SIMULATED"
    years = sorted({int(str(date)[:4]) for date in table["date"]})
    heads = "".join(f"<th>{escape(name)}</th>" for name in ("Night", *WIDE_MODES))
    rows = "".join(
        f"<tr><td>{escape(str(row['date']))}</td>"
        + "".join(
            f"<td>{_cell(row[column_of(mode)], held.get((str(row['date']), mode), ''))}</td>"
            for mode in WIDE_MODES
        )
        + "</tr>"
        for row in table
    )
    calendars = "".join(f"<h2>{year}</h2>{calendar_svg(table, year)}" for year in years)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        "<style>body{font-family:sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
        "td,th{padding:.1rem .8rem;text-align:left}</style>"
        f"<h1>{escape(title)}</h1><p>A square is a night, a quarter of it a mode: NOAO-N and NOAO-E "
        f"above, AO-N and AO-E below. Dark ({SCIENCE}): a science exposure in that mode, so that "
        f"the archive associates calibrations; light ({NO_SCIENCE}): none; empty: the star was not "
        f"observed. In the table: raw frames, a reduced cube "
        f"(product), or both.</p>{calendars}<h2>Table</h2><table><tr>{heads}</tr>{rows}</table></html>\n"
    )


def _cell(value: object, held: str) -> str:
    text = "" if value is np.ma.masked else str(value)
    return escape(f"{text} ({held})" if text and held else text or held)
