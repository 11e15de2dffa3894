"""Physics-informed networks for functions u(x, t): a batch of small tanh networks with exact derivatives.

All networks of a batch (one per random seed) share their shape and are evaluated together. Derivatives with respect
to the coordinates are carried forward through the layers in closed form (Taylor-mode differentiation, Griewank and
Walther 2008, chapter 13): one pass gives u, u_t, u_x and u_xx, and one ordinary backward pass their gradient with
respect to the weights. Nothing is approximated; ``tests/unit/test_pinn.py`` compares with nested autograd.
"""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor, nn

from pbdl_utils.problems import VISCOSITY


class Jet(NamedTuple):
    """A function of (x, t) and its derivatives at points, each of shape ``(count, points)``."""

    u: Tensor
    u_t: Tensor
    u_x: Tensor
    u_xx: Tensor


class BatchedMLP(nn.Module):
    """``count`` independent tanh networks of the same shape, with a linear last layer.

    Shape: points ``(n, 2)``, or ``(count, n, 2)`` for points of their own, columns x and t -> ``(count, n)``.
    Parameters: one tensor ``theta`` of shape ``(count, p)``, with ``p = sum((a + 1) * b)`` over neighbouring widths
    ``a, b``; for example 3021 for ``[2] + 8 * [20] + [1]``. Weights start with Glorot's uniform distribution (2010),
    biases with zero; network i depends on ``seeds[i]`` only, whatever the size of the batch.

    Args:
        widths: units of input (2), hidden layers and output (1).
        count: number of networks; their seeds are ``0 ... count - 1`` unless ``seeds`` says otherwise.
        seeds: one seed per network.

    Raises:
        ValueError: if the widths or the number of networks make no sense.
    """

    def __init__(self, widths: Sequence[int], count: int, *, seeds: Sequence[int] | None = None) -> None:
        super().__init__()
        widths = list(widths)
        if len(widths) < 3 or widths[0] != 2 or widths[-1] != 1 or min(widths) < 1:
            raise ValueError(f"widths is {widths}, expected 2 inputs (x, t), at least one hidden layer and 1 output.")
        seeds = list(range(count)) if seeds is None else list(seeds)
        if count < 1 or len(seeds) != count:
            raise ValueError(f"count is {count} with {len(seeds)} seeds, expected one seed per network, at least one.")
        self.widths, self.count = widths, count
        self.theta = nn.Parameter(torch.stack([self._initial(seed) for seed in seeds]))

    def _initial(self, seed: int) -> Float[Tensor, " p"]:
        generator, parts = torch.Generator().manual_seed(seed), []
        for inputs, outputs in itertools.pairwise(self.widths):
            limit = math.sqrt(6 / (inputs + outputs))
            weight = torch.rand(outputs * inputs, generator=generator, dtype=torch.float64)
            parts += [limit * (2 * weight - 1), torch.zeros(outputs, dtype=torch.float64)]
        return torch.cat(parts).to(torch.get_default_dtype())

    def layers(self) -> list[tuple[Float[Tensor, "count out in"], Float[Tensor, "count out 1"]]]:
        """Return weights and biases of all layers, as views of ``theta``."""
        pairs = list(itertools.pairwise(self.widths))
        parts = self.theta.split([size for a, b in pairs for size in (a * b, b)], dim=1)
        triples = zip(parts[::2], parts[1::2], pairs, strict=True)
        return [(weight.view(-1, b, a), bias.unsqueeze(-1)) for weight, bias, (a, b) in triples]

    def forward(self, points: Float[Tensor, "*count n 2"]) -> Float[Tensor, "count n"]:
        """Return u at the points."""
        hidden = _columns(self, points)
        *inner, (weight, bias) = self.layers()
        for inner_weight, inner_bias in inner:
            hidden = torch.tanh(torch.baddbmm(inner_bias, inner_weight, hidden))
        return torch.baddbmm(bias, weight, hidden).squeeze(1)


def _columns(network: BatchedMLP, points: Tensor) -> Float[Tensor, "count 2 n"]:
    if points.shape[-1] != 2 or points.ndim not in (2, 3) or (points.ndim == 3 and len(points) != network.count):
        raise ValueError(
            f"points has shape {tuple(points.shape)}, expected (n, 2) or ({network.count}, n, 2) with columns x and t."
        )
    return points.expand(network.count, -1, -1).mT


class _TanhJet(torch.autograd.Function):
    """tanh(jet + bias) for a jet with the channels value, t, x, xx; the derivative rules are worked out by hand."""

    @staticmethod
    def forward(ctx, z: Float[Tensor, "count width 4 n"], bias: Float[Tensor, "count width 1"]) -> Tensor:
        z, z_t, z_x, z_xx = z.unbind(2)
        y = torch.tanh(z + bias)
        slope = torch.addcmul(torch.ones((), dtype=y.dtype, device=y.device), y, y, value=-1)  # tanh'
        square = z_x * z_x
        out = torch.stack([y, slope * z_t, slope * z_x, slope * torch.addcmul(z_xx, y, square, value=-2)], dim=2)
        ctx.save_for_backward(y, slope, square, z_t, z_x, z_xx)
        return out

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        y, slope, square, z_t, z_x, z_xx = ctx.saved_tensors
        g, g_t, g_x, g_xx = gradient.unbind(2)
        out = torch.empty_like(gradient)
        torch.mul(slope, g_t, out=out[:, :, 1])
        torch.mul(slope, g_xx, out=out[:, :, 3])
        torch.mul(slope, torch.addcmul(g_x, y * z_x, g_xx, value=-4), out=out[:, :, 2])
        total = (z_t * g_t).addcmul_(z_x, g_x).addcmul_(z_xx, g_xx).mul_(y).mul_(-2).add_(g)
        total.addcmul_(square * g_xx, 4 - 6 * slope)  # 6 y^2 - 2, from the third derivative of tanh
        torch.mul(slope, total, out=out[:, :, 0])
        return out, out[:, :, 0].sum(-1, keepdim=True)


def jet(network: BatchedMLP, points: Float[Tensor, "*count n 2"]) -> Jet:
    """Return u, u_t, u_x, u_xx of all networks at the points, each of shape ``(count, n)``.

    Exact to rounding, differentiable once with respect to the weights (not with respect to the points). Points are
    given as ``(n, 2)``, or ``(count, n, 2)`` for points of their own, columns x and t; other shapes raise ValueError.
    """
    coordinates = _columns(network, points)
    count, _, n = coordinates.shape
    (weight, bias), *others = network.layers()
    value = torch.bmm(weight, coordinates)  # (count, width, n)
    slope_x, slope_t = (weight[:, :, i : i + 1].expand_as(value) for i in (0, 1))
    channels = torch.stack([value, slope_t, slope_x, torch.zeros_like(value)], dim=2)
    for weight, next_bias in others:
        hidden = _TanhJet.apply(channels, bias)
        channels = torch.bmm(weight, hidden.view(count, -1, 4 * n)).view(count, -1, 4, n)
        bias = next_bias
    u, u_t, u_x, u_xx = channels[:, 0].unbind(1)
    return Jet(u + bias[:, 0], u_t, u_x, u_xx)


def burgers_residual(values: Jet, viscosity: float = VISCOSITY) -> Float[Tensor, "count n"]:
    """Return R = u_t + u u_x - nu u_xx."""
    return values.u_t + values.u * values.u_x - viscosity * values.u_xx


@torch.no_grad()
def lbfgs(
    theta: Float[Tensor, "count p"],
    loss: Callable[[], Float[Tensor, " count"]],
    iterations: int,
    *,
    memory: int = 50,
    keep_going: Callable[[], bool] = lambda: True,
) -> list[Float[Tensor, " count"]]:
    """Minimise independent losses with limited-memory BFGS (Liu and Nocedal 1989), all rows of ``theta`` at once.

    Each row has its own curvature pairs (those without positive curvature are left out) and its own backtracking
    line search with Armijo's rule. A row whose line search fails stays where it is and forgets its pairs. Returns the
    losses before each step and after the last one.

    Args:
        theta: the unknowns, one row per problem; changed in place.
        loss: returns one loss per row; row i must depend on row i of ``theta`` only.
        iterations: number of steps.
        memory: number of curvature pairs kept.
        keep_going: asked before each step; return False to stop early.
    """

    def evaluate() -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            value = loss()
            return value.detach(), torch.autograd.grad(value.sum(), theta)[0]

    value, gradient = evaluate()
    pairs: list[tuple[Tensor, Tensor, Tensor]] = []  # step, change of the gradient, 1 / their product
    scale = (1 / gradient.abs().sum(1)).clamp(max=1)  # of the first step, for which there is no curvature yet
    history = [value]
    for _ in range(iterations):
        if not keep_going():
            break
        direction = _two_loop(gradient, pairs, scale)
        start, slope, eta = theta.clone(), (direction * gradient).sum(1), torch.ones_like(value)
        for _ in range(25):
            theta.copy_(start + eta[:, None] * direction)
            new_value, new_gradient = evaluate()
            accepted = new_value <= value + 1e-4 * eta * slope
            if accepted.all():
                break
            eta = torch.where(accepted, eta, eta / 2)
        if not accepted.all():
            theta.copy_(torch.where(accepted[:, None], theta, start))
            new_value, new_gradient = evaluate()
            pairs = [(s * accepted[:, None], y, r * accepted) for s, y, r in pairs]
        step, change = theta - start, new_gradient - gradient
        product = (step * change).sum(1)
        good = product > 1e-10 * (step.norm(dim=1) * change.norm(dim=1))
        pairs = [*pairs, (step, change, torch.where(good, 1 / product, 0.0))][-memory:]
        scale = torch.where(good, product / (change * change).sum(1), scale)
        value, gradient = new_value, new_gradient
        history.append(value)
    return history


def _two_loop(gradient: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]], scale: Tensor) -> Tensor:
    """Return minus the approximate inverse Hessian times the gradient; a pair with weight 0 has no effect."""
    direction, shares = -gradient, []
    for step, change, weight in reversed(pairs):
        share = weight * (step * direction).sum(1)
        direction = direction - share[:, None] * change
        shares.append(share)
    direction = scale[:, None] * direction
    for (step, change, weight), share in zip(pairs, reversed(shares), strict=True):
        direction = direction + (share - weight * (change * direction).sum(1))[:, None] * step
    return direction


@torch.no_grad()
def adaptive_points(network: BatchedMLP, n: int, generator: torch.Generator) -> Float[Tensor, "count n 2"]:
    """Draw points of [-1, 1] x [0, 1] for each network, denser where its residual is large (Wu et al. 2023).

    The density is proportional to ``|R| / mean|R| + 1``: half of the points are spread evenly, on average.
    """
    device = network.theta.device
    candidates = torch.rand(network.count, 8 * n, 2, generator=generator, device=device)
    candidates = candidates * candidates.new_tensor([2.0, 1.0]) - candidates.new_tensor([1.0, 0.0])
    residual = burgers_residual(jet(network, candidates)).abs()
    chosen = torch.multinomial(residual / residual.mean(1, keepdim=True) + 1, n, generator=generator)
    return candidates.gather(1, chosen.unsqueeze(-1).expand(-1, -1, 2))


def fit_inverse_pinn(
    x: ArrayLike,
    u: ArrayLike,
    observation_time: float,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    adam_steps: int = 2000,
    lbfgs_steps: int = 1000,
    data_weight: float = 10.0,
    seconds: float = math.inf,
    monitor: Callable[[float, BatchedMLP], None] | None = None,
    device: torch.device | str = "cpu",
) -> BatchedMLP:
    """Reconstruct u(x, t) on [-1, 1] x [0, 1] from its values at one time, u(+-1, t) = 0 and Burgers' equation.

    The recipe of the chapter on physics-informed networks: 8 layers of 20 units; Adam with a falling learning rate
    on 600 adaptively drawn points, then L-BFGS on 1000 points that are drawn again every 250 steps.

    Args:
        x: positions of the observations, shape ``(n,)``.
        u: observed velocities, shape ``(n,)``.
        observation_time: their time, between 0 and 1.
        seeds: one network per seed, all trained at once.
        data_weight: weight of observations and walls; the residual has weight 1.
        seconds: stop after this wall time (that of ``monitor`` included), whatever has been reached.
        monitor: called with the seconds passed and the networks before each 50th step and at the end.

    Raises:
        ValueError: if the observations are malformed.
    """
    x, u = np.asarray(x, dtype=float), np.asarray(u, dtype=float)
    if x.shape != u.shape or x.ndim != 1 or not 0 <= observation_time <= 1:
        shapes = f"x has shape {x.shape}, u {u.shape}, the time is {observation_time}"
        raise ValueError(f"{shapes}: expected two lists of the same length and a time between 0 and 1.")
    network = BatchedMLP([2, *8 * [20], 1], len(seeds), seeds=seeds).to(device)
    generator = torch.Generator(device).manual_seed(seeds[0])
    wall = np.stack([np.repeat([-1.0, 1.0], 32), np.tile(np.linspace(0, 1, 32), 2)], axis=1)
    observed = np.stack([x, np.full_like(x, observation_time)], axis=1)
    fixed = torch.as_tensor(np.concatenate([observed, wall])).to(network.theta)
    target = torch.as_tensor(np.concatenate([u, np.zeros(64)])).to(network.theta)

    def loss(points: Tensor) -> Float[Tensor, " count"]:
        misfit = (network(fixed) - target).square().mean(1)
        return data_weight * misfit + burgers_residual(jet(network, points)).square().mean(1)

    start, calls = time.perf_counter(), 0

    def keep_going() -> bool:
        nonlocal calls
        passed, calls = time.perf_counter() - start, calls + 1
        if monitor is not None and calls % 50 == 1:
            monitor(passed, network)
        return passed < seconds

    optimizer = torch.optim.Adam([network.theta], lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(adam_steps, 1), eta_min=1e-4)
    for step in range(adam_steps):
        if not keep_going():
            break
        if step % 100 == 0:
            points = adaptive_points(network, 600, generator)
        optimizer.zero_grad()
        loss(points).sum().backward()
        optimizer.step()
        schedule.step()
    for done in range(0, lbfgs_steps, 250):
        points = adaptive_points(network, 1000, generator)
        lbfgs(network.theta, lambda now=points: loss(now), min(250, lbfgs_steps - done), keep_going=keep_going)
    if monitor is not None:
        monitor(time.perf_counter() - start, network)
    return network
