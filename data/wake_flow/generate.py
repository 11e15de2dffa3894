"""Make wake_flow.npz: reference simulations of the flow past a cylinder, on a coarse grid.

Usage, from anywhere: python data/wake_flow/generate.py [FILE]

Each simulation is stored in ``checkpoints/`` when it is finished; an interrupted run goes on with the next one. Then
all are packed into one file, and the card is written again (verify.py writes the measurements that the card quotes).
"""

import io
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from pbdl_utils.files import write_atomically
from pbdl_utils.physics.wake import Wake, resample, viscosity_of

HERE = Path(__file__).parent
SPLIT = {
    "train": (100, 150, 220, 320, 460, 680),
    "test inside": (130, 270, 560),
    "test outside": (80, 900),
}
FINE, FINE_DT = (256, 128), 0.25
STORED, STORED_DT = (64, 32), 1.0
FRAMES = 361
RESTARTS = (0, 130, 260)  # frames of which the test simulations keep the state on the fine grid, too
QUANTUM = 2.0**-13  # stored values are integers times this
SPIN_UP = ((128, 64), 0.5, 1200.0)  # grid, time step and time of the first development, from a disturbed start
SETTLE = 200.0  # time on the fine grid before the first frame


def advance(wake: Wake, velocity, push, reynolds: float, duration: float):
    """Return velocity and push of the third-order scheme after some time."""
    for _ in range(round(duration / wake.dt)):
        velocity, push = wake.third_order(velocity, viscosity_of(reynolds), push)
    return velocity, push


def developed(reynolds: float, shape=FINE, dt: float = FINE_DT, settle: float = SETTLE):
    """Return a state of developed shedding (float64, batch of one) and its push."""
    spin_shape, spin_dt, spin_time = SPIN_UP
    first = Wake(spin_shape, spin_dt)
    velocity, _ = advance(first, first.start(), None, reynolds, spin_time)
    wake = Wake(shape, dt)
    return advance(wake, wake.project(resample(velocity, shape)), None, reynolds, settle)


def record(wake: Wake, velocity, push, reynolds: float, frames: int):
    """Return the frames to store as float64 arrays (u_x, u_y), and the fine states at RESTARTS."""
    stored, fine = [], []
    for frame in range(frames):
        stored.append(resample(velocity, STORED))
        if frame in RESTARTS:
            fine.append(velocity)
        velocity, push = advance(wake, velocity, push, reynolds, STORED_DT)
    return join(stored), join(fine)


def join(states) -> tuple[np.ndarray, np.ndarray]:
    """Return a list of states as two arrays."""
    return tuple(torch.cat([state[i] for state in states]).numpy() for i in (0, 1))


def quantise(values: np.ndarray) -> np.ndarray:
    """Return the nearest integers to values / QUANTUM as int16."""
    integers = np.rint(values / QUANTUM)
    if np.abs(integers).max() > 32767:
        raise ValueError(f"a velocity of {np.abs(values).max():.2f} does not fit int16: choose a larger QUANTUM.")
    return integers.astype(np.int16)


def simulation(reynolds: float, folder: Path = HERE / "checkpoints") -> dict[str, np.ndarray]:
    """Return the stored simulation of a Reynolds number; run it first where it is not there."""
    path = folder / f"re{reynolds}.npz"
    if not path.exists():
        start = time.perf_counter()
        wake = Wake(FINE, FINE_DT)
        frames, fine = record(wake, *developed(reynolds), reynolds, FRAMES)
        arrays = dict(zip(("u_x", "u_y", "fine_u_x", "fine_u_y"), map(quantise, (*frames, *fine)), strict=True))
        arrays["seconds"] = np.array(time.perf_counter() - start)
        write_atomically(path, packed(arrays))
    with np.load(path) as file:
        return dict(file)


def make(folder: Path = HERE / "checkpoints") -> dict[str, np.ndarray]:
    """Return all arrays of wake_flow.npz."""
    torch.set_num_threads(1)
    runs, reynolds, split = [], [], []
    for name, numbers in SPLIT.items():
        for number in numbers:
            runs.append(simulation(number, folder))
            reynolds.append(number)
            split.append(name)
            print(f"Re {number:4d} {name:12s} {float(runs[-1]['seconds']):5.0f} s", flush=True)
    arrays = {name: np.stack([run[name] for run in runs]) for name in ("u_x", "u_y")}
    if folder == HERE / "checkpoints":
        summary = {
            "seconds": {str(number): round(float(run["seconds"])) for number, run in zip(reynolds, runs, strict=True)}
        }
        write_atomically(HERE / "summary.json", (json.dumps(summary) + "\n").encode())
    tests = [run for run, name in zip(runs, split, strict=True) if name != "train"]
    arrays |= {name: np.stack([run[name] for run in tests]) for name in ("fine_u_x", "fine_u_y")}
    return arrays | {
        "reynolds": np.array(reynolds, dtype=np.float64),
        "split": np.array(split),
    }


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    """Return the arrays as a compressed npz archive."""
    archive = io.BytesIO()
    np.savez_compressed(archive, **arrays)
    return archive.getvalue()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "wake_flow.npz"
    content = packed(make())
    write_atomically(target, content)
    print(f"{target}: {len(content) / 1e6:.1f} MB")
    if len(sys.argv) == 1:
        import card

        card.write()
