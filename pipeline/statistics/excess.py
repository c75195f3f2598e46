r"""Scatter that the measurement errors do not explain, and lines fitted with it.

Model: value_i ~ N(x_i b, err_i^2 + s^2), with b a constant or a straight line in time. s^2 is the
maximum of the restricted likelihood, that of the contrasts which do not depend on b (Patterson &
Thompson 1971, Biometrika 58, 545): without errors it is the sample variance with its degrees of
freedom, where plain maximum likelihood would be low by (n - k)/n. It is found by Fisher scoring,

    u <- max(0, u + (y'PPy - tr P) / tr PP),    u = s^2,
    P = W - W X (X'WX)^-1 X'W,    W = diag 1/(err^2 + u),

and 2 / tr PP is the variance of u. The interval [u - sigma_u, u + sigma_u], cut at 0, is turned
into one of s; the published error is its longer side, also where s = 0 is the maximum: there it
is the upper end. So s +- error always contains that interval (coverage is tested by simulation).
"""

from dataclasses import dataclass

import numpy as np

N_STEPS = 60
TOLERANCE = 1e-9  # relative to the variance of the values
MIN_SPARE_POINTS = 2  # beyond the parameters of the mean; with one, s is all but unknown


@dataclass(frozen=True)
class Excess:
    """Excess scatter of series; NaN where too few points or no errors are known."""

    std: np.ndarray  # (series,)
    err: np.ndarray  # (series,) the longer side of the 68 % interval; its upper end where std = 0


@dataclass(frozen=True)
class StraightLine:
    """Straight lines a + b x through series, weighted by errors and excess scatter."""

    slope: np.ndarray  # (series,)
    slope_err: np.ndarray  # (series,)


def excess_scatter(values: np.ndarray, errors: np.ndarray) -> Excess:
    """Scatter of each series about its mean beyond the errors.

    Parameters
    ----------
    values, errors : ndarray, shape (exposure, series)
        A value that is NaN, or whose error is, does not take part.
    """
    used = np.isfinite(values) & np.isfinite(errors)
    design = np.ones((len(values), values.shape[1], 1))
    model = _Model.of(values, errors, used, design)
    u, u_err = model.excess_variance(min_spare=MIN_SPARE_POINTS)
    std = np.sqrt(u)
    upper = np.sqrt(u + u_err) - std
    lower = std - np.sqrt(np.maximum(u - u_err, 0.0))
    return Excess(std, np.maximum(upper, lower))


def gls_line(x: np.ndarray, values: np.ndarray, errors: np.ndarray) -> StraightLine:
    """Straight line through each series, its scatter beyond the errors taken into account.

    Parameters
    ----------
    x : ndarray, shape (exposure,)
    values, errors : ndarray, shape (exposure, series)
        NaN among the values: missing.
    """
    used = np.isfinite(values)
    n = np.count_nonzero(used, axis=0)
    centre = np.where(used, x[:, np.newaxis], 0.0).sum(axis=0) / np.maximum(n, 1)
    about = np.where(used, x[:, np.newaxis] - centre, 0.0)
    span = np.abs(about).max(axis=0, initial=0.0)
    design = np.stack([np.ones_like(about), about / np.where(span > 0, span, 1.0)], axis=-1)
    fitted = (span > 0) & (n > 2)
    model = _Model.of(values, errors, used & fitted, design)
    u, _ = model.excess_variance(min_spare=1)
    weight = model.weights(np.nan_to_num(u))
    information = np.einsum("es,eskl->skl", weight, model.outer)
    information[~fitted] = np.eye(2)
    covariance = np.linalg.inv(information)
    moment = np.einsum("es,esk->sk", weight * model.y, design)
    unit = np.where(fitted, span, np.nan)
    slope = np.einsum("skl,sl->sk", covariance, moment)[:, 1] / unit
    return StraightLine(slope, np.sqrt(covariance[:, 1, 1]) / unit)


@dataclass(frozen=True)
class _Model:
    """y ~ N(design b, err^2 + u) for many series; see the module's docstring for the formulae."""

    y: np.ndarray  # (exposure, series), 0 where not used
    variance: np.ndarray  # (exposure, series), err^2, 1 where not used
    used: np.ndarray  # (exposure, series), bool
    design: np.ndarray  # (exposure, series, parameter)
    outer: np.ndarray  # (exposure, series, parameter, parameter)
    floor: np.ndarray  # (series,), least variance of a point: avoids dividing by zero

    @classmethod
    def of(
        cls, values: np.ndarray, errors: np.ndarray, used: np.ndarray, design: np.ndarray
    ) -> "_Model":
        y = np.where(used, values, 0.0)
        size = np.abs(y).max(axis=0, initial=0.0)
        return cls(
            y=y,
            variance=np.where(used, errors, 1.0) ** 2,
            used=used,
            design=design,
            outer=design[..., :, np.newaxis] * design[..., np.newaxis, :],
            floor=np.maximum(1e-12 * size, 1e-40) ** 2,  # far below any scatter
        )

    def weights(self, u: np.ndarray) -> np.ndarray:
        """1 / (err^2 + u), 0 where not used."""
        return np.where(self.used, 1.0 / np.maximum(self.variance + u, self.floor), 0.0)

    def excess_variance(self, *, min_spare: int) -> tuple[np.ndarray, np.ndarray]:
        """Excess variance u of each series and its 1 sigma; NaN with too few points."""
        n_parameters = self.design.shape[2]
        n = np.count_nonzero(self.used, axis=0)
        enough = n >= n_parameters + min_spare
        scale = self._residual_variance(enough, n)
        mean_variance = np.where(self.used, self.variance, 0.0).sum(axis=0) / np.maximum(n, 1)
        u = np.maximum(scale - mean_variance, 0.0)
        for _ in range(N_STEPS):
            score, information = self._score(u, enough)
            step = np.maximum(u + score / information, 0.0) - u
            u = u + step
            if np.all(np.abs(step) <= TOLERANCE * scale):
                break
        _, information = self._score(u, enough)
        u_err = np.sqrt(2.0 / information)
        return np.where(enough, u, np.nan), np.where(enough, u_err, np.nan)

    def _residual_variance(self, enough: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Sample variance about the unweighted fit, 0 where there are too few points."""
        n_parameters = self.design.shape[2]
        normal = np.einsum("es,eskl->skl", self.used.astype(float), self.outer)
        normal[~enough] = np.eye(n_parameters)
        moment = np.einsum("es,esk->sk", self.y, self.design)
        beta = np.einsum("skl,sl->sk", np.linalg.inv(normal), moment)
        fit = np.einsum("esk,sk->es", self.design, beta)
        residual = np.where(self.used & enough, self.y - fit, 0.0)
        variance: np.ndarray = (residual**2).sum(axis=0) / np.maximum(n - n_parameters, 1)
        return variance

    def _score(self, u: np.ndarray, enough: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """y'PPy - tr P, and tr PP; 0 and 1 where there are too few points."""
        w = self.weights(u)
        w2 = w * w
        a, b, c = (np.einsum("es,eskl->skl", power, self.outer) for power in (w, w2, w2 * w))
        a[~enough] = np.eye(self.design.shape[2])
        a_inverse = np.linalg.inv(a)
        moment = np.einsum("es,esk->sk", w * self.y, self.design)
        beta = np.einsum("skl,sl->sk", a_inverse, moment)
        py = w * (self.y - np.einsum("esk,sk->es", self.design, beta))
        ab = a_inverse @ b
        trace_p = w.sum(axis=0) - np.einsum("skk->s", ab)
        trace_pp = (
            w2.sum(axis=0)
            - 2 * np.einsum("skl,slk->s", a_inverse, c)
            + np.einsum("skl,slk->s", ab, ab)
        )
        score = np.where(enough, (py**2).sum(axis=0) - trace_p, 0.0)
        return score, np.where(enough & (trace_pp > 0), trace_pp, 1.0)
