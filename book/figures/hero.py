"""The animation on the landing page: ``python book/figures/hero.py`` writes ``book/_static/hero.webp`` and a still.

Three sources at the bottom of a wide box blow in warm smoke; the box is open at the top. One step is
``pbdl_utils.physics.smoke.plume_step``: MacCormack advection, lift, direct pressure projection. On the left of a frame
one sees the smoke, on the right the vorticity of the same flow, with a soft transition. The last frames fade into the
first ones, so that the animation loops. ``hero_still.webp`` is a single frame for readers who prefer reduced motion.

Nothing is random; about three minutes on one core. Lengths in cells, one time step is one unit of time.
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
from pbdl_utils.physics.smoke import plume_step

FOLDER = Path(__file__).parents[1] / "_static"
CELLS = (256, 608)  # y, x
PIXELS = (900, 380)  # x, y
SOURCES = ((0.17, 11.0), (0.45, 15.0), (0.76, 13.0))  # place as a part of the width, radius
GROUND, LEFT_TURNING, RIGHT_TURNING = (
    (13, 17, 28),
    np.array([255, 176, 84]),
    np.array([92, 190, 255]),
)  # red, green, blue
LIFT = 0.012  # acceleration per unit of marker, cells per step^2
SPIN_UP, EVERY, FRAMES, BLEND = 560, 4, 56, 14  # steps before the first frame, steps per frame, frames, blended ones
MILLISECONDS = 70
QUALITY = 50

Grid = Float[Tensor, "y x"]


def simulate() -> Iterator[tuple[Grid, Grid]]:
    """Yield marker and vorticity for each frame."""
    ny, nx = CELLS
    box = Projection(CELLS, x="wall", y=("wall", "open"))
    marker = torch.zeros(CELLS)
    u_x, u_y = (torch.zeros(shape) for shape in box.face_shapes())
    y, x = torch.meshgrid(torch.arange(ny) + 0.5, torch.arange(nx) + 0.5, indexing="ij")
    for step in range(SPIN_UP + EVERY * FRAMES):
        for number, (place, radius) in enumerate(SOURCES):
            sway = 5 * math.sin(0.045 * step + 2.1 * number) + 3 * math.sin(0.11 * step + number)
            distance = torch.hypot(x - place * nx - sway, y - 14)
            marker = torch.maximum(marker, torch.sigmoid((radius - distance) / 1.5))
        marker, (u_x, u_y) = plume_step(marker, (u_x, u_y), box, dt=1.0, buoyancy=LIFT)
        if step >= SPIN_UP and (step - SPIN_UP) % EVERY == 0:
            corners = u_y[1:-1].diff(dim=1) - u_x[:, 1:-1].diff(dim=0)
            yield marker, F.avg_pool2d(F.pad(corners, (1, 1, 1, 1))[None, None], 2, stride=1)[0, 0]


def draw(marker: Grid, vorticity: Grid) -> Float[np.ndarray, "y x 3"]:
    """Return a frame, values from 0 to 1: smoke on the left, vorticity on the right, on the same dark ground."""
    ground = np.array(GROUND) / 255
    smoke = marker.numpy().clip(0, 1)[..., None]
    warm = colormaps["magma"](0.25 + 0.7 * smoke[..., 0])[..., :3]
    left = ground + (1 - (1 - smoke) ** 3) * (warm - ground)
    spin = vorticity.numpy()[..., None]
    right = ground + np.tanh(abs(spin) / 0.25) * (np.where(spin > 0, LEFT_TURNING, RIGHT_TURNING) / 255.0 - ground)
    x = np.linspace(0, 1, marker.shape[1])[:, None]
    share = 1 / (1 + np.exp(-(x - 0.5) / 0.025))
    return ((1 - share) * left + share * right)[::-1]


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
        buffer,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=MILLISECONDS,
        loop=0,
        quality=QUALITY,
        method=6,
    )
    write_atomically(FOLDER / "hero.webp", buffer.getvalue())
    buffer = io.BytesIO()
    images[BLEND].save(buffer, "WEBP", quality=85, method=6)
    write_atomically(FOLDER / "hero_still.webp", buffer.getvalue())
    for name in ("hero.webp", "hero_still.webp"):
        print(f"{name}: {(FOLDER / name).stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
