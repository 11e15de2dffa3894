"""Direct pressure projection on staggered grids: make a velocity divergence-free without an iterative solve.

A box of ``(ny, nx)`` cells stores the pressure at cell centres, shape ``(..., ny, nx)``, and each velocity component on
the faces normal to it. Along an axis with ends all faces are stored, the two outer ones included: ``u_x`` has the shape
``(..., ny, nx + 1)`` and ``u_y`` has ``(..., ny + 1, nx)``. Along a periodic axis the last face is the first one and
is stored once, so that ``u_x`` has the shape ``(..., ny, nx)``. Leading dimensions are batches.

Each end of an axis is one of

- ``"wall"``: the velocity on the outer faces is given and is kept (zero at a solid wall, the inflow at an inlet);
- ``"open"``: fluid leaves and enters freely against the pressure zero outside of the box.

The solve is direct (fast diagonalisation, Lynch, Rice & Thomas 1964, doi:10.1007/BF01386067): along each axis the
discrete Laplacian is diagonal in a trigonometric basis, the discrete Fourier transform for a periodic axis, the cosine
transform (DCT-II) between walls and the sine transform between open ends. The periodic box uses the FFT; the others
multiply by the matrix of the basis, which up to a few hundred cells per side costs about as much as a fast transform.
Obstacles are added by the capacitance matrix method (Buzbee, Dorr, George & Golub 1971, doi:10.1137/0708066): a small
dense matrix, inverted once, has one row per face between fluid and solid.

Everything is linear in the velocity and made of differentiable torch operations. With resting walls and solids the
projection is orthogonal, thus its own adjoint. float32 and float64, CPU and GPU, the ones of the input.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

ENDS = ("periodic", "wall", "open")
Ends = str | tuple[str, str]
Velocity = tuple[Float[Tensor, "*batch y x_faces"], Float[Tensor, "*batch y_faces x"]]
X, Y = -1, -2  # tensor dimensions of the two axes


class Projection:
    """Orthogonal projection of velocities onto the divergence-free ones of a box, prepared once and applied often.

    Args:
        shape: number of cells ``(ny, nx)``, each at least 2.
        dx: width of a cell along x, in units of length.
        dy: the same along y; ``dx`` by default.
        x: what the box has at its ends along x: ``"wall"``, ``"open"``, a pair ``(lower, upper)`` of these,
            or ``"periodic"``.
        y: the same along y.
        solid: shape ``(ny, nx)``, true for cells inside an obstacle at rest.

    Raises:
        ValueError: if one of them is malformed.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        dx: float = 1.0,
        dy: float | None = None,
        *,
        x: Ends = "wall",
        y: Ends = "wall",
        solid: Bool[Tensor, "y x"] | None = None,
    ) -> None:
        if len(shape) != 2 or any(not isinstance(n, int) or n < 2 for n in shape):
            raise ValueError(f"shape is {shape}, expected (ny, nx) with at least two cells each way.")
        self.shape = (int(shape[0]), int(shape[1]))
        self.spacing = {X: float(dx), Y: float(dx if dy is None else dy)}
        if not all(math.isfinite(value) and value > 0 for value in self.spacing.values()):
            raise ValueError(f"dx, dy are {dx}, {dy}, expected positive cell widths.")
        self.ends = {X: _read_ends("x", x), Y: _read_ends("y", y)}
        self._fourier = all(ends[0] == "periodic" for ends in self.ends.values())
        self._cache: dict[tuple, dict[str, Tensor]] = {}
        self._exact = self._diagonalise()
        self.solid = None
        if solid is not None:
            self._add_solid(torch.as_tensor(solid))

    def face_shapes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the shapes ``(y, x)`` of ``u_x`` and ``u_y``."""
        ny, nx = self.shape
        return (ny, nx + (self.ends[X][0] != "periodic")), (ny + (self.ends[Y][0] != "periodic"), nx)

    def divergence(self, velocity: Velocity) -> Float[Tensor, "*batch y x"]:
        """Return the net outflow of each cell per volume, in units of velocity per length."""
        u_x, u_y = self._check_velocity(velocity)
        return self._outflow(u_x, X) + self._outflow(u_y, Y)

    def gradient(self, pressure: Float[Tensor, "*batch y x"]) -> Velocity:
        """Return the gradient on the faces: zero on walls, taken against zero beyond open ends."""
        self._check_cells(pressure, "pressure")
        return self._slope(pressure, X), self._slope(pressure, Y)

    def solve(self, right_side: Float[Tensor, "*batch y x"]) -> Float[Tensor, "*batch y x"]:
        """Return p with ``divergence(gradient(p)) = right_side`` in the box, not regarding solids.

        Without open ends p is fixed only up to a constant and exists only if the right side has mean zero: the p
        returned has mean zero and belongs to the right side minus its mean.
        """
        self._check_cells(right_side, "right side")
        tables = self._tables(right_side)
        if self._fourier:
            return torch.fft.irfft2(torch.fft.rfft2(right_side) * tables["inverse"], s=self.shape)
        to_x, to_y = tables["basis_x"], tables["basis_y"]
        return to_y @ ((to_y.mT @ right_side @ to_x) * tables["inverse"]) @ to_x.mT

    def __call__(self, velocity: Velocity) -> tuple[Velocity, Float[Tensor, "*batch y x"]]:
        """Return the divergence-free velocity nearest to ``velocity``, and the pressure that achieves it.

        The result is ``velocity - gradient(pressure)`` on the free faces, zero on every face of a solid cell and
        unchanged on the outer faces of walls. The pressure is per density and times the time step: with a velocity
        in m/s it is in m^2/s. Inside solids it has no meaning. In a closed box the velocities given on the walls
        must let in as much as they let out; a surplus remains, spread evenly over the cells.

        Raises:
            ValueError: if the shapes, types or devices of the components do not fit the grid.
        """
        u_x, u_y = self._check_velocity(velocity)
        if self.solid is None:
            return self._project_box((u_x, u_y))
        tables = self._tables(u_x)
        u_x, u_y = u_x * tables["free_x"], u_y * tables["free_y"]
        first, _ = self._project_box((u_x, u_y))
        force = self._pick_faces(first, tables["faces"]) @ tables["capacitance"]
        push_x, push_y = self._put_faces(force, tables["faces"])
        (u_x, u_y), pressure = self._project_box((u_x - push_x, u_y - push_y))
        return (u_x * tables["free_x"], u_y * tables["free_y"]), pressure

    def _project_box(self, velocity: Velocity) -> tuple[Velocity, Tensor]:
        pressure = self.solve(self.divergence(velocity))
        slope_x, slope_y = self.gradient(pressure)
        return (velocity[0] - slope_x, velocity[1] - slope_y), pressure

    def _outflow(self, faces: Tensor, axis: int) -> Tensor:
        if self.ends[axis][0] == "periodic":
            faces = torch.cat([faces, faces.narrow(axis, 0, 1)], axis)
        return faces.diff(dim=axis) / self.spacing[axis]

    def _slope(self, cells: Tensor, axis: int) -> Tensor:
        return self._with_outside(cells, axis).diff(dim=axis) / self.spacing[axis]

    def _with_outside(self, cells: Tensor, axis: int) -> Tensor:
        """Return the cells and, along one axis, those beyond the ends: zero if open, the same beyond walls."""
        first, last = cells.narrow(axis, 0, 1), cells.narrow(axis, -1, 1)
        lower, upper = self.ends[axis]
        if lower == "periodic":
            return torch.cat([last, cells], axis)
        first = torch.zeros_like(first) if lower == "open" else first
        return torch.cat([first, cells, torch.zeros_like(last) if upper == "open" else last], axis)

    def _diagonalise(self) -> dict[str, Tensor]:
        """Return eigenvectors along each axis and the inverse eigenvalues of the Laplacian, float64 on the CPU."""
        values, tables = {}, {}
        for n, axis, name in zip(self.shape, (Y, X), ("basis_y", "basis_x"), strict=True):
            if self._fourier:
                waves = (torch.fft.rfftfreq if axis == X else torch.fft.fftfreq)(n, dtype=torch.float64)
                values[axis] = -((2 * torch.sin(math.pi * waves) / self.spacing[axis]) ** 2)
            else:
                laplacian = self._outflow(self._slope(torch.eye(n, dtype=torch.float64), axis), axis)
                values[axis], tables[name] = torch.linalg.eigh(laplacian)
        total = values[Y][:, None] + values[X]
        constant = total.abs() < 1e-10 * total.abs().max()  # the constant pressure, where no end is open
        return tables | {"inverse": torch.where(constant, 0.0, 1 / torch.where(constant, 1.0, total))}

    def _add_solid(self, solid: Tensor) -> None:
        if solid.dtype != torch.bool or tuple(solid.shape) != self.shape:
            raise ValueError(f"solid is {solid.dtype} of shape {tuple(solid.shape)}, expected bool of {self.shape}.")
        if solid.all():
            raise ValueError("all cells are solid: leave at least one cell for the fluid.")
        # For each face, how many of its two cells are solid; beyond a wall counts like the cell at the wall.
        padded = [self._with_outside(solid.cpu().int(), axis) for axis in (X, Y)]
        solids = [padded[0][:, 1:] + padded[0][:, :-1], padded[1][1:] + padded[1][:-1]]
        # A face inside the solid needs no force: the faces around the solid cut it off from the fluid.
        faces = torch.cat([(count == 1).flatten() for count in solids]).nonzero().flatten()
        self._exact |= {"free_x": (solids[0] == 0).double(), "free_y": (solids[1] == 0).double(), "faces": faces}
        rows = [torch.zeros(0, len(faces), dtype=torch.float64)]
        for some in torch.eye(len(faces), dtype=torch.float64).split(64):
            rows.append(self._pick_faces(self._project_box(self._put_faces(some, faces))[0], faces))
        # The null space, one vector per solid body and per enclosed pocket of fluid, changes the pressure only.
        self._exact["capacitance"] = torch.linalg.pinv(torch.cat(rows), atol=1e-8, hermitian=True)
        self._cache.clear()
        self.solid = solid

    def _pick_faces(self, velocity: Velocity, faces: Tensor) -> Tensor:
        return torch.cat([component.flatten(-2) for component in velocity], -1)[..., faces]

    def _put_faces(self, values: Tensor, faces: Tensor) -> Velocity:
        (rows_x, columns_x), (rows_y, columns_y) = self.face_shapes()
        flat = values.new_zeros(*values.shape[:-1], rows_x * columns_x + rows_y * columns_y)
        flat = flat.index_copy(-1, faces, values)
        part_x, part_y = flat.split([rows_x * columns_x, rows_y * columns_y], -1)
        return part_x.unflatten(-1, (rows_x, columns_x)), part_y.unflatten(-1, (rows_y, columns_y))

    def _tables(self, like: Tensor) -> dict[str, Tensor]:
        """Return the prepared tensors in the precision and on the device of ``like``."""
        key = (like.dtype, like.device)
        if key not in self._cache:
            tables = {name: table.to(like.device) for name, table in self._exact.items()}
            self._cache[key] = {n: t.to(like.dtype) if t.is_floating_point() else t for n, t in tables.items()}
        return self._cache[key]

    def _check_velocity(self, velocity: Velocity) -> Velocity:
        if not isinstance(velocity, tuple | list) or len(velocity) != 2:
            raise ValueError("velocity must be a pair (u_x, u_y) of tensors: one component per axis, on its own faces.")
        for name, component, shape in zip(("u_x", "u_y"), velocity, self.face_shapes(), strict=True):
            if tuple(component.shape[-2:]) != shape:
                raise ValueError(
                    f"{name} has shape {tuple(component.shape)}, expected (..., {shape[0]}, {shape[1]}) on "
                    f"this grid of {self.shape} cells: store the outer faces too, except along a periodic axis."
                )
        u_x, u_y = velocity
        if u_x.shape[:-2] != u_y.shape[:-2] or u_x.dtype != u_y.dtype or u_x.device != u_y.device:
            raise ValueError("u_x and u_y differ in batch shape, type or device: give both the same.")
        if u_x.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"the velocity is {u_x.dtype}, expected float32 or float64: convert it first.")
        return u_x, u_y

    def _check_cells(self, values: Tensor, name: str) -> None:
        if tuple(values.shape[-2:]) != self.shape:
            raise ValueError(f"{name} has shape {tuple(values.shape)}, expected (..., y, x) with {self.shape} cells.")


def _read_ends(name: str, ends: Ends) -> tuple[str, str]:
    pair = (ends, ends) if isinstance(ends, str) else tuple(ends)
    if len(pair) != 2 or any(end not in ENDS for end in pair) or pair.count("periodic") == 1:
        raise ValueError(f"{name} is {ends!r}, expected 'periodic', 'wall', 'open' or a pair of 'wall' and 'open'.")
    return pair


def project(velocity, obstacles=()):
    """Make a PhiFlow velocity divergence-free; stands in for ``phi.flow.fluid.make_incompressible``.

    Args:
        velocity: 2D ``StaggeredGrid`` along x and y, of any batch dimensions. Each side is periodic, constant (a wall
            or an inflow) or zero-gradient (open).
        obstacles: a PhiFlow ``Geometry`` or ``Obstacle`` at rest, or several. Cells with their centre inside are solid.

    Returns:
        the velocity (zero on all faces of solid cells) and the pressure, a ``CenteredGrid``, both on the device and in
        the precision of PhiFlow's settings; gradients pass through.

    Raises:
        ValueError: if the velocity is no such grid, or an obstacle moves or has batch dimensions.
    """
    from phi import math as pm  # here, because PhiFlow takes seconds to load and the class above does without it
    from phi.field import CenteredGrid, Field

    if not (isinstance(velocity, Field) and velocity.is_grid and velocity.is_staggered):
        raise ValueError(f"velocity is a {type(velocity).__name__}, expected a StaggeredGrid: resample it first.")
    if set(velocity.resolution.names) != {"x", "y"}:
        raise ValueError(f"velocity has the axes {velocity.resolution.names}, expected x and y: only 2D is supported.")
    sides = {axis: _ends_of(velocity.extrapolation, axis) for axis in "xy"}
    solid = _solid_cells(velocity, obstacles)
    dx, dy = velocity.dx.numpy("vector").tolist()
    box = _prepared(solid.shape, dx, dy, sides["x"], sides["y"], solid.tobytes() if solid.any() else None)
    groups, faces, parts = [velocity.shape.batch, "y", "x"], [], []
    for axis in "xy":
        given = tuple(int(end == "wall") for end in sides[axis])  # PhiFlow does not store the faces on walls
        values, rule = velocity.values.vector.dual[axis], velocity.extrapolation[{"vector": axis}]
        values = pm.pad(pm.convert(pm.to_float(values)), {axis: given}, rule, bounds=velocity.bounds)
        faces.append(torch.as_tensor(values.native(groups)))
    projected, pressure = box(faces)
    layout = [velocity.shape.batch, pm.spatial("x"), pm.spatial("y")]
    for values, axis, dim in zip(projected, "xy", (X, Y), strict=True):
        given = [int(end == "wall") for end in sides[axis]]
        inner = values.narrow(dim, given[0], values.shape[dim] - sum(given))
        parts.append(pm.reshaped_tensor(inner.mT, layout))
    rules = {"periodic": pm.extrapolation.PERIODIC, "wall": pm.extrapolation.BOUNDARY, "open": pm.extrapolation.ZERO}
    outside = {axis: tuple(rules[end] for end in sides[axis]) for axis in "xy"}
    centred = CenteredGrid(pm.reshaped_tensor(pressure.mT, layout), outside, bounds=velocity.bounds)
    return velocity.with_values(pm.stack(parts, pm.dual(vector="x,y"))), centred


def _ends_of(rule, axis: str) -> tuple[str, str]:
    """Return the ends of a box along an axis from PhiFlow's boundary rule of a velocity."""
    if str(getattr(rule, "ext", {axis: rule}).get(axis)) == "periodic":
        return "periodic", "periodic"
    return tuple("open" if stored else "wall" for stored in rule.valid_outer_faces(axis))


@lru_cache(maxsize=32)
def _prepared(shape: tuple[int, int], dx: float, dy: float, x: Ends, y: Ends, solid: bytes | None) -> Projection:
    mask = None if solid is None else torch.frombuffer(bytearray(solid), dtype=torch.bool).view(shape)
    return Projection(shape, dx, dy, x=x, y=y, solid=mask)


def _solid_cells(velocity, obstacles) -> Bool[np.ndarray, "y x"]:
    """Return which cells have their centre inside an obstacle."""
    from phi.physics.fluid import Obstacle

    solid = np.zeros((velocity.resolution.get_size("y"), velocity.resolution.get_size("x")), dtype=bool)
    for obstacle in obstacles if isinstance(obstacles, tuple | list) else [obstacles]:
        if isinstance(obstacle, Obstacle) and not obstacle.is_stationary:
            raise ValueError("an obstacle moves, but the projection is prepared for one place: give it at rest.")
        geometry = obstacle.geometry if isinstance(obstacle, Obstacle) else obstacle
        if not hasattr(geometry, "lies_inside") or geometry.shape.batch:
            raise ValueError(f"{obstacle!r} is no single PhiFlow Geometry or Obstacle: pass such ones, one by one.")
        solid |= geometry.lies_inside(velocity.geometry.center).numpy("y,x")
    return solid
