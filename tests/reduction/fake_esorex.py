"""Stands in for esorex: makes products of the right kind in milliseconds, or fails as it is told.

A raw frame whose header holds FAKE = 'word' makes the recipe that reads it misbehave.
"""

import os
import signal
import sys
import time
from pathlib import Path

PARAMETERS = ("nifu", "saveimage", "skymethod", "save", "lambdamin", "lambdamax", "nsum")
MAKES = {
    "muse_bias": ["MASTER_BIAS"],
    "muse_flat": ["MASTER_FLAT", "TRACE_TABLE"],
    "muse_wavecal": ["WAVECAL_TABLE"],
    "muse_scibasic": ["PIXTABLE_STD"],
    "muse_standard": ["STD_RESPONSE"],
    "muse_scipost": ["DATACUBE_FINAL"],
}


def block(*cards: str) -> bytes:
    """A FITS header; values of short keywords in fixed format."""
    cards = tuple(
        f"{card[:10]}{card[10:].strip():>20}" if card[8:10] == "= " and "'" not in card else card
        for card in cards
    )
    text = "".join(card.ljust(80) for card in (*cards, "END"))
    return text.ljust(-len(text) % 2880 + len(text)).encode()


def primary(*cards: str) -> bytes:
    """A primary header without data."""
    return block("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", *cards)


def quality(recipe: str, spoilt: bool) -> list[str]:
    """The QC cards of traces and of a wavelength calibration; a spoilt one lacks a lamp."""
    if recipe == "muse_flat":
        return [f"HIERARCH ESO QC TRACE SLICE{n} MAXSLOPE = 0.001" for n in range(1, 49)]
    if recipe != "muse_wavecal":
        return ["HIERARCH ESO QC FAKE = 1.5"]
    values = {
        "LINES NID": 95 if spoilt else 102,
        "FIT NLINES": 63 if spoilt else 70,
        "FIT RMS": 0.02,
        "DWLEN BOTTOM": 14.0 if spoilt else 0.5,
        "DWLEN TOP": 0.5,
    }
    lamps = [3, 4] if spoilt else [3, 4, 5]
    return [f"HIERARCH ESO QC WAVECAL SLICE20 LAMP{n} LINES PEAK MAX = 56000.0" for n in lamps] + [
        f"HIERARCH ESO QC WAVECAL SLICE{number} {key} = {value}"
        for number in range(1, 49)
        for key, value in values.items()
    ]


def cube() -> bytes:
    """The DATA extension of a tiny cube."""
    axes = [f"NAXIS{axis}  = {2 + axis}" for axis in (1, 2, 3)]
    head = block(
        "XTENSION= 'IMAGE'",
        "BITPIX  = 8",
        "NAXIS   = 3",
        *axes,
        "PCOUNT  = 0",
        "GCOUNT  = 1",
        "EXTNAME = 'DATA'",
    )
    return head + bytes(2880)


def main() -> int:
    """Do as the real one would."""
    recipe = next(word for word in sys.argv[1:] if not word.startswith("--"))
    if "--params" in sys.argv:
        print("Recipe Parameters :")
        print("\n".join(f"  {name} : 0" for name in PARAMETERS))
        return 0
    files = [line.split() for line in Path(sys.argv[-1]).read_text().splitlines()]
    for path, _ in files:  # as in esorex, a path ends at the first blank
        head = Path(path).read_bytes()[:2880].decode("ascii", "replace")
        if "FAKE    = '" in head and ("/raw/" in str(Path(path).resolve())):
            mood = head.split("FAKE    = '")[1].split("'")[0]
            if mood.split(":")[0] in (recipe, ""):
                status = misbehave(mood.split(":")[-1])
                if status is not None:
                    return status
                break
    else:
        mood = ""
    with Path(os.environ["FAKE_CALLS"]).open("a") as calls:
        calls.write(recipe + "\n")
    started = time.monotonic()
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
    if "FAKE_SPANS" in os.environ:
        with Path(os.environ["FAKE_SPANS"]).open("a") as spans:
            spans.write(f"{started} {time.monotonic()}\n")
    Path("recipe.log").write_text("00:00:01 [WARNING] muse_fake: [tid=000] a warning\n" * 2)
    for tag in MAKES[recipe] if not mood.endswith("nothing") else []:
        cards = [f"HIERARCH ESO PRO CATG = '{tag}'", "HIERARCH ESO PRO REC1 PIPE ID = 'muse/0'"]
        content = primary(*cards, *quality(recipe, mood.endswith("spoilt")))
        Path(f"{tag}.fits").write_bytes(content + (cube() if tag == "DATACUBE_FINAL" else b""))
    return 0


def misbehave(mood: str) -> int | None:
    """Fail in the way the frame asks for; None to go on."""
    if mood == "crash":
        Path("half.fits").write_bytes(b"SIMPLE")
        os.kill(os.getpid(), signal.SIGSEGV)
    if mood == "endless":
        time.sleep(60)
    if mood == "fill":
        try:
            Path("half.fits").write_bytes(bytes(100 << 20))
        except OSError:
            return 1
    if mood == "refuse":
        Path("recipe.log").write_text(
            "00:00:01 [ ERROR ] muse_load: [tid=000] CHIP information does not match\n"
        )
        return 1
    return None


if __name__ == "__main__":
    sys.exit(main())
