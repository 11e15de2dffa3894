"""Flow past a circular cylinder in a channel: two differentiable solvers on a staggered grid, for any resolution.

The fluid enters at the bottom (y = 0) with given velocity, leaves through the open top, and sticks to the walls on both
sides and to the cylinder, which is made of whole cells. As in ``projection``, ``u_x`` has the shape
``(..., ny, nx + 1)`` and ``u_y`` has ``(..., ny + 1, nx)``; leading dimensions are batches. A step of either scheme
ends with one direct pressure projection, so all states are free of divergence to rounding. Both are made of torch
operations: gradients pass through them, and they run on CPU and GPU in the precision of their input.

- ``semi_lagrangian``: values are traced back along the flow and interpolated linearly (Courant, Isaacson & Rees 1952,
  doi:10.1002/cpa.3160050303), the unconditionally damped first-order scheme of many graphics solvers. While nothing
  moves further than one cell per step, the interpolation is a 3 x 3 stencil.
- ``third_order``: fluxes by third-order upwind interpolation (van Leer's kappa = 1/3, no limiter), in time Heun's
  method, whose predictor uses the pressure of the step before.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from pbdl_utils.physics.projection import Projection, Velocity

LENGTH, WIDTH, DIAMETER, INFLOW = 200.0, 100.0, 20.0, 1.0  # of the book's wake flow; time in units of length / inflow


def viscosity_of(reynolds: float | Tensor) -> float | Tensor:
    """Return the viscosity U D / Re of a Reynolds number that is formed with inflow velocity and cylinder diameter."""
    return INFLOW * DIAMETER / reynolds


class Wake:
    """A channel with a cylinder on a grid of ``(ny, nx)`` cells, and the steps of two solvers.

    Args:
        shape: number of cells ``(ny, nx)``; the flow is along y.
        dt: time step.
        width: width of the channel; cells are squares with the side ``width / nx``.
        centre: ``(x, y)`` of the cylinder.
        diameter: of the cylinder.
        slip: whether the fluid slips along the side walls.

    Raises:
        ValueError: if the time step is not positive, or the cylinder holds no cell or does not fit the channel.
    """

    def __init__(
        self,
        shape: tuple[int, int] = (64, 32),
        dt: float = 1.0,
        *,
        width: float = WIDTH,
        centre: tuple[float, float] = (50.0, 50.0),
        diameter: float = DIAMETER,
        slip: bool = False,
    ) -> None:
        if not (math.isfinite(dt) and dt > 0):
            raise ValueError(f"dt is {dt}, expected a positive time step.")
        self.shape, self.dt, self.dx, self.slip = shape, dt, width / shape[1], slip
        self.solid = self._cylinder(centre, diameter / 2)
        if not self.solid.any() or self.solid[[0, -1]].any() or self.solid[:, [0, -1]].any():
            raise ValueError(f"a cylinder of diameter {diameter} at {centre} does not fit the grid {shape}: change it.")
        full = torch.nn.functional.pad(self.solid.double(), (1, 1, 1, 1))
        count_x, count_y = full[1:-1, 1:] + full[1:-1, :-1], full[1:, 1:-1] + full[:-1, 1:-1]
        self._masks = [(count == 0).double() for count in (count_x, count_y)]
        self.project_with_pressure = Projection(shape, self.dx, x="wall", y=("wall", "open"), solid=self.solid)

    def _cylinder(self, centre: tuple[float, float], radius: float) -> Bool[Tensor, "y x"]:
        y, x = ((torch.arange(n, dtype=torch.float64) + 0.5) * self.dx for n in self.shape)
        return (x - centre[0]) ** 2 + (y[:, None] - centre[1]) ** 2 < radius**2

    def start(
        self, batch: int = 1, inflow: float | Float[Tensor, " x"] = INFLOW, dtype: torch.dtype = torch.float64
    ) -> Velocity:
        """Return potential flow past the cylinder with the given inflow, pushed aside a little so that it sheds."""
        u_x = torch.zeros(batch, self.shape[0], self.shape[1] + 1, dtype=dtype)
        u_y = torch.zeros(batch, self.shape[0] + 1, self.shape[1], dtype=dtype) + torch.as_tensor(inflow, dtype=dtype)
        rows, columns = self.solid.nonzero().max(0).values.tolist()
        size = self.solid.sum(0).max().item()
        u_x[:, rows + 1 : rows + 1 + size, columns - size : columns] += 0.2
        return self.project((u_x, u_y))

    def project(self, velocity: Velocity) -> Velocity:
        """Return the nearest velocity without divergence that does not enter cylinder and walls."""
        return self.project_with_pressure(velocity)[0]

    def divergence(self, velocity: Velocity) -> Float[Tensor, "*batch y x"]:
        """Return the divergence per cell, zero in the cells of the cylinder."""
        return self.project_with_pressure.divergence(velocity) * ~self.solid.to(velocity[0].device)

    def semi_lagrangian(self, velocity: Velocity, viscosity: float | Tensor) -> Velocity:
        """Return the velocity after one step: diffusion, advection, projection.

        Args:
            velocity: u_x, u_y.
            viscosity: a number, or of shape ``(batch, 1, 1)``.
        """
        return self.project(self.advect(self.diffuse(velocity, viscosity)))

    def diffuse(self, velocity: Velocity, viscosity: float | Tensor) -> Velocity:
        """Return the velocity after an explicit step of viscosity."""
        share = viscosity * self.dt / self.dx**2
        change_x, change_y = self._laplacians(*self._pad(velocity, 2))
        return _replace(velocity, velocity[0][..., 1:-1] + share * change_x, velocity[1][..., 1:, :] + share * change_y)

    def advect(self, velocity: Velocity) -> Velocity:
        """Return the velocity after a semi-Lagrangian step; a displacement beyond one cell counts as one cell."""
        (u_x, u_y), (pad_x, pad_y), courant = velocity, self._pad(velocity, 1), self.dt / self.dx
        # Each component needs the other one at its own faces: the mean of the four faces around.
        y_there = (u_y[..., :-1, :-1] + u_y[..., :-1, 1:] + u_y[..., 1:, :-1] + u_y[..., 1:, 1:]) / 4
        x_there = (pad_x[..., 1:-1, :-1] + pad_x[..., 1:-1, 1:] + pad_x[..., 2:, :-1] + pad_x[..., 2:, 1:]) / 4
        new_x = _trace_back(pad_x, u_x[..., 1:-1] * courant, y_there * courant)
        new_y = _trace_back(pad_y[..., 1:, :], x_there * courant, u_y[..., 1:, :] * courant)
        return _replace(velocity, new_x, new_y)

    def third_order(
        self, velocity: Velocity, viscosity: float | Tensor, push: Velocity | None = None
    ) -> tuple[Velocity, Velocity]:
        """Return the velocity after one step, and what the projection took away.

        Args:
            velocity: u_x, u_y.
            viscosity: a number, or of shape ``(batch, 1, 1)``.
            push: what the projection of the step before took away, an estimate of this step's pressure gradient times
                dt. Without it the predictor is projected, which costs a second projection.
        """
        moved = self.transport(velocity, viscosity, push)
        after = self.project(moved)
        return after, (moved[0] - after[0], moved[1] - after[1])

    def transport(self, velocity: Velocity, viscosity: float | Tensor, push: Velocity | None = None) -> Velocity:
        """Return the velocity after a third-order step without its last projection; arguments as in that step."""
        slope = self._tendency(velocity, viscosity)
        predicted = self._move(velocity, slope)
        if push is None:
            predicted = self.project(predicted)
        else:
            predicted = self._free(predicted[0] - push[0], predicted[1] - push[1])
        second = self._tendency(predicted, viscosity)
        return self._move(velocity, [(a + b) / 2 for a, b in zip(slope, second, strict=True)])

    def _tendency(self, velocity: Velocity, viscosity: float | Tensor) -> tuple[Tensor, Tensor]:
        """Return d/dt of the inner x faces and of all y faces but the inflow, without pressure."""
        (u_x, u_y), (pad_x, pad_y) = velocity, self._pad(velocity, 2)
        wide_x = torch.cat([-u_x[..., 1:2], u_x, -u_x[..., -2:-1]], -1)
        flux_xx = _upwind(wide_x, (u_x[..., :-1] + u_x[..., 1:]) / 2, -1)
        flux_xy = _upwind(pad_x[..., 1:-1], (u_y[..., :-1] + u_y[..., 1:]) / 2, -2)
        along = pad_y[..., 2:-1, 2:-2]
        flux_yy = _upwind(pad_y[..., 1:, 2:-2], (along[..., :-1, :] + along[..., 1:, :]) / 2, -2)
        flux_yx = _upwind(pad_y[..., 3:-2, :], (pad_x[..., 2:-2, :] + pad_x[..., 3:-1, :]) / 2, -1)
        drag_x, drag_y = self._laplacians(pad_x, pad_y)
        share = viscosity / self.dx**2
        return (
            share * drag_x - (flux_xx.diff(dim=-1) + flux_xy.diff(dim=-2)) / self.dx,
            share * drag_y - (flux_yy.diff(dim=-2) + flux_yx.diff(dim=-1)) / self.dx,
        )

    def _pad(self, velocity: Velocity, n: int) -> Velocity:
        """Return u_x with n rows more at both ends of y, u_y with n more on all sides, continued by the boundaries."""
        u_x, u_y = velocity
        end = u_x[..., -1:, :]
        pad_x = torch.cat([-u_x[..., :n, :].flip(-2), u_x] + n * [end], -2)
        pad_y = torch.cat(n * [u_y[..., :1, :]] + [u_y] + n * [u_y[..., -1:, :]], -2)
        sign = 1 if self.slip else -1
        left, right = sign * pad_y[..., :n].flip(-1), sign * pad_y[..., -n:].flip(-1)
        return pad_x, torch.cat([left, pad_y, right], -1)

    @staticmethod
    def _laplacians(pad_x: Tensor, pad_y: Tensor) -> tuple[Tensor, Tensor]:
        """Return neighbours minus four times the value, from fields padded by two."""
        fields = pad_x[..., 1:-1, :], pad_y[..., 2:-1, 1:-1]
        around = [f[..., 1:-1, 2:] + f[..., 1:-1, :-2] + f[..., 2:, 1:-1] + f[..., :-2, 1:-1] for f in fields]
        return tuple(a - 4 * f[..., 1:-1, 1:-1] for a, f in zip(around, fields, strict=True))

    def _move(self, velocity: Velocity, slope: tuple[Tensor, Tensor]) -> Velocity:
        u_x, u_y = velocity[0][..., 1:-1] + self.dt * slope[0], velocity[1][..., 1:, :] + self.dt * slope[1]
        return self._free(*_replace(velocity, u_x, u_y))

    def _free(self, u_x: Tensor, u_y: Tensor) -> Velocity:
        """Set the velocity on all faces of the cylinder to zero."""
        if self._masks[0].dtype != u_x.dtype or self._masks[0].device != u_x.device:
            self._masks = [mask.to(u_x) for mask in self._masks]
        return u_x * self._masks[0], u_y * self._masks[1]


def _replace(velocity: Velocity, inner_x: Tensor, inner_y: Tensor) -> Velocity:
    """Return the velocity with new values everywhere but on the walls and at the inflow."""
    u_x, u_y = velocity
    return torch.cat([u_x[..., :1], inner_x, u_x[..., -1:]], -1), torch.cat([u_y[..., :1, :], inner_y], -2)


def _upwind(values: Tensor, speed: Tensor, axis: int) -> Tensor:
    """Return the flux of third-order upwind interpolation; face i lies between values i + 1 and i + 2."""
    n = values.shape[axis] - 3
    before, left, right, after = (values.narrow(axis, start, n) for start in range(4))
    return speed * (7 * (left + right) - before - after) / 12 + speed.abs() * (3 * (left - right) + after - before) / 12


def _trace_back(values: Tensor, courant_x: Tensor, courant_y: Tensor) -> Tensor:
    """Return values interpolated linearly where the flow came from; ``values`` has one more cell on all sides."""
    x, y = courant_x.clamp(-1, 1), courant_y.clamp(-1, 1)
    from_left, from_right, below, above = x.clamp(min=0), (-x).clamp(min=0), y.clamp(min=0), (-y).clamp(min=0)
    rows = [values[..., start : values.shape[-2] - 2 + start, :] for start in range(3)]
    low, mid, high = ((1 - x.abs()) * r[..., 1:-1] + from_left * r[..., :-2] + from_right * r[..., 2:] for r in rows)
    return (1 - y.abs()) * mid + below * low + above * high


def resample(velocity: Velocity, shape: tuple[int, int]) -> Velocity:
    """Return a velocity without divergence on a finer or coarser grid of the same box, without divergence as well.

    The stream function, whose differences are the fluxes through faces, is interpolated to the corners of the new cells
    by cubic convolution (Keys 1981, doi:10.1109/TASSP.1981.1163711). Where the new corners are old ones, as on a grid
    with half as many cells, the new flux is exactly the sum of the old ones: mass is conserved face by face.

    Args:
        velocity: u_x of shape ``(batch, ny, nx + 1)`` and u_y of shape ``(batch, ny + 1, nx)``, in a box with walls at
            both ends of x.
        shape: new number of cells ``(ny, nx)``, with the same ratio of the sides.
    """
    u_y = velocity[1]
    scale = u_y.shape[-1] / shape[1]
    stream = torch.nn.functional.pad(u_y.cumsum(-1), (1, 0))
    size = (shape[0] + 1, shape[1] + 1)
    stream = torch.nn.functional.interpolate(stream[:, None], size, mode="bicubic", align_corners=True)[:, 0] / scale
    return -stream.diff(dim=-2), stream.diff(dim=-1)


def strouhal(signal: Float[Tensor, " time"], dt: float, *, diameter: float = DIAMETER, speed: float = INFLOW) -> float:
    """Return the Strouhal number D / (T U) of a periodic signal, T from its first to its last upward crossing.

    Args:
        signal: for instance u_x on the axis behind the cylinder.
        dt: time between two values.

    Raises:
        ValueError: if the signal crosses its mean upwards less than three times.
    """
    centred = (signal - signal.mean()).double()
    i = torch.nonzero((centred[:-1] < 0) & (centred[1:] >= 0)).flatten()
    if len(i) < 3:
        raise ValueError(f"the signal crosses its mean upwards {len(i)} times, expected 3 or more: record it longer.")
    times = (i + centred[i] / (centred[i] - centred[i + 1])) * dt
    return float(diameter * (len(i) - 1) / (times[-1] - times[0]) / speed)
