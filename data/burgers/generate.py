"""Make burgers.npz: the exact solution of Burgers' equation as observations for the Burgers chapters.

Usage, from anywhere: python data/burgers/generate.py [FILE]
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np

from pbdl_utils.files import write_atomically
from pbdl_utils.physics.burgers import VISCOSITY, cell_centres, cole_hopf

RESOLUTION = 128
STEPS = 32
DECIMALS = 10  # hides the last bits, in which the exponential functions of different processors differ


def make() -> dict[str, np.ndarray]:
    """Return the arrays x (128,), t (33,) and u (33, 128), all float64."""
    x, t = cell_centres(RESOLUTION), np.linspace(0, 1, STEPS + 1)
    return {"x": x, "t": t, "u": np.round(cole_hopf(x, t, viscosity=VISCOSITY), DECIMALS)}


def npz_bytes(arrays: dict[str, np.ndarray]) -> bytes:
    """Return the arrays as an uncompressed npz archive whose bytes depend on nothing but the arrays."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # the same on every operating system
            entry.external_attr = 0o644 << 16
            file.writestr(entry, content.getvalue())
    return archive.getvalue()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("burgers.npz")
    write_atomically(target, npz_bytes(make()))
