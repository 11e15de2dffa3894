"""Transport on staggered grids of plain torch tensors: semi-Lagrangian and MacCormack advection, and a plume step.

Grids are those of ``pbdl_utils.physics.projection``: marker ``(..., ny, nx)`` at the cell centres, velocity
``(u_x, u_y)`` on the faces, ``(..., ny, nx + 1)`` and ``(..., ny + 1, nx)``, walls or open ends on all sides, square
cells. Without the bookkeeping of a field library, with mirror symmetry kept to round-off, and with gradients through
every operation.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pbdl_utils.physics.projection import Projection, Velocity

Grid = Float[Tensor, "*batch y x"]
CENTRES, X_FACES, Y_FACES = (0.5, 0.5), (0.0, 0.5), (0.5, 0.0)  # place of the first value in cells, along x and y


def sample(values: Float[Tensor, "*batch y x"], x: Grid, y: Grid, *, empty_outside: bool = False) -> Grid:
    """Return values interpolated bilinearly at positions in units of their own grid; (0, 0) is the first value.

    Outside of the grid the values are zero, or continue constantly.
    """
    ny, nx = values.shape[-2:]
    where = torch.stack([2 * x / (nx - 1) - 1, 2 * y / (ny - 1) - 1], -1)
    mode = "zeros" if empty_outside else "border"
    flat, points = values.reshape(-1, 1, ny, nx), where.reshape(-1, *where.shape[-3:])
    return F.grid_sample(flat, points, padding_mode=mode, align_corners=True).reshape(x.shape)


def advect(
    values: Grid,
    place: tuple[float, float],
    velocity: Velocity,
    step: float,
    *,
    scheme: str = "maccormack",
    empty_outside: bool = False,
) -> Grid:
    """Return values after they moved with the velocity for one step.

    Args:
        values: marker or a velocity component.
        place: where it is stored: ``CENTRES``, ``X_FACES`` or ``Y_FACES``.
        velocity: on the faces, same batch dimensions.
        step: time step divided by the width of a cell.
        scheme: ``"semi-lagrangian"`` (Stam 1999, with the midpoint rule), or ``"maccormack"`` (Selle et al. 2008):
            its error estimated by going back and subtracted, then limited by the values around the point of departure.
        empty_outside: what flows in through an open end is zero; otherwise like the value at the end.

    Raises:
        ValueError: for an unknown scheme.
    """
    if scheme not in ("maccormack", "semi-lagrangian"):
        raise ValueError(f"scheme is {scheme!r}, expected 'maccormack' or 'semi-lagrangian'.")
    ny, nx = values.shape[-2:]
    options = {"dtype": values.dtype, "device": values.device}
    y, x = torch.meshgrid(torch.arange(ny, **options), torch.arange(nx, **options), indexing="ij")
    x, y = (x + place[0]).expand(values.shape), (y + place[1]).expand(values.shape)

    def departure(time: float) -> tuple[Grid, Grid]:
        v_x, v_y = _velocity_at(velocity, x, y)
        v_x, v_y = _velocity_at(velocity, x - time / 2 * v_x, y - time / 2 * v_y)
        return x - time * v_x - place[0], y - time * v_y - place[1]

    start = departure(step)
    forward = sample(values, *start, empty_outside=empty_outside)
    if scheme == "semi-lagrangian":
        return forward
    back = sample(forward, *departure(-step), empty_outside=empty_outside)
    # Interpolated extrema of 3 x 3 values: other than the corners' extrema they do not depend on a side being chosen.
    padded = F.pad(values.reshape(-1, 1, ny, nx), (1, 1, 1, 1), mode="replicate")
    upper = sample(F.max_pool2d(padded, 3, stride=1).reshape(values.shape), *start, empty_outside=empty_outside)
    lower = -sample(F.max_pool2d(-padded, 3, stride=1).reshape(values.shape), *start, empty_outside=empty_outside)
    return torch.maximum(torch.minimum(forward + 0.5 * (values - back), upper), lower)


def plume_step(
    marker: Grid,
    velocity: Velocity,
    box: Projection,
    dt: float,
    *,
    buoyancy: float = 1.0,
    scheme: str = "maccormack",
) -> tuple[Grid, Velocity]:
    """Return marker and velocity after one step without viscosity: advection, lift along y, projection.

    Args:
        marker: shape ``(..., ny, nx)``; the caller adds sources.
        velocity: at rest on the walls.
        box: the projection, with square cells and walls or open ends.
        dt: time step.
        buoyancy: acceleration per unit of marker.

    Raises:
        ValueError: for a periodic box, cells that are not square, or an unknown scheme.
    """
    width, height = box.spacing.values()
    if width != height or any(ends[0] == "periodic" for ends in box.ends.values()):
        raise ValueError("the box is periodic or its cells are not square: give walls or open ends, and dy = dx.")
    (u_x, u_y), step = velocity, dt / width
    moved = advect(marker, CENTRES, velocity, step, scheme=scheme, empty_outside=True)
    u_x = advect(u_x, X_FACES, velocity, step, scheme=scheme)
    u_y = advect(u_y, Y_FACES, velocity, step, scheme=scheme)
    lift = dt * buoyancy * moved
    u_y = u_y + F.pad(0.5 * (lift[..., 1:, :] + lift[..., :-1, :]), (0, 0, 1, 1))
    return moved, box((_still_walls(u_x, box, -1), _still_walls(u_y, box, -2)))[0]


def _velocity_at(velocity: Velocity, x: Grid, y: Grid) -> tuple[Grid, Grid]:
    return sample(velocity[0], x, y - 0.5), sample(velocity[1], x - 0.5, y)


def _still_walls(component: Grid, box: Projection, axis: int) -> Grid:
    mask = torch.ones(component.shape[axis], dtype=component.dtype, device=component.device)
    for end, index in zip(box.ends[axis], (0, -1), strict=True):
        mask[index] = float(end == "open")
    return component * (mask if axis == -1 else mask[:, None])
