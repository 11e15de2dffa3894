"""From the solution on a C-mesh to images of 128 x 128 points, by linear interpolation on triangles."""

import numpy as np
from case import Solution
from jaxtyping import Bool, Float
from matplotlib.path import Path as Polygon
from matplotlib.tri import LinearTriInterpolator, Triangulation
from mesh import Mesh
from numpy import ndarray as Array

RESOLUTION = 128
WINDOW = ((-0.5, 1.5), (-1.0, 1.0))  # x and y in chords; the airfoil lies between x = 0 and x = 1


def pixel_centres() -> tuple[Float[Array, "y x"], Float[Array, "y x"]]:
    """Return x and y of the image's points; rows go with y upwards, columns with x."""
    x, y = (low + (np.arange(RESOLUTION) + 0.5) * (high - low) / RESOLUTION for low, high in WINDOW)
    return np.meshgrid(x, y)


def mask(curve: Float[Array, "n 2"]) -> Bool[Array, "y x"]:
    """Return where the image's points lie inside the airfoil."""
    x, y = pixel_centres()
    return Polygon(curve).contains_points(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)


def sample(mesh: Mesh, solution: Solution, inside: Bool[Array, "y x"]) -> Float[Array, "3 y x"]:
    """Return pressure / U^2, u_x / U and u_y / U at the image's points; zero inside the airfoil."""
    triangles, points, values = _triangles(mesh, solution)
    x, y = pixel_centres()
    images = np.zeros((3, *x.shape))
    finder = triangles.get_trifinder()
    for image, value in zip(images, values.T, strict=True):
        found = LinearTriInterpolator(triangles, value, trifinder=finder)(x, y)
        image[:] = np.where(inside, 0.0, np.ma.filled(found, np.nan))
    for row, column in np.argwhere(np.isnan(images[0])):  # a sliver between curve and mesh: the nearest node
        nearest = np.argmin(np.hypot(points[:, 0] - x[row, column], points[:, 1] - y[row, column]))
        images[:, row, column] = values[nearest]
    return images


def surface(mesh: Mesh, solution: Solution) -> Float[Array, "3 n"]:
    """Return x, y and pressure / U^2 at the centres of the wall faces, from lower to upper trailing edge."""
    on_wall = slice(mesh.wake, mesh.shape[0] - mesh.wake)
    wall = mesh.points[:, 0]
    centres = 0.5 * (wall[1:] + wall[:-1])[on_wall]
    return np.concatenate([centres.T, solution.pressure[on_wall, :1].T])  # the wall pressure is that of the first cell


def _triangles(mesh: Mesh, solution: Solution):
    """Triangulate the cell centres near the window, plus the wall, where the velocity is zero."""
    nx, ny = mesh.shape
    p = mesh.points
    centres = 0.25 * (p[1:, 1:] + p[:-1, 1:] + p[1:, :-1] + p[:-1, :-1])
    values = np.concatenate([solution.pressure[..., None], solution.velocity], axis=-1)
    ground = 0.5 * (p[1:, 0] + p[:-1, 0])
    ground_values = np.concatenate([solution.pressure[:, :1], np.zeros((nx, 2))], axis=1)
    # On the wake cut the ground row holds the mean of the two cells that meet there.
    cut = np.r_[: mesh.wake, nx - mesh.wake : nx]
    ground_values[cut] = 0.5 * (values[cut, 0] + values[nx - 1 - cut, 0])
    nodes = np.concatenate([ground[:, None], centres], axis=1)
    values = np.concatenate([ground_values[:, None], values], axis=1)
    number = np.arange(nx * (ny + 1)).reshape(nx, ny + 1)
    number[nx - mesh.wake :, 0] = number[: mesh.wake, 0][::-1]
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    corners = np.concatenate([np.stack(t, axis=-1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    points, values = nodes.reshape(-1, 2), values.reshape(-1, 3)
    (x0, x1), (y0, y1) = WINDOW
    margin = 0.6
    near = (np.abs(points[:, 0] - (x0 + x1) / 2) < (x1 - x0) / 2 + margin) & (
        np.abs(points[:, 1] - (y0 + y1) / 2) < (y1 - y0) / 2 + margin
    )
    corners = corners[near[corners].any(axis=1)]
    e, f = points[corners[:, 1]] - points[corners[:, 0]], points[corners[:, 2]] - points[corners[:, 0]]
    corners = corners[np.abs(e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]) > 1e-14]
    used, inverse = np.unique(corners, return_inverse=True)
    points, values = points[used], values[used]
    return Triangulation(*points.T, triangles=inverse.reshape(corners.shape)), points, values
