"""Draw book/_static/share.png, the 1200 x 630 picture of link previews: a still of our plume below the title.

Run from the repository's root, after book/figures/hero.py: ``.venv/bin/python book/figures/share.py``.
"""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from PIL import Image

from pbdl_utils.files import write_atomically

STATIC = Path(__file__).resolve().parents[1] / "_static"
GROUND = "#0c131c"


def main() -> None:
    """Write the picture."""
    with Image.open(STATIC / "hero_still.webp") as still:
        picture = still.convert("RGB")
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor=GROUND)
    axes = figure.add_axes((0, 0, 1, 12 * picture.height / picture.width / 6.3))
    axes.imshow(picture, aspect="auto", interpolation="bilinear")
    axes.axis("off")
    figure.text(0.04, 0.9, "Physics-based deep learning", color="white", size=38, weight="bold", va="center")
    figure.text(0.04, 0.825, "an executable book: every claim is measured", color="#9fd8c6", size=21, va="center")
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100, facecolor=GROUND)
    packed = io.BytesIO()
    Image.open(buffer).convert("RGB").quantize(200).save(packed, "PNG", optimize=True)
    write_atomically(STATIC / "share.png", packed.getvalue())


if __name__ == "__main__":
    main()
