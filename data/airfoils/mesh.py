"""A structured C-mesh around an airfoil, written as an OpenFOAM polyMesh without any mesh generator.

Method: the square root w = sqrt(z - z_s), with z_s just inside the nose, opens the plane cut along airfoil and wake
into a half plane in which the airfoil is a gently curved line ("sheared parabolic coordinates": Jameson, Comm. Pure
Appl. Math. 27, 1974). There a mesh of straight vertical lines is nearly orthogonal, and so is its image z = z_s + w^2.
Point (i, j): i runs from the outflow below the wake around the airfoil to the outflow above it, j away from the wall.
"""

from dataclasses import dataclass
from math import cos, sin
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import reverse_cuthill_mckee

PATCHES = ("airfoil", "farfield", "frontAndBack")
DEPTH = 1.0  # extent of the one cell in z, chords


@dataclass(frozen=True)
class Resolution:
    """Numbers of cells on each side of the airfoil, along the wake, away from the wall; first cell height in chords."""

    surface: int
    wake: int
    normal: int
    first_cell: float

    def cells(self) -> int:
        return 2 * (self.surface + self.wake) * self.normal


# The data set is made with MEDIUM; the others serve the mesh study.
COARSE, MEDIUM, FINE = Resolution(44, 20, 38, 1.6e-3), Resolution(62, 28, 54, 1.2e-3), Resolution(88, 40, 76, 0.8e-3)
FAR = 200.0  # distance of the outer boundary, chords
NOSE_EXPONENT = 0.8  # first cell height ~ |w|^this: 0 would be the same height everywhere, 1 the pure conformal image
EDGE_SPACING, NOSE_SPACING = 0.12, 0.55  # of the mean spacing along the surface in the w plane


@dataclass(frozen=True)
class Mesh:
    """Points (nx + 1, ny + 1, 2) of the C-mesh; the first and last ``wake`` columns of row 0 coincide in pairs."""

    points: NDArray[np.float64]
    wake: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.points.shape[0] - 1, self.points.shape[1] - 1


def build(curve: NDArray[np.float64], angle: float, resolution: Resolution) -> Mesh:
    """Return the C-mesh of a closed curve (see ``shapes``) whose wake bends to the free stream at ``angle`` degrees."""
    z = curve[:, 0] + 1j * curve[:, 1]
    origin = _singular_point(z)
    surface = _surface_line(z, origin, resolution.surface)
    wake_z = _wake_line(z, np.radians(angle), resolution)
    wake = np.sqrt(wake_z - origin)  # continues the upper side; the lower side is its negative
    line = np.concatenate([-wake[::-1], surface, wake])
    columns = [_column(w, resolution, _wall_spacing(w, k, resolution)) for k, w in enumerate(line)]
    image = origin + np.stack(columns) ** 2
    image[:, 0] = np.concatenate([wake_z[::-1], origin + surface**2, wake_z])
    first, last = resolution.wake, resolution.wake + 2 * resolution.surface
    image[first, 0] = image[last, 0] = 1.0
    return Mesh(np.stack([image.real, image.imag], axis=-1), resolution.wake)


def write(mesh: Mesh, case: Path) -> NDArray[np.int64]:
    """Write ``constant/polyMesh`` and return the OpenFOAM cell number of each cell (nx, ny)."""
    nx, ny = mesh.shape
    node, points = _merged_nodes(mesh)
    cell = np.arange(nx * ny).reshape(nx, ny)
    a, b, left, right = [], [], [], []  # faces as segments of two nodes; left and right cell, -1: outside
    inner_columns = np.ones(nx, dtype=bool)
    inner_columns[nx - mesh.wake :] = False  # the wake cut is one face of two cells, kept once

    def add(start, end, one, two):
        for store, values in zip((a, b, left, right), (start, end, one, two), strict=True):
            store.append(np.broadcast_to(values, start.shape).ravel())

    add(node[1:-1, :-1], node[1:-1, 1:], cell[:-1], cell[1:])  # between columns
    add(node[0, :-1], node[0, 1:], cell[0], -1)
    add(node[-1, :-1], node[-1, 1:], cell[-1], -1)
    add(node[:-1, 1:-1], node[1:, 1:-1], cell[:, :-1], cell[:, 1:])  # between rows
    add(node[:-1, -1], node[1:, -1], cell[:, -1], -1)
    across = np.full(nx, -2)
    across[: mesh.wake] = cell[::-1, 0][: mesh.wake]
    add(node[:-1, 0][inner_columns], node[1:, 0][inner_columns], cell[inner_columns, 0], across[inner_columns])
    a, b, left, right = (np.concatenate(v) for v in (a, b, left, right))

    inner = right >= 0
    graph = coo_matrix((np.ones(inner.sum()), (left[inner], right[inner])), shape=(nx * ny,) * 2).tocsr()
    number = np.empty(nx * ny, dtype=np.int64)
    number[reverse_cuthill_mckee(graph + graph.T, symmetric_mode=True)] = np.arange(nx * ny)
    left, right = number[left], np.where(inner, number[np.maximum(right, 0)], right)
    owner = np.where(inner, np.minimum(left, right), left)
    other = np.where(inner, np.maximum(left, right), right)
    _write_files(case / "constant" / "polyMesh", points, _outwards(a, b, owner, points, number, node), owner, other)
    return number.reshape(nx, ny)


def _write_files(folder: Path, points, sides, owner, other) -> None:
    """Order the faces as OpenFOAM wants them (inner by owner and neighbour, then by patch) and write all files."""
    (a, b), quads = sides
    n = len(points)
    inner, wall, far = (np.flatnonzero(mask) for mask in (other >= 0, other == -2, other == -1))
    inner = inner[np.lexsort((other[inner], owner[inner]))]
    rows = np.concatenate([inner, wall[np.argsort(owner[wall])], far[np.argsort(owner[far])]])
    side_faces = np.stack([a, b, b + n, a + n], axis=1)[rows]
    back, front = quads[:, ::-1], quads + n
    faces = np.concatenate([side_faces, back, front])
    owners = np.concatenate([owner[rows], np.arange(len(quads)), np.arange(len(quads))])
    counts = (len(wall), len(far), 2 * len(quads))
    solid = np.concatenate([np.c_[points, np.zeros(n)], np.c_[points, np.full(n, DEPTH)]])
    folder.mkdir(parents=True, exist_ok=True)
    _write_list(folder, "points", "vectorField", [f"({x:.12g} {y:.12g} {z:.12g})" for x, y, z in solid.tolist()])
    _write_list(folder, "faces", "faceList", [f"4({p} {q} {r} {s})" for p, q, r, s in faces.tolist()])
    note = f"nPoints: {2 * n} nCells: {len(quads)} nFaces: {len(faces)} nInternalFaces: {len(inner)}"
    _write_list(folder, "owner", "labelList", map(str, owners.tolist()), note)
    _write_list(folder, "neighbour", "labelList", map(str, other[inner].tolist()), note)
    start, patches = len(inner), []
    for name, kind, count in zip(PATCHES, ("wall", "patch", "empty"), counts, strict=True):
        patches.append(f"{name} {{ type {kind}; nFaces {count}; startFace {start}; }}")
        start += count
    _write_list(folder, "boundary", "polyBoundaryMesh", patches)


def _write_list(folder: Path, name: str, kind: str, lines, note: str = "") -> None:
    lines = list(lines)
    note = f'note "{note}"; ' if note else ""
    header = f"FoamFile {{ version 2.0; format ascii; class {kind}; {note}location constant/polyMesh; object {name}; }}"
    (folder / name).write_text("\n".join([header, str(len(lines)), "(", *lines, ")", ""]))


def _outwards(a, b, owner, points, number, node):
    """Turn each segment so that its face points out of the owner; also return the cells' quads in OpenFOAM's order."""
    nx, ny = node.shape[0] - 1, node.shape[1] - 1
    corners = np.stack([node[:-1, :-1], node[1:, :-1], node[1:, 1:], node[:-1, 1:]], axis=-1).reshape(nx * ny, 4)
    quads = np.empty_like(corners)
    quads[number] = corners
    p = points[quads]
    diagonals = p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]
    clockwise = diagonals[0][:, 0] * diagonals[1][:, 1] - diagonals[0][:, 1] * diagonals[1][:, 0] < 0
    quads[clockwise] = quads[clockwise][:, ::-1]
    # A segment of a counter-clockwise quad, followed in the quad's order, has the quad on its left: its face with
    # the extrusion in +z then points outwards.
    follow = (np.roll(quads, -1, axis=1)[owner] == b[:, None]) & (quads[owner] == a[:, None])
    keep = follow.any(axis=1)
    return (np.where(keep, a, b), np.where(keep, b, a)), quads


def _merged_nodes(mesh: Mesh):
    """Number the points so that the two sides of the wake share theirs; return numbers (nx + 1, ny + 1) and points."""
    nx, ny = mesh.shape
    node = np.arange((nx + 1) * (ny + 1)).reshape(nx + 1, ny + 1)
    node[nx - mesh.wake :, 0] = node[: mesh.wake + 1, 0][::-1]
    used, inverse = np.unique(node, return_inverse=True)
    return inverse.reshape(node.shape), mesh.points.reshape(-1, 2)[used]


def _singular_point(z):
    """Return the point half a nose radius inside the nose, by the circle through three points of the curve."""
    nose = int(np.argmax(np.abs(z - 1)))
    p, q, r = z[nose - 12], z[nose], z[nose + 12]
    side = abs(q - p) * abs(r - q) * abs(p - r)
    radius = side / (2 * abs(((q - p).conjugate() * (r - p)).imag))
    inward = (p + r) / 2 - q
    return q + 0.5 * min(radius, 0.1) * inward / abs(inward)


def _surface_line(z, origin, cells):
    """Return 2 cells + 1 points along the airfoil in the w plane, dense at nose and trailing edge."""
    turned = z - origin
    angle = np.unwrap(np.angle(turned))  # from about 2 pi (lower edge) to about 0 (upper edge)
    angle += 2 * np.pi * np.round((np.angle(turned[-1]) - angle[-1]) / (2 * np.pi))
    w = np.sqrt(np.abs(turned)) * np.exp(0.5j * angle)
    nose = int(np.argmax(np.abs(z - 1)))
    length = np.concatenate([[0], np.cumsum(np.abs(np.diff(w)))])
    spline = CubicSpline(length, np.stack([w.real, w.imag], axis=1))
    rise = _two_sided(cells, NOSE_SPACING, EDGE_SPACING)
    upper = length[nose] + (length[-1] - length[nose]) * rise
    lower = length[nose] * (1 - rise[::-1])
    at = spline(np.concatenate([lower, upper[1:]]))
    return at[:, 0] + 1j * at[:, 1]


def _wake_line(z, angle, resolution):
    """Return the wake's points from the second to the outflow: along the edge's bisector, bending to the stream."""
    upper, lower = z[-1] - z[-8], z[0] - z[7]
    edge = np.angle(upper / abs(upper) + lower / abs(lower))
    spacing = EDGE_SPACING / resolution.surface * 2  # dz = 2 w dw, and w = 1 at the trailing edge
    distance = _geometric(FAR, spacing, resolution.wake)[1:]
    fine = np.concatenate([[0], np.geomspace(1e-4, FAR, 600)])
    bend = 1 - np.exp(-fine / 0.5)
    direction = np.exp(1j * (edge + (angle - edge) * bend))
    path = 1 + np.concatenate([[0], np.cumsum(np.diff(fine) * 0.5 * (direction[1:] + direction[:-1]))])
    return np.interp(distance, fine, path.real) + 1j * np.interp(distance, fine, path.imag)


def _wall_spacing(w, k, resolution):
    """Return the first step in the w plane: a fixed height at the edge, less at the nose, growing along the wake."""
    in_wake = min(k, 2 * (resolution.wake + resolution.surface) - k) < resolution.wake
    growth = 1 + 0.5 * (abs(w) - 1) ** 2 if in_wake else np.hypot(abs(w), 0.05) ** (NOSE_EXPONENT - 1)
    return 0.5 * resolution.first_cell * growth  # dz = 2 w dw


def _column(w, resolution, first):
    """Return the points of one mesh line in the w plane: straight up, in geometric steps."""
    length = np.sqrt(FAR) - w.imag
    return w.real + 1j * (w.imag + _geometric(length, min(first, 0.5 * length / resolution.normal), resolution.normal))


def _geometric(length, first, cells):
    """Return cells + 1 points from 0 to length whose steps grow by one ratio from ``first``."""
    ratio = brentq(lambda q: first * np.expm1(cells * q) / np.expm1(q) - length, 1e-9, 2.0)
    return length * np.expm1(ratio * np.arange(cells + 1)) / np.expm1(ratio * cells)


def _two_sided(cells, first, last):
    """Return cells + 1 points in [0, 1]; ``first`` and ``last`` are the end steps in mean steps (Vinokur 1983)."""
    skew, slope = np.sqrt(last / first), 1 / np.sqrt(first * last)
    if slope <= 1:
        raise ValueError(f"the end steps {first} and {last} are too long: their product must be below one.")
    delta = brentq(lambda d: np.sinh(d) / d - slope, 1e-6, 50)
    u = 0.5 * (1 + np.tanh(delta * (np.linspace(0, 1, cells + 1) - 0.5)) / np.tanh(delta / 2))
    return u / (skew + (1 - skew) * u)


def free_stream(angle: float) -> tuple[float, float]:
    """Return the unit vector of the free stream at an angle of attack in degrees."""
    return cos(np.radians(angle)), sin(np.radians(angle))
