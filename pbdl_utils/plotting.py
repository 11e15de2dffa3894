"""One house style for all figures: colours, fields side by side, training curves, animations."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image

from pbdl_utils.files import write_atomically

# The same colour for the same thing through the whole book (Okabe and Ito's colour-blind-safe palette).
COLORS = {
    "data": "#9a9a9a",
    "reference": "#000000",
    "supervised": "#D55E00",
    "differentiable physics": "#009E73",
    "physical loss": "#CC79A7",
    "generative": "#0072B2",
    "classical": "#56B4E9",
    "reinforcement": "#E69F00",
}
CYCLE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MAGNITUDE = "viridis"  # fields of one sign
SIGNED = "RdBu_r"  # signed fields, centred at zero


def use_style() -> None:
    """Set matplotlib's defaults to the house style; each notebook's set-up cell calls this once."""
    plt.rcParams.update(
        {
            "axes.grid": True,
            "axes.prop_cycle": plt.cycler(color=CYCLE),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.figsize": (7.0, 3.2),
            "font.size": 10.5,
            "grid.alpha": 0.25,
            "image.cmap": MAGNITUDE,
            "image.origin": "lower",
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "savefig.dpi": 160,
        }
    )


def fields(
    arrays: Sequence[ArrayLike] | Mapping[str, ArrayLike],
    *,
    titles: Sequence[str] = (),
    extent: tuple[float, float, float, float] | None = None,
    signed: bool = False,
    limits: tuple[float, float] | None = None,
    label: str = "",
    xlabel: str = "x",
    ylabel: str = "y",
    height: float = 2.6,
) -> Figure:
    """Show two-dimensional fields side by side with one common colour scale.

    Args:
        arrays: fields of shape ``(y, x)``, or a mapping from title to field.
        titles: one title per field, when ``arrays`` is a sequence.
        extent: left, right, bottom, top of the domain, in the units of the axis labels.
        signed: use a diverging colour map centred at zero.
        limits: ends of the colour scale; from the data by default.
        label: label of the colour bar, with unit.
        height: height of the row in inches.

    Raises:
        ValueError: if there is no field or one is not two-dimensional.
    """
    if isinstance(arrays, Mapping):
        titles, arrays = list(arrays), list(arrays.values())
    images = [np.asarray(array) for array in arrays]
    if not images or any(image.ndim != 2 for image in images):
        raise ValueError(f"expected fields of shape (y, x), got the shapes {[image.shape for image in images]}.")
    low, high = limits or (min(image.min() for image in images), max(image.max() for image in images))
    if signed:
        high = max(abs(low), abs(high))
        low = -high
    rows, columns = images[0].shape
    left, right, bottom, top = extent or (0, columns, 0, rows)
    width = height * (right - left) / (top - bottom)
    figure, axes = plt.subplots(
        1, len(images), figsize=(min(10.0, width * len(images) + 1.4), height), squeeze=False, sharey=True
    )
    for index, (axis, image) in enumerate(zip(axes[0], images, strict=True)):
        shown = axis.imshow(image, extent=extent, cmap=SIGNED if signed else MAGNITUDE, vmin=low, vmax=high)
        axis.grid(False)
        axis.set(xlabel=xlabel, title=titles[index] if index < len(titles) else "")
    axes[0, 0].set_ylabel(ylabel)
    figure.colorbar(shown, ax=axes, label=label, shrink=0.9)
    return figure


def training_curve(
    losses: Mapping[str, Sequence[float]], *, xlabel: str = "epoch", ylabel: str = "loss", ax: Axes | None = None
) -> Axes:
    """Plot losses over epochs on a logarithmic axis.

    Args:
        losses: label -> one value per epoch; labels that are keys of ``COLORS`` get that colour.
        ax: axes to draw into; new ones by default.
    """
    if ax is None:
        ax = plt.subplots()[1]
    for name, values in losses.items():
        ax.semilogy(np.arange(1, len(values) + 1), values, label=name, color=COLORS.get(name))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    return ax


def save_animation(path: Path | str, frames: Sequence[Figure | ArrayLike], *, milliseconds: int = 80) -> None:
    """Save frames as an animated WebP image that repeats for ever.

    Args:
        path: where to save, ending in ``.webp``.
        frames: figures (closed afterwards) or RGB arrays of shape ``(height, width, 3)``, values 0 to 255.
        milliseconds: time per frame.

    Raises:
        ValueError: if there are no frames or the name does not end in ``.webp``.
        pbdl_utils.files.WriteError: if the file cannot be written.
    """
    if Path(path).suffix != ".webp" or not len(frames):
        raise ValueError(
            f"expected a name ending in .webp and at least one frame, got {path} and {len(frames)} frames."
        )
    images = [Image.fromarray(_pixels(frame)) for frame in frames]
    buffer = io.BytesIO()
    images[0].save(
        buffer, "WEBP", save_all=True, append_images=images[1:], duration=milliseconds, loop=0, quality=70, method=6
    )
    write_atomically(path, buffer.getvalue())


def _pixels(frame: Figure | ArrayLike) -> np.ndarray:
    if not isinstance(frame, Figure):
        return np.asarray(frame, dtype=np.uint8)
    frame.canvas.draw()
    pixels = np.asarray(frame.canvas.buffer_rgba())[..., :3].copy()
    plt.close(frame)
    return pixels
