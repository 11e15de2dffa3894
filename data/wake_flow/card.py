"""Write the data card README.md: its text stands in card.template.md, its numbers come from the measurements.

Usage, from anywhere: python data/wake_flow/card.py
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from pbdl_utils.files import write_atomically
from pbdl_utils.physics.wake import DIAMETER, WIDTH, Wake, strouhal

HERE = Path(__file__).parent
QUANTUM = 2.0**-13
MEANING = {
    "u_x": "velocity across the channel, both walls included",
    "u_y": "velocity along the channel, inflow and outflow included",
    "reynolds": "Reynolds number, formed with the diameter",
    "split": "train, test inside or test outside (of the training range)",
    "fine_u_x": "the same on the fine grid: test simulations in their order, frames 0, 130 and 260",
    "fine_u_y": "the same on the fine grid",
}


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])


def write() -> None:
    """Fill the template with all tables and write README.md."""
    path = HERE / "wake_flow.npz"
    with np.load(path) as file:
        arrays = dict(file)
    checks = json.loads((HERE / "verification.json").read_text())
    seconds = json.loads((HERE / "summary.json").read_text())["seconds"].values()
    content = path.read_bytes()
    parts = {
        "blockage": f"{DIAMETER / WIDTH:.0%}",
        "simulations": _simulations(arrays),
        "layout": "\n".join(
            f"| `{name}` | {array.shape} | {array.dtype.str[1:]} | {MEANING[name]} |" for name, array in arrays.items()
        ),
        "obstacle": _obstacle(arrays),
        "minutes": f"{sum(seconds) / 60:.0f}",
        "verification": _verification(checks),
        "divergence": f"{max(row['divergence'] for row in checks.values()):.0e}",
        "files": f"| `wake_flow.npz` | {len(content) / 1e6:.1f} MB | `{hashlib.sha256(content).hexdigest()}` |",
    }
    text = (HERE / "card.template.md").read_text()
    for name, value in parts.items():
        text = text.replace("{{" + name + "}}", value)
    write_atomically(HERE / "README.md", text.encode())


def _simulations(arrays: dict[str, np.ndarray]) -> str:
    rows = []
    for u_x, reynolds, split in zip(arrays["u_x"], arrays["reynolds"], arrays["split"], strict=True):
        signal = torch.from_numpy(u_x[:, 32, 16] * QUANTUM)
        halves = " / ".join(f"{half.std():.3f}" for half in signal.tensor_split(2))
        rows.append([f"{reynolds:.0f}", split, f"{20 / reynolds:.4f}", f"{strouhal(signal, 1.0):.4f}", halves])
    rows.sort(key=lambda row: int(row[0]))
    return table(["Re", "split", "viscosity", "Strouhal number", "std of u_x, first / second half"], rows)


def _obstacle(arrays: dict[str, np.ndarray]) -> str:
    wake = Wake((64, 32), 1.0)
    stored = tuple(torch.from_numpy(arrays[name][:, ::40] * QUANTUM) for name in ("u_x", "u_y"))
    difference = [(a - b).square().sum((-1, -2)) for a, b in zip(stored, wake.project(stored), strict=True)]
    shares = (sum(difference) / sum(f.square().sum((-1, -2)) for f in stored)).sqrt()
    return f"{shares.min():.1%} to {shares.max():.1%}"


def _verification(checks: dict) -> str:
    benchmark = [
        [f"{nx} cells across the channel", f"{row['strouhal']:.4f}", "0.2950 to 0.3050"]
        for nx in (52, 105)
        if (row := checks.get(f"benchmark {nx}"))
    ]
    unbounded = [
        [f"{nx / 16:.1f} cells per diameter", f"{row['strouhal']:.4f}", "0.1643"]
        for nx in (103, 205)
        if (row := checks.get(f"unbounded {nx}"))
    ]
    grids = ("64 × 32", "128 × 64", "256 × 128", "512 × 256")
    mesh = [
        [f"{reynolds}", grids[level], f"{row['strouhal']:.4f}", f"{row['std']:.3f}"]
        for reynolds in (150, 460)
        for level in range(4)
        if (row := checks.get(f"mesh {reynolds} {level}"))
    ]
    text = (HERE / "verification.template.md").read_text()
    for name, head, rows in (
        ("benchmark", ["grid", "Strouhal number", "published"], benchmark),
        ("unbounded", ["grid", "Strouhal number", "published"], unbounded),
        ("mesh", ["Re", "grid", "Strouhal number", "std of u_x"], mesh),
    ):
        text = text.replace("{{" + name + "}}", table(head, rows))
    return text.strip()


if __name__ == "__main__":
    write()
