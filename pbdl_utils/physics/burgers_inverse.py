"""A second-order finite-volume solver of Burgers' equation with two gradients: autograd's and one derived by hand.

Both versions compute the same numbers: ``advance`` in PyTorch, whose gradient autograd supplies, and
``FiniteVolumeAdjoint`` in NumPy, with the discrete adjoint written out. The scheme: piecewise linear reconstruction
(MUSCL, van Leer 1979) with the smooth slopes of van Albada et al. 1982, the flux of Engquist and Osher 1981, central
diffusion, and the two-stage Runge-Kutta method of Heun. It is conservative, so shocks move at the right speed.
"""

import math

import numpy as np
from jaxtyping import Float
from torch import Tensor

from pbdl_utils.physics.burgers import LENGTH, VISCOSITY

CFL = 0.5  # largest |u| dt / dx for which ``steps_needed`` plans
_SMALL = 1e-12  # keeps the slope of a constant state at 0 / small instead of 0 / 0


def steps_needed(duration: float, resolution: int, *, speed: float = 1.0, viscosity: float = VISCOSITY) -> int:
    """Return the number of equal steps that cover ``duration`` with CFL number <= 0.5, diffusion number <= 0.25.

    Args:
        duration: length of the time interval.
        resolution: number of cells on [-1, 1].
        speed: largest |u| to be expected; up to twice as much is still stable.

    Raises:
        ValueError: if the duration, the resolution or the speed is not positive.
    """
    if not (duration > 0 and resolution > 0 and speed > 0):
        raise ValueError(f"duration {duration}, resolution {resolution}, speed {speed}: expected positive numbers.")
    dx = LENGTH / resolution
    return math.ceil(duration * max(speed / (CFL * dx), viscosity / (0.25 * dx**2)) - 1e-9)


def _rate(u: Float[Tensor, "... x"], viscosity: float) -> Float[Tensor, "... x"]:
    """Return du/dt of the cells: minus the difference of the fluxes through their faces, over the cell size."""
    dx = LENGTH / u.shape[-1]
    right = u.roll(-1, -1) - u  # jump at the right face
    left = right.roll(1, -1)
    product = left * right
    slope = product.clamp(min=0) * (left + right) / (left**2 + right**2 + _SMALL)  # zero at extrema
    from_left = (u + slope / 2).clamp(min=0)
    from_right = (u - slope / 2).roll(-1, -1).clamp(max=0)
    flux = (from_left**2 + from_right**2) / 2 - viscosity * right / dx
    return (flux.roll(1, -1) - flux) / dx


def finite_volume_step(
    velocity: Float[Tensor, "... x"], dt: float, *, viscosity: float = VISCOSITY
) -> Float[Tensor, "... x"]:
    """Advance the velocity by one step, second order in space and time; differentiable, on any device.

    Args:
        velocity: values of the cells of the periodic interval [-1, 1], shape ``(..., x)``.
        dt: time step; see ``steps_needed``.
        viscosity: kinematic viscosity nu >= 0.
    """
    first = _rate(velocity, viscosity)
    return velocity + dt / 2 * (first + _rate(velocity + dt * first, viscosity))


def advance(
    velocity: Float[Tensor, "... x"], duration: float, *, steps: int = 0, viscosity: float = VISCOSITY
) -> Float[Tensor, "... x"]:
    """Return the state after ``duration``, with ``steps`` equal steps (by default as many as needed for |u| <= 1).

    Raises:
        ValueError: if ``duration`` is negative.
    """
    if duration < 0:
        raise ValueError(f"duration is {duration}, expected a time >= 0: the equation cannot be run backwards.")
    if duration == 0:
        return velocity
    steps = steps or steps_needed(duration, velocity.shape[-1], viscosity=viscosity)
    for _ in range(steps):
        velocity = finite_volume_step(velocity, duration / steps, viscosity=viscosity)
    return velocity


class FiniteVolumeAdjoint:
    """The same solver in NumPy, with its discrete adjoint: what was done before automatic differentiation.

    Args:
        resolution: number of cells on [-1, 1].
        dt: time step.
        viscosity: kinematic viscosity nu >= 0.
    """

    def __init__(self, resolution: int, dt: float, *, viscosity: float = VISCOSITY):
        self.dx, self.dt, self.viscosity = LENGTH / resolution, dt, viscosity
        self.next, self.previous = np.roll(np.arange(resolution), -1), np.roll(np.arange(resolution), 1)

    def _rate(self, u: Float[np.ndarray, " x"]) -> tuple[Float[np.ndarray, " x"], tuple]:
        right = u[self.next] - u
        left = right[self.previous]
        product, weight = np.maximum(left * right, 0), 1 / (left * left + right * right + _SMALL)
        half_slope = 0.5 * product * (left + right) * weight
        from_left, from_right = np.maximum(u + half_slope, 0), np.minimum(u - half_slope, 0)
        flux = (from_left**2 + from_right[self.next] ** 2) / 2 - self.viscosity / self.dx * right
        return (flux[self.previous] - flux) / self.dx, (left, right, product, weight, half_slope, from_left, from_right)

    def _rate_adjoint(self, bar: Float[np.ndarray, " x"], kept: tuple) -> Float[np.ndarray, " x"]:
        """Return the derivative with respect to u of ``bar @ rate(u)``: the lines of ``_rate``, last one first."""
        left, right, product, weight, half_slope, from_left, from_right = kept
        flux_bar = (bar[self.next] - bar) / self.dx
        left_bar, right_bar = from_left * flux_bar, from_right * flux_bar[self.previous]
        slope_bar = (left_bar - right_bar) * weight
        common, total = 0.5 * product, left + right
        inside = 0.5 * total * (left * right >= 0)  # d(half slope / weight)/d(product); at the kink as autograd does
        to_left = slope_bar * (inside * right + common - 2 * half_slope * left)
        to_right = slope_bar * (inside * left + common - 2 * half_slope * right)
        jump_bar = to_right + to_left[self.next] - self.viscosity / self.dx * flux_bar
        return left_bar + right_bar + jump_bar[self.previous] - jump_bar

    def forward(self, u: Float[np.ndarray, " x"], steps: int) -> tuple[Float[np.ndarray, " x"], list]:
        """Return the state after ``steps`` steps and what the adjoint needs to know about the way there.

        If the time step is too large for the velocity, the state is not finite; there is no warning.
        """
        tape = []
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(steps):
                first, kept_first = self._rate(u)
                second, kept_second = self._rate(u + self.dt * first)
                u = u + self.dt / 2 * (first + second)
                tape.append((kept_first, kept_second))
        return u, tape

    def backward(self, bar: Float[np.ndarray, " x"], tape: list) -> Float[np.ndarray, " x"]:
        """Return the derivative of the loss w.r.t. the initial state, given ``bar``, the one w.r.t. the final state."""
        for kept_first, kept_second in reversed(tape):
            through_second = self._rate_adjoint(self.dt / 2 * bar, kept_second)
            through_first = self._rate_adjoint(self.dt / 2 * bar + self.dt * through_second, kept_first)
            bar = bar + through_second + through_first
        return bar
