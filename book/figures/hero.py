"""The animation on the landing page: ``python book/figures/hero.py`` writes ``book/_static/hero.webp`` and a still.

Three sources at the bottom of a wide box blow in warm smoke, the box is open at the top. The model is that of the
chapter on the Navier-Stokes equations: marker and velocity on a staggered grid, lift proportional to the marker, no
viscosity. One step is MacCormack advection with a limiter (Selle et al. 2008, here with torch's ``grid_sample``), lift,
and the direct pressure projection of ``pbdl_utils.physics.projection``. On the left of a frame one sees the smoke, on
the right the vorticity of the same flow, with a soft transition. The last frames are blended into the first ones, so
that the animation loops. ``hero_still.webp`` is its first frame, for readers who prefer reduced motion.

Nothing is random; about two minutes on one core of a laptop. Lengths in cells, one time step is one unit of time.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from matplotlib import colormaps
from PIL import Image
from torch import Tensor

from pbdl_utils.files import write_atomically
from pbdl_utils.physics.projection import Projection

FOLDER = Path(__file__).parents[1] / "_static"
CELLS = (256, 608)  # y, x
PIXELS = (900, 380)  # x, y
SOURCES = ((0.17, 11.0, 1.0), (0.45, 15.0, 1.0), (0.76, 12.0, 1.0))  # place as part of the width, radius, strength
LIFT = 0.012  # acceleration per unit of marker, cells per step^2
SPIN_UP, EVERY, FRAMES, BLEND = 420, 4, 56, 14  # steps before the first frame, steps per frame, frames, blended ones
MILLISECONDS = 70
QUALITY = 42

Grid = Float[Tensor, "y x"]


def sample(values: Grid, x: Grid, y: Grid, outside: str = "border") -> Grid:
    """Return values interpolated at positions in units of their own grid (0, 0 is the first value)."""
    ny, nx = values.shape
    where = torch.stack([2 * x / (nx - 1) - 1, 2 * y / (ny - 1) - 1], -1)
    return F.grid_sample(values[None, None], where[None], padding_mode=outside, align_corners=True)[0, 0]


def velocity_at(u_x: Grid, u_y: Grid, x: Grid, y: Grid) -> tuple[Grid, Grid]:
    """Return the velocity at positions in units of cells; (0.5, 0.5) is the centre of the first cell."""
    return sample(u_x, x, y - 0.5), sample(u_y, x - 0.5, y)


def advect(values: Grid, offset: tuple[float, float], u_x: Grid, u_y: Grid, outside: str = "border") -> Grid:
    """Return values after a step of MacCormack advection; offset is the position of the first value in cells."""
    ny, nx = values.shape
    y, x = torch.meshgrid(torch.arange(ny) + offset[1], torch.arange(nx) + offset[0], indexing="ij")

    def carried(quantity: Grid, time: float) -> tuple[Grid, Grid, Grid]:
        v_x, v_y = velocity_at(u_x, u_y, x, y)
        v_x, v_y = velocity_at(u_x, u_y, x - time / 2 * v_x, y - time / 2 * v_y)  # midpoint rule
        from_x, from_y = x - time * v_x - offset[0], y - time * v_y - offset[1]
        return sample(quantity, from_x, from_y, outside), from_x, from_y

    forward, from_x, from_y = carried(values, 1.0)
    back, _, _ = carried(forward, -1.0)
    corrected = forward + 0.5 * (values - back)
    left, below = from_x.floor().clamp(0, nx - 2).long(), from_y.floor().clamp(0, ny - 2).long()
    corners = torch.stack([values[below + j, left + i] for j in (0, 1) for i in (0, 1)])
    limited = corrected.clamp(corners.amin(0), corners.amax(0))
    return torch.where(forward == 0, forward, limited) if outside == "zeros" else limited


def simulate() -> Iterator[tuple[Grid, Grid]]:
    """Yield marker and vorticity for each frame."""
    ny, nx = CELLS
    box = Projection(CELLS, x="wall", y=("wall", "open"))
    marker = torch.zeros(CELLS)
    u_x, u_y = (torch.zeros(shape) for shape in box.face_shapes())
    y, x = torch.meshgrid(torch.arange(ny) + 0.5, torch.arange(nx) + 0.5, indexing="ij")
    for step in range(SPIN_UP + EVERY * FRAMES):
        marker = advect(marker, (0.5, 0.5), u_x, u_y, outside="zeros")
        for number, (place, radius, strength) in enumerate(SOURCES):
            sway = 5 * math.sin(0.045 * step + 2.1 * number) + 3 * math.sin(0.11 * step + number)
            distance = torch.hypot(x - place * nx - sway, y - 14)
            marker = torch.maximum(marker, strength * torch.sigmoid((radius - distance) / 1.5))
        lift = LIFT * marker
        u_x, u_y = advect(u_x, (0.0, 0.5), u_x, u_y), advect(u_y, (0.5, 0.0), u_x, u_y)
        u_y[1:-1] += 0.5 * (lift[1:] + lift[:-1])
        u_x[:, [0, -1]] = 0  # at rest on the walls
        u_y[0] = 0
        (u_x, u_y), _ = box((u_x, u_y))
        if step >= SPIN_UP and (step - SPIN_UP) % EVERY == 0:
            corners = u_y[1:-1].diff(dim=1) - u_x[:, 1:-1].diff(dim=0)
            yield marker, F.avg_pool2d(F.pad(corners, (1, 1, 1, 1))[None, None], 2, stride=1)[0, 0]


def draw(marker: Grid, vorticity: Grid) -> Float[np.ndarray, "y x 3"]:
    """Return a frame, values from 0 to 1: smoke on the left, vorticity on the right, both on the same dark ground."""
    smoke = colormaps["magma"](0.9 * marker.numpy().clip(0, 1) ** 0.8)[..., :3]
    spin = colormaps["berlin"](0.5 + 0.5 * np.tanh(vorticity.numpy() / 0.35))[..., :3]
    x = np.linspace(0, 1, marker.shape[1])[:, None]
    share = 1 / (1 + np.exp(-(x - 0.5) / 0.03))
    return ((1 - share) * smoke + share * spin)[::-1]


def main() -> None:
    """Simulate, draw, blend the ends, save."""
    torch.set_num_threads(1)
    with torch.no_grad():
        frames = [draw(marker, vorticity) for marker, vorticity in simulate()]
    for index in range(BLEND):  # the first frames fade in over the last ones
        share = (index + 1) / (BLEND + 1)
        frames[index] = share * frames[index] + (1 - share) * frames[len(frames) - BLEND + index]
    images = [
        Image.fromarray((255 * frame).round().astype(np.uint8)).resize(PIXELS, Image.Resampling.BICUBIC)
        for frame in frames[: len(frames) - BLEND]
    ]
    buffer = io.BytesIO()
    images[0].save(
        buffer, "WEBP", save_all=True, append_images=images[1:], duration=MILLISECONDS, loop=0, quality=QUALITY, method=6
    )
    write_atomically(FOLDER / "hero.webp", buffer.getvalue())
    buffer = io.BytesIO()
    images[BLEND].save(buffer, "WEBP", quality=85, method=6)
    write_atomically(FOLDER / "hero_still.webp", buffer.getvalue())
    for name in ("hero.webp", "hero_still.webp"):
        print(f"{name}: {(FOLDER / name).stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
