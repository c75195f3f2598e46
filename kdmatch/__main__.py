"""Match two catalogue files: ``python -m kdmatch REFERENCE TARGET``.

Exit status: 0 match, 1 no match, 2 bad input.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from kdmatch import __version__
from kdmatch._binding import LibraryMissing
from kdmatch._match import Match, NoMatch, match
from kdmatch._positions import Array
from kdmatch._tables import BadInput, matched_table, read_positions, write_table

MATCH, NO_MATCH, BAD_INPUT = range(3)

EXAMPLE = """\
example:
  python -m kdmatch night1.ecsv night2.fits --tolerance 1 --output pairs.ecsv

  reads the columns x and y (or those that photutils and SExtractor write; name others with
  --columns X Y), prints x' = a x + b y + c, y' = d x + e y + f from the first to the second
  file with 1-sigma errors, and writes one row per pair of stars.

exit status:
  0 match, 1 no match (the reason on standard error), 2 bad input
"""


def parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    p = argparse.ArgumentParser(
        prog="python -m kdmatch",
        description="The affine map between two star catalogues, or a refusal.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("reference", type=Path, help="catalogue: ECSV, FITS table or plain columns")
    p.add_argument("target", type=Path, help="catalogue to match it with")
    for option, what in (
        ("--columns", "names of the position columns in both files"),
        ("--reference-columns", "the same for the reference alone"),
        ("--target-columns", "the same for the target alone"),
    ):
        p.add_argument(option, nargs=2, metavar=("X", "Y"), help=what)
    for option, default, name, what in (
        ("--tolerance", 1.0, "PX", "greatest distance of a pair"),
        ("--max-shear", 0.1, "S", "limit of the shear"),
        ("--max-false-alarm", 1e-4, "P", "accept below this probability of chance"),
    ):
        p.add_argument(
            option, type=float, default=default, metavar=name, help=f"{what} [{default:g}]"
        )
    p.add_argument(
        "--scale",
        type=float,
        nargs=2,
        default=(0.5, 2.0),
        metavar=("LOW", "HIGH"),
        help="limits of the scale [0.5 2]",
    )
    p.add_argument("--allow-reflection", action="store_true", help="also look for mirror images")
    p.add_argument(
        "--near-translation",
        action="store_true",
        help="try scale 1 without rotation first (faster, same answer)",
    )
    p.add_argument(
        "--output", type=Path, metavar="FILE", help="write the pairs (.ecsv, .csv, .fits)"
    )
    p.add_argument("--overwrite", action="store_true", help="replace an existing output")
    p.add_argument("--version", action="version", version=f"kdmatch {__version__}")
    return p


def describe(found: Match) -> str:
    """The transformation with its errors, as printed."""
    (a, b, _), (d, e, _) = found.affine
    p, q = complex(a + e, d - b) / 2, complex(a - e, d + b) / 2
    det = a * e - b * d
    lines = [
        f"pairs            {len(found.pairs)} of {found.n_reference} reference "
        f"and {found.n_target} target stars",
        f"rms              {found.rms_px:.4f} px",
        f"error at a star  {found.departure_px:.4f} px at most where both fields overlap (1 sigma)",
        f"chance below     1e{found.log10_false_alarm:.1f}",
        f"scale            {abs(det) ** 0.5:.6f}",
        f"rotation         {np.degrees(np.angle(p if det > 0 else q)):+.4f} deg"
        + ("" if det > 0 else " after reflection in the x axis"),
        "",
        "x' = a x + b y + c,  y' = d x + e y + f",
    ]
    errors = np.sqrt(np.diag(found.covariance))
    for name, value, error in zip("abcdef", found.affine.ravel(), errors, strict=True):
        lines.append(f"{name} = {value:+.8f} +- {error:.8f}")
    return "\n".join(lines)


def _read(options: argparse.Namespace) -> tuple[Array, Array]:
    both = options.columns
    sides = (
        (options.reference, options.reference_columns),
        (options.target, options.target_columns),
    )
    reference, target = (
        read_positions(path, tuple(own or both) if own or both else None) for path, own in sides
    )
    return reference, target


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        reference, target = _read(options)
        found = match(
            reference,
            target,
            tolerance_px=options.tolerance,
            allow_reflection=options.allow_reflection,
            prior=[[1, 0, 0], [0, 1, 0]] if options.near_translation else None,
            max_false_alarm=options.max_false_alarm,
            scale_range=tuple(options.scale),
            max_shear=options.max_shear,
        )
        if options.output:
            table = matched_table(found, reference, target)
            write_table(table, options.output, overwrite=options.overwrite)
    except NoMatch as reason:
        print(f"kdmatch: {reason}", file=sys.stderr)
        return NO_MATCH
    except (BadInput, ValueError, LibraryMissing, OSError) as error:
        print(f"kdmatch: {error}", file=sys.stderr)
        return BAD_INPUT
    print(describe(found))
    return MATCH


if __name__ == "__main__":
    sys.exit(main())
