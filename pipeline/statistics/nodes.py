"""Weighted parameter values of the stability model: its posterior."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.statistics.kernels import window_factor


@dataclass(frozen=True)
class Nodes:
    """Parameter values (node,) with weights that sum to 1: variances of ln, tau in days."""

    slow: np.ndarray
    night: np.ndarray
    exposure: np.ndarray
    jitter: np.ndarray
    tau_days: np.ndarray
    weight: np.ndarray
    log_like: np.ndarray
    log_like_none: float  # ln L without any floor
    log_evidence: float = 0.0  # ln of the integral of likelihood times prior, up to a constant

    @property
    def evidence(self) -> float:
        """2 ln of the likelihood ratio of the best floor against none."""
        return 2.0 * (float(self.log_like.max()) - self.log_like_none)

    @property
    def floor(self) -> np.ndarray:
        """(node,) sqrt(2 [slow V(tau) + night + exposure + jitter])."""
        slow = self.slow * window_factor(self.tau_days)
        return np.asarray(np.sqrt(2 * (slow + self.night + self.exposure + self.jitter)))

    def mean(self, values: np.ndarray) -> float:
        """Posterior mean of a function of the parameters, given at the nodes."""
        return float(self.weight @ values)

    def quantile(self, values: np.ndarray, probability: np.ndarray) -> np.ndarray:
        """Posterior quantiles of a function of the parameters, given at the nodes."""
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        cumulative = np.cumsum(self.weight[order])
        return np.asarray(np.interp(probability, cumulative - self.weight[order] / 2, ordered))


def joined(parts: Sequence[Nodes]) -> Nodes:
    """One posterior of several that were equally likely before the data."""
    log_weight = np.array([part.log_evidence for part in parts])
    highest = float(log_weight.max())
    share = np.exp(log_weight - highest)
    names = ("slow", "night", "exposure", "jitter", "tau_days", "log_like")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    weight = np.concatenate([s * part.weight for s, part in zip(share, parts, strict=True)])
    return Nodes(
        **arrays,
        weight=weight / weight.sum(),
        log_like_none=max(part.log_like_none for part in parts),
        log_evidence=highest + float(np.log(share.sum())),
    )
