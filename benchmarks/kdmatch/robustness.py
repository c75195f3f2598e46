"""How often the right map is found, and a map where there is none.

    python -m benchmarks.kdmatch.robustness [--quick]

Prints a Markdown table; kdmatch, astroalign and the oracle (least squares on the true pairs) answer
the same catalogues in one run. About five CPU minutes, most of them astroalign's.
"""

import argparse
from collections.abc import Iterable

from benchmarks.kdmatch import settings
from kdmatch.synthetic import Pair


def oracle_row(name: str, pairs: Iterable[Pair]) -> str:
    """What least squares on the true pairs reaches."""
    score = settings.Score()
    for pair in pairs:
        score.add(pair, lambda _r, _t, p=pair: p.oracle())
    return score.row(name, "oracle")


def rows(name: str, pairs: list[Pair], *, compare: bool, oracle: bool = True) -> Iterable[str]:
    """Rows of one setting."""
    if oracle:
        yield oracle_row(name, pairs)
    for label, matcher in (("kdmatch", settings.ours), ("astroalign", settings.theirs)):
        if label == "kdmatch" or compare:
            score = settings.Score()
            for pair in pairs:
                score.add(pair, matcher)
            yield score.row(name, label)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the trials")
    quick = parser.parse_args().quick
    thirty, many = range(3 if quick else 30), range(30 if quick else 300)
    thousand = range(100 if quick else 1000)
    settings.ours(
        *[p.reference for p in settings.unrelated_pairs(25, range(2))]
    )  # load the library
    print(settings.HEADER)
    for name, pairs, compare in (
        ("27 settings, N = 25", settings.near_translations(thirty), True),
        ("27 settings, 300 fields", settings.near_translations(many), False),
        ("any affine, N = 25", settings.general_affines(thirty), True),
        ("any affine, 300 fields", settings.general_affines(many), False),
    ):
        for row in rows(name, list(pairs), compare=compare):
            print(row, flush=True)
    for n in (6, 8, 12):
        for general in (False, True):
            name = f"N = {n}, 20/20 %" + (", any affine" if general else "")
            for row in rows(name, list(settings.few_stars(n, thousand, general=general)),
                            compare=not general):  # fmt: skip
                print(row, flush=True)
    for n in (6, 8, 12, 25):
        pairs = list(settings.unrelated_pairs(n, thousand))
        for row in rows(f"unrelated, N = {n}", pairs, compare=n == 25, oracle=False):
            print(row, flush=True)


if __name__ == "__main__":
    main()
