"""Measure how good the reference simulations are, and write verification.json, which the card quotes.

Usage, from anywhere: python data/wake_flow/verify.py. Resumes: a finished measurement is not repeated.
"""

import json
import sys
import time
from pathlib import Path

import torch

from pbdl_utils.files import write_atomically
from pbdl_utils.physics.wake import DIAMETER, Wake, resample, strouhal

sys.path.insert(0, str(Path(__file__).parent))
import generate

RESULT = Path(__file__).with_name("verification.json")
GRIDS = (((64, 32), 0.5), ((128, 64), 0.5), ((256, 128), 0.25), ((512, 256), 0.125))


def shedding(wake: Wake, velocity, reynolds: float, settle: float, duration: float, point: tuple[float, float]):
    """Return Strouhal number and standard deviation of the cross velocity u_x at a point (x, y)."""
    velocity, push = generate.advance(wake, velocity, None, reynolds, settle)
    row, column = int(point[1] / wake.dx), round(point[0] / wake.dx)
    signal = []
    for _ in range(round(duration / wake.dt)):
        velocity, push = generate.advance(wake, velocity, push, reynolds, wake.dt)
        signal.append(velocity[0][0, row, column])
    signal = torch.stack(signal)
    divergence = wake.divergence(velocity).abs().max().item()
    return {"strouhal": strouhal(signal, wake.dt), "std": signal.std().item(), "divergence": divergence}


def benchmark(nx: int) -> dict:
    """Case 2D-2 of Schaefer and Turek (1996): channel 22 x 4.1, D = 1, parabolic inflow, Re 100 with the mean speed."""
    width = 4.1 * DIAMETER
    ny = round(22 / 4.1 * nx)
    wake = Wake((ny, nx), 0.2 * 105 / nx, width=width, centre=(2 * DIAMETER, 2 * DIAMETER))
    x = (torch.arange(nx) + 0.5) / nx
    return shedding(wake, wake.start(inflow=6 * x * (1 - x)), 100.0, 700.0, 500.0, (2.05 * DIAMETER, 4.5 * DIAMETER))


def unbounded(nx: int) -> dict:
    """A channel 16 D wide with slipping walls, Re 100: nearly unbounded flow."""
    width, length = 16 * DIAMETER, 20 * DIAMETER
    wake = Wake(
        (round(nx * length / width), nx), 0.25 * 410 / nx, width=width, centre=(8 * DIAMETER, 6 * DIAMETER), slip=True
    )
    return shedding(wake, wake.start(), 100.0, 1200.0, 800.0, (8 * DIAMETER, 8.5 * DIAMETER))


def mesh(reynolds: float, level: int) -> dict:
    """Strouhal number on one of the GRIDS, started from the developed flow of the second one."""
    shape, dt = GRIDS[level]
    base, base_dt = GRIDS[1]
    first = Wake(base, base_dt)
    velocity, _ = generate.advance(first, first.start(), None, reynolds, 800.0)
    wake = Wake(shape, dt)
    start = wake.project(resample(velocity, shape))
    return shedding(wake, start, reynolds, 150.0, 350.0, (50.0, 100.0))


def main() -> None:
    """Run what is missing in verification.json."""
    torch.set_num_threads(1)
    done = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    tasks = [("benchmark 52", benchmark, (52,))]
    tasks += [(f"mesh {re} {level}", mesh, (float(re), level)) for re in (150, 460) for level in (0, 1, 2)]
    tasks += [("benchmark 105", benchmark, (105,))]
    tasks += [(f"unbounded {nx}", unbounded, (nx,)) for nx in (103, 205)]
    tasks += [("mesh 460 3", mesh, (460.0, 3))]
    for name, function, arguments in tasks:
        if name not in done:
            start = time.perf_counter()
            done[name] = function(*arguments) | {"seconds": round(time.perf_counter() - start)}
            print(name, done[name], flush=True)
            write_atomically(RESULT, (json.dumps(done, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
