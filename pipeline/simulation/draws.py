"""Random streams that depend on what is drawn and for whom, never on the order of drawing."""

import hashlib

import numpy as np


def stream(seed: int, *labels: object) -> np.random.Generator:
    """A generator of its own for one seed and one list of labels.

    Two streams with different labels are independent; the same labels give the same numbers in
    any process and in any order. SFC64 is the fastest of numpy's bit generators.
    """
    text = "\x1f".join(str(label) for label in labels)
    words = np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype="<u4")
    return np.random.Generator(np.random.SFC64([seed, *words.tolist()]))
