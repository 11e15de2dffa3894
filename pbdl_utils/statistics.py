"""Statistics over random seeds and of fields."""

import numpy as np
from numpy.typing import ArrayLike


def bootstrap_interval(
    values: ArrayLike, *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Return a percentile bootstrap interval of the mean (Efron 1979).

    Args:
        values: shape ``(n,)``, one value per random seed or test case, n >= 3.
        confidence: probability content of the interval, between 0 and 1.

    Raises:
        ValueError: for fewer than three values, values that are not finite, or an impossible confidence.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or values.size < 3 or not np.isfinite(values).all():
        raise ValueError(f"expected at least three finite values in one dimension, got shape {values.shape}.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, expected a number between 0 and 1.")
    draws = np.random.default_rng(seed).integers(values.size, size=(resamples, values.size))
    low, high = np.quantile(values[draws].mean(axis=1), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def convergence_order(steps: ArrayLike, errors: ArrayLike) -> float:
    """Return the least-squares slope of log(error) over log(step): the measured order of convergence.

    Args:
        steps: grid spacings or time steps, shape ``(n,)``, positive, n >= 2.
        errors: the errors that belong to them, shape ``(n,)``, positive.

    Raises:
        ValueError: if the shapes differ or a value is not positive.
    """
    steps, errors = np.asarray(steps, dtype=float), np.asarray(errors, dtype=float)
    if steps.shape != errors.shape or steps.ndim != 1 or steps.size < 2:
        raise ValueError(f"expected two equal lists of at least two values, got {steps.shape} and {errors.shape}.")
    if not (steps > 0).all() or not (errors > 0).all():
        raise ValueError("steps and errors must be positive: an error of zero has no order.")
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])
