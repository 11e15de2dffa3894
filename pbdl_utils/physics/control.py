"""What the chapter on flow control needs besides its subject: shapes of equal mass, sharp transport, distances.

The domain is a closed box of ``CELLS`` x ``CELLS`` unit cells. Markers have the shape ``(batch, y, x)``, velocities are
pairs ``(u_x, u_y)`` on the faces as in ``pbdl_utils.physics.projection``. Shapes are named; all of them have the mass
``MASS``, as a flow without divergence cannot change it, and edges blurred by a Gaussian of ``EDGE`` cells, so that the
marker is smooth enough to be interpolated and differentiated.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pbdl_utils.physics.projection import Velocity

CELLS = 64  # per side, of width 1
MASS = 300.0  # of each shape: cells filled with one
EDGE = 1.0  # standard deviation of the blur of the edges, in cells
FINE = 4  # shapes are placed to a quarter of a cell
MARGIN = 16.0  # distance of the centres from the walls, in cells

Marker = Float[Tensor, "batch y x"]
Inside = Callable[[Tensor, Tensor], Tensor]


def _box(x_0: float, y_0: float, width: float, height: float) -> Inside:
    return lambda x, y: ((x - x_0).abs() <= width / 2) & ((y - y_0).abs() <= height / 2)


def _any(*parts: Inside) -> Inside:
    return lambda x, y: torch.stack([part(x, y) for part in parts]).any(0)


def _polygon(corners: Sequence[tuple[float, float]]) -> Inside:
    """Return the even-odd rule: a point is inside if a ray from it crosses the edges an odd number of times."""

    def inside(x: Tensor, y: Tensor) -> Tensor:
        odd = torch.zeros_like(x, dtype=torch.bool)
        for (x_0, y_0), (x_1, y_1) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if y_0 != y_1:
                odd ^= ((y_0 > y) != (y_1 > y)) & (x < (x_1 - x_0) * (y - y_0) / (y_1 - y_0) + x_0)
        return odd

    return inside


def _corners(count: int, radii: Sequence[float] = (1.0,)) -> Inside:
    angles = [2 * math.pi * k / count for k in range(count)]
    return _polygon(
        [(radii[k % len(radii)] * math.sin(a), radii[k % len(radii)] * math.cos(a)) for k, a in enumerate(angles)]
    )


TRAINING_SHAPES: dict[str, Inside] = {
    "disc": lambda x, y: x**2 + y**2 <= 1,
    "ring": lambda x, y: (x**2 + y**2 <= 1) & (x**2 + y**2 >= 0.25),
    "square": _box(0, 0, 2, 2),
    "bar": _box(0, 0, 2, 1),
    "cross": _any(_box(0, 0, 2, 0.72), _box(0, 0, 0.72, 2)),
    "L": _any(_box(-0.6, 0, 0.8, 2), _box(0, -0.6, 2, 0.8)),
    "T": _any(_box(0, 0.62, 2, 0.76), _box(0, 0, 0.76, 2)),
    "triangle": _corners(3),
    "star": _corners(10, (1.0, 0.5)),
    "crescent": lambda x, y: (x**2 + y**2 <= 1) & ((x - 0.55) ** 2 + y**2 >= 0.55),
}
HELD_OUT_SHAPES: dict[str, Inside] = {
    "H": _any(_box(-0.68, 0, 0.64, 2), _box(0.68, 0, 0.64, 2), _box(0, 0, 2, 0.6)),
    "hexagon": _corners(6),
    "arrow": _polygon([(1, 0), (0, 0.9), (0, 0.38), (-1, 0.38), (-1, -0.38), (0, -0.38), (0, -0.9)]),
}


@lru_cache
def template(name: str) -> Float[Tensor, "fine_y fine_x"]:
    """Return a shape with its centre of mass in the middle of the box, on a grid finer by the factor ``FINE``.

    Raises:
        ValueError: for an unknown name.
    """
    known = TRAINING_SHAPES | HELD_OUT_SHAPES
    if name not in known:
        raise ValueError(f"the shape {name!r} is unknown, expected one of {', '.join(known)}.")
    n, width = 1024, 3.0  # first on a square of its own, for area and centre of mass
    across = ((torch.arange(n, dtype=torch.float64) + 0.5) / n - 0.5) * width
    y, x = torch.meshgrid(across, across, indexing="ij")
    inside = known[name](x, y).double()
    area, x_0, y_0 = (
        inside.sum() * (width / n) ** 2,
        (inside * x).sum() / inside.sum(),
        (inside * y).sum() / inside.sum(),
    )
    n, scale = 2 * FINE * CELLS, (area / MASS).sqrt()
    across = (torch.arange(n, dtype=torch.float64) + 0.5) / (2 * FINE) - CELLS / 2
    y, x = torch.meshgrid(across, across, indexing="ij")
    sharp = F.avg_pool2d(known[name](x * scale + x_0, y * scale + y_0).double()[None, None], 2)
    sigma = EDGE * FINE
    distance = torch.arange(-int(4 * sigma), int(4 * sigma) + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (distance / sigma) ** 2)
    weights, pad = weights / weights.sum(), len(weights) // 2
    blurred = F.conv2d(F.pad(sharp, (0, 0, pad, pad)), weights.view(1, 1, -1, 1))
    blurred = F.conv2d(F.pad(blurred, (pad, pad, 0, 0)), weights.view(1, 1, 1, -1))[0, 0]
    return (blurred * (MASS * FINE**2 / blurred.sum())).float()


def place(names: Sequence[str], centres: Float[Tensor, "batch 2"]) -> Marker:
    """Return one shape per centre of mass ``(x, y)``, in cells from the lower left corner, rounded to 1/``FINE``.

    Raises:
        ValueError: if names and centres differ in number or a shape would touch a wall.
    """
    if len(names) != len(centres) or not ((centres >= MARGIN - 1) & (centres <= CELLS - MARGIN + 1)).all():
        raise ValueError(
            f"{len(names)} names and centres of shape {tuple(centres.shape)} between {float(centres.min()):.1f} and "
            f"{float(centres.max()):.1f}: expected one centre per name, at least {MARGIN - 1} cells from the walls."
        )
    shifts = ((centres.cpu() - CELLS / 2) * FINE).round().int().tolist()
    fine = torch.stack([template(n).roll((s_y, s_x), (0, 1)) for n, (s_x, s_y) in zip(names, shifts, strict=True)])
    return F.avg_pool2d(fine, FINE).to(centres)


def draw_pairs(
    names: Sequence[str], count: int, *, reach: float | None = None, generator: torch.Generator | None = None
) -> tuple[Marker, Marker]:
    """Return ``count`` start shapes and target shapes, each a random one of ``names`` at a random place.

    Should a start and its target be the same shape at the same place, the target moves by a cell in both directions.

    Args:
        names: shapes to choose from.
        reach: largest distance of the two centres, in cells; anything by default.
        generator: source of the random numbers, on the CPU; torch's global one by default.
    """
    which = torch.randint(len(names), (2, count), generator=generator).tolist()
    a, b, distance, angle = torch.rand(4, count, 2, generator=generator).unbind(0)
    free = CELLS - 2 * MARGIN
    start, target = MARGIN + free * a, MARGIN + free * b
    if reach is not None:  # evenly in a disc around the start, moved back into the box where necessary
        length, direction = reach * distance[:, :1].sqrt(), 2 * math.pi * angle[:, :1]
        target = start + length * torch.cat([direction.cos(), direction.sin()], 1)
        target = target.clamp(MARGIN, CELLS - MARGIN)
    here, there = (((centre - CELLS / 2) * FINE).round() for centre in (start, target))  # where they will be placed
    same = (here == there).all(1) & torch.tensor([i == j for i, j in zip(*which, strict=True)])
    target = torch.where(same[:, None], target + 2 * (target < CELLS / 2) - 1, target)
    return place([names[k] for k in which[0]], start), place([names[k] for k in which[1]], target)


class MovingRectangles:
    """Rectangles that move at constant velocity and stretch at constant rate: exact incompressible motions.

    Args:
        count: how many, drawn with torch's global random numbers.
    """

    def __init__(self, count: int) -> None:
        free = CELLS - 2 * MARGIN
        self.ends = MARGIN + free * torch.rand(2, count, 2)
        self.stretch = 1.4 * torch.rand(2, count) - 0.7  # logarithm of width / height

    def at(self, time: Float[Tensor, " batch"]) -> Marker:
        """Return the marker at times between 0 (start) and 1 (end), one per rectangle; edges blurred exactly."""
        centre = torch.lerp(self.ends[0], self.ends[1], time[:, None])
        half_log = 0.5 * torch.lerp(self.stretch[0], self.stretch[1], time)
        cells = torch.arange(CELLS) + 0.5

        def profile(middle: Tensor, half: Tensor) -> Tensor:
            left, right = (cells - (middle + sign * half)[:, None] for sign in (-1, 1))
            return 0.5 * (torch.erf(left / (EDGE * 2**0.5)) - torch.erf(right / (EDGE * 2**0.5)))

        x = profile(centre[:, 0], 0.5 * MASS**0.5 * half_log.exp())
        y = profile(centre[:, 1], 0.5 * MASS**0.5 * (-half_log).exp())
        return y[:, :, None] * x[:, None, :]


def sample_fields(fields: Float[Tensor, "batch field y x"], shift: Float[Tensor, "batch 2 y x"]) -> Tensor:
    """Return fields at the cell centres moved by ``shift`` (x, y) in cells: bilinear, constant beyond the walls."""
    scale = 2 / (fields.shape[-1] - 1)
    across = scale * torch.arange(fields.shape[-1], dtype=fields.dtype, device=fields.device) - 1
    where = torch.stack([across + scale * shift[:, 0], across[:, None] + scale * shift[:, 1]], -1)
    return F.grid_sample(fields, where, padding_mode="border", align_corners=True)


def to_centres(velocity: Velocity) -> Float[Tensor, "batch 2 y x"]:
    """Return the velocity at the cell centres: means of the two faces of each kind."""
    u_x, u_y = velocity
    return 0.5 * torch.stack([u_x[..., 1:] + u_x[..., :-1], u_y[..., 1:, :] + u_y[..., :-1, :]], 1)


def to_faces(vectors: Float[Tensor, "batch 2 y x"]) -> Velocity:
    """Return vectors at the faces: means of the two cells, zero on the walls."""
    x, y = vectors.unbind(1)
    return F.pad(0.5 * (x[..., 1:] + x[..., :-1]), (1, 1)), F.pad(0.5 * (y[..., 1:, :] + y[..., :-1, :]), (0, 0, 1, 1))


def at_rest(like: Marker) -> Velocity:
    """Return the velocity of a resting fluid, for as many boxes as ``like`` has markers."""
    batch, ny, nx = like.shape
    return like.new_zeros(batch, ny, nx + 1), like.new_zeros(batch, ny + 1, nx)


def relative_mae(marker: Marker, start: Marker, target: Marker) -> Float[Tensor, " batch"]:
    """Return the mean absolute difference to the target, divided by that of the start; 1 is no progress."""
    return (marker - target).abs().mean((1, 2)) / (start - target).abs().mean((1, 2))


def overlap(marker: Marker, target: Marker) -> Float[Tensor, " batch"]:
    """Return the intersection over union of the sets where marker and target exceed one half."""
    a, b = marker > 0.5, target > 0.5
    return (a & b).sum((1, 2)) / (a | b).sum((1, 2))


def sliced_wasserstein(marker: Marker, target: Marker, angles: int = 12) -> Float[Tensor, " batch"]:
    """Return the mean way, in cells, that mass has to move in the projections onto lines of several directions.

    Both markers are scaled to mass one. For two copies of a shape that are a distance ``a`` apart the result is
    ``2 a / pi``. Source: Rabin, Peyré, Delon & Bernot (2012), with W_1 in place of W_2.
    """
    ny, nx = marker.shape[1:]
    difference = (marker / marker.sum((1, 2), keepdim=True) - target / target.sum((1, 2), keepdim=True)).flatten(1)
    y, x = torch.meshgrid(torch.arange(ny).to(marker), torch.arange(nx).to(marker), indexing="ij")
    total = torch.zeros(len(marker)).to(marker)
    for k in range(angles):
        angle = math.pi * (k + 0.5) / angles
        place, order = (x * math.cos(angle) + y * math.sin(angle)).flatten().sort()
        total += (difference[:, order].cumsum(1)[:, :-1].abs() * place.diff()).sum(1)
    return total / angles


def distances(start: Marker, target: Marker) -> Float[Tensor, " batch"]:
    """Return the distance between the centres of mass, in cells."""
    return (centre_of_mass(start) - centre_of_mass(target)).norm(dim=1)


def centre_of_mass(marker: Marker) -> Float[Tensor, "batch 2"]:
    """Return the centre of mass (x, y) in cells from the lower left corner."""
    across = torch.arange(marker.shape[-1]).to(marker) + 0.5
    mass = marker.sum((1, 2))
    return torch.stack([(marker.sum(1) * across).sum(1) / mass, (marker.sum(2) * across).sum(1) / mass], 1)
