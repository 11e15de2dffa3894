"""Mixtures of Gaussians: everything that a generative network has to learn is known here in closed form.

A point with noise is ``alpha * x1 + sigma * eps`` with ``x1`` from the mixture and standard normal ``eps``. It stems
from a mixture again, with means ``alpha * mean`` and variances ``alpha**2 * std**2 + sigma**2``, hence all the formulas
below.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Level = float | Float[Tensor, "*batch 1"]


class GaussianMixture:
    """Weighted sum of Gaussians with diagonal covariances.

    The exact functions take points of shape ``(*batch, d)`` and compute in their precision and on their device;
    ``alpha`` and ``sigma`` are numbers, or tensors of shape ``(*batch, 1)`` with one noise level per point.

    Args:
        means: shape ``(k, d)``.
        stds: standard deviations, ``(k,)`` or ``(k, d)``, positive.
        weights: ``(k,)``, positive, with sum one; equal ones by default.

    Raises:
        ValueError: if a shape does not fit, or a number is not finite, or not positive where it must be.
    """

    def __init__(self, means, stds, weights: Sequence[float] | Tensor | None = None) -> None:
        self.means = torch.as_tensor(means, dtype=torch.float64)
        if self.means.ndim != 2 or not self.means.numel() or not self.means.isfinite().all():
            raise ValueError(f"means has the shape {tuple(self.means.shape)}, expected (k, d) with finite entries.")
        count, dimension = self.means.shape
        stds = torch.as_tensor(stds, dtype=torch.float64)
        if stds.shape not in ((count,), (count, dimension)) or not bool(((stds > 0) & stds.isfinite()).all()):
            raise ValueError(
                f"stds has the shape {tuple(stds.shape)}, expected ({count},) or ({count}, d), all positive."
            )
        self.stds = (stds if stds.ndim == 2 else stds[:, None]).expand(count, dimension).clone()
        weights = torch.full((count,), 1 / count, dtype=torch.float64) if weights is None else weights
        self.weights = torch.as_tensor(weights, dtype=torch.float64)
        if self.weights.shape != (count,) or not bool((self.weights > 0).all()) or abs(self.weights.sum() - 1) > 1e-6:
            raise ValueError(f"weights is {self.weights.tolist()}, expected {count} positive numbers with sum 1.")

    def sample(self, count: int | Sequence[int], generator: torch.Generator | None = None) -> Float[Tensor, "*batch d"]:
        """Draw ``count`` independent points (a number or a batch shape), in the default precision, on the CPU."""
        batch = (count,) if isinstance(count, int) else tuple(count)
        if min(batch) < 1:
            raise ValueError(f"count is {count}, expected positive numbers.")
        drawn = torch.multinomial(self.weights, math.prod(batch), replacement=True, generator=generator).reshape(batch)
        noise = torch.randn(*batch, self.means.shape[1], generator=generator)
        return self.means[drawn].to(noise) + self.stds[drawn].to(noise) * noise

    def _parts(self, x: Tensor, alpha: Level, sigma: Level) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return distance to and variance of each noised component, log weights, alpha, sigma, means."""
        if x.ndim < 1 or x.shape[-1] != self.means.shape[1] or not x.is_floating_point():
            raise ValueError(
                f"x has the shape {tuple(x.shape)}, expected floats of shape (*batch, {self.means.shape[1]})."
            )
        alpha, sigma = (torch.as_tensor(level, dtype=x.dtype, device=x.device) for level in (alpha, sigma))
        for level in (alpha, sigma):
            if level.ndim and level.shape[-1] != 1:
                raise ValueError(f"a noise level has the shape {tuple(level.shape)}, expected a number or (*batch, 1).")
        alpha, sigma = (level[..., None] if level.ndim else level for level in (alpha, sigma))
        means, stds, weights = self.means.to(x), self.stds.to(x), self.weights.to(x)
        return x[..., None, :] - alpha * means, (alpha * stds) ** 2 + sigma**2, weights.log(), alpha, sigma, means

    @staticmethod
    def _joint(distance: Tensor, variance: Tensor, log_weights: Tensor) -> Float[Tensor, "*batch k"]:
        """Log of weight times density, per component."""
        return log_weights - 0.5 * (distance**2 / variance + (2 * math.pi * variance).log()).sum(dim=-1)

    def log_prob(self, x: Float[Tensor, "*batch d"], alpha: Level = 1.0, sigma: Level = 0.0) -> Float[Tensor, "*batch"]:
        """Log of the density (of points with noise) at ``x``, in nats."""
        return self._joint(*self._parts(x, alpha, sigma)[:3]).logsumexp(dim=-1)

    def responsibilities(
        self, x: Float[Tensor, "*batch d"], alpha: Level = 1.0, sigma: Level = 0.0
    ) -> Float[Tensor, "*batch k"]:
        """Probability of each component, given the point ``x`` (Bayes); sums to one also far out in the tails."""
        return self._joint(*self._parts(x, alpha, sigma)[:3]).softmax(dim=-1)

    def score(self, x: Float[Tensor, "*batch d"], alpha: Level = 1.0, sigma: Level = 0.0) -> Float[Tensor, "*batch d"]:
        """Gradient of ``log_prob`` with respect to ``x``."""
        distance, variance, log_weights, *_ = self._parts(x, alpha, sigma)
        return self._mean(-distance / variance, self._joint(distance, variance, log_weights))

    def noise(self, x: Float[Tensor, "*batch d"], alpha: Level, sigma: Level) -> Float[Tensor, "*batch d"]:
        """Mean of ``eps`` given ``x = alpha x1 + sigma eps``: the best noise prediction, ``-sigma * score``."""
        sigma = torch.as_tensor(sigma, dtype=x.dtype, device=x.device)
        return -sigma * self.score(x, alpha, sigma)

    def denoised(self, x: Float[Tensor, "*batch d"], alpha: Level, sigma: Level) -> Float[Tensor, "*batch d"]:
        """Mean of ``x1`` given ``x = alpha x1 + sigma eps``: the best denoiser."""
        distance, variance, log_weights, alpha, _, means = self._parts(x, alpha, sigma)
        guess = means + alpha * self.stds.to(x) ** 2 / variance * distance
        return self._mean(guess, self._joint(distance, variance, log_weights))

    def velocity(self, x: Float[Tensor, "*batch d"], tau: Level) -> Float[Tensor, "*batch d"]:
        """Mean of ``x1 - eps`` given ``x = tau x1 + (1 - tau) eps``: the best velocity of straight paths."""
        tau = torch.as_tensor(tau, dtype=x.dtype, device=x.device)
        return self.denoised(x, tau, 1 - tau) - self.noise(x, tau, 1 - tau)

    @staticmethod
    def _mean(values: Float[Tensor, "*batch k d"], joint: Float[Tensor, "*batch k"]) -> Float[Tensor, "*batch d"]:
        return (joint.softmax(dim=-1)[..., None] * values).sum(dim=-2)

    def noised(self, alpha: float, sigma: float) -> "GaussianMixture":
        """Return the mixture of ``alpha x1 + sigma eps``.

        Raises:
            ValueError: if nothing is left (both zero), or ``sigma`` is negative.
        """
        if sigma < 0:
            raise ValueError(f"sigma is {sigma}, expected a number that is not negative.")
        return GaussianMixture(alpha * self.means, (alpha**2 * self.stds**2 + sigma**2).sqrt(), self.weights)

    def mean(self) -> Float[Tensor, " d"]:
        """Return the mean, float64."""
        return self.weights @ self.means

    def covariance(self) -> Float[Tensor, "d d"]:
        """Return the covariance matrix, float64."""
        offset = self.means - self.mean()
        return torch.diag(self.weights @ self.stds**2) + offset.T @ (self.weights[:, None] * offset)

    def expectation(self, function, points: int = 400) -> float:
        """Integrate ``function(x) * p(x)`` over the plane by the trapezoidal rule on ``points**2`` nodes, float64.

        The window reaches ten standard deviations beyond the outermost means; for smooth functions the rule converges
        faster than any power of the spacing.

        Args:
            function: maps points ``(n, 2)`` to numbers ``(n,)``.

        Raises:
            ValueError: if the mixture is not two-dimensional.
        """
        if self.means.shape[1] != 2:
            raise ValueError(f"quadrature is for two dimensions, this mixture has {self.means.shape[1]}: use samples.")
        low, high = (self.means - 10 * self.stds).amin(0), (self.means + 10 * self.stds).amax(0)
        axes = [torch.linspace(a, b, points, dtype=torch.float64) for a, b in zip(low, high, strict=True)]
        grid = torch.cartesian_prod(*axes)
        cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
        return float((self.log_prob(grid).exp() * function(grid)).sum() * cell)

    def entropy(self) -> float:
        """Return the differential entropy in nats by quadrature: no model has a lower expected NLL (two dimensions)."""
        return self.expectation(lambda x: -self.log_prob(x))


def two_gaussians(weight: float = 0.5) -> GaussianMixture:
    """Return the toy problem of the part: N((0, 0), 1) with probability ``weight``, else N((3, 2), 0.5**2)."""
    if not 0 < weight < 1:
        raise ValueError(f"weight is {weight}, expected a number between 0 and 1.")
    return GaussianMixture([[0.0, 0.0], [3.0, 2.0]], [1.0, 0.5], [weight, 1 - weight])
