"""Speed of our pressure projection against PhiFlow's conjugate-gradient solve: ``python -m tools.bench``.

Prints, for each grid and kind of box, the time of PhiFlow's ``make_incompressible`` divided by the time of
``pbdl_utils.physics.projection``, forward alone and forward with backward. "tensors" is our projection of torch
tensors, ``Projection``; "fields" the one that takes and returns PhiFlow's StaggeredGrid, ``project``, whose time is
nearly all spent on building the grid objects. All in float64, because in float32 PhiFlow's solve does not converge on
the largest grid: CG, relative and absolute tolerance 1e-5, rank deficiency declared as 0, at most 5000 iterations.
The largest divergence that each leaves in the fluid stands in the last columns (the input's is about 1).
Times are medians of repeats on one torch thread; only ratios within one run are comparable.
"""

import statistics
import time
import warnings
from collections.abc import Callable

import torch

GRIDS = ((32, 32), (64, 32), (128, 128))  # cells along y, x
KINDS = ("periodic", "closed box", "obstacle")
REPEATS, PATIENCE = 7, 3.0  # repeats at most, and seconds after which no further repeat is begun


def median_time(action: Callable[[], object]) -> float:
    """Return the median time of an action in seconds, after one run for warming up."""
    action()
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < PATIENCE:
        start = time.perf_counter()
        action()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(shape: tuple[int, int], kind: str) -> list[str]:
    """Return one row of the table: grid, kind, ratios of times, residual divergences."""
    from phi.torch.flow import PERIODIC, Box, Noise, Solve, Sphere, StaggeredGrid, field, fluid
    from phi.torch.flow import math as pm

    from pbdl_utils.physics.projection import Projection, project

    (ny, nx), pm_solve = shape, Solve("CG", 1e-5, 1e-5, rank_deficiency=0, max_iterations=5000)
    pm.seed(0)
    boundary = PERIODIC if kind == "periodic" else 0
    obstacles = (Sphere(x=nx / 2, y=ny / 4, radius=nx / 10),) if kind == "obstacle" else ()
    noise = StaggeredGrid(Noise(scale=nx / 4), boundary, x=nx, y=ny, bounds=Box(x=nx, y=ny))
    noise = fluid.apply_boundary_conditions(noise / field.divergence(noise).values.max, obstacles)
    names = {"x": "periodic", "y": "periodic"} if kind == "periodic" else {"x": "wall", "y": "wall"}
    centres = noise.geometry.center
    solid = torch.from_numpy(obstacles[0].lies_inside(centres).numpy("y,x")) if obstacles else None
    box = Projection(shape, **names, solid=solid)
    stored = [noise.values.vector.dual[axis].native("y,x").detach() for axis in "xy"]
    pad = 0 if kind == "periodic" else 1
    faces = [torch.nn.functional.pad(stored[0], (pad, pad)), torch.nn.functional.pad(stored[1], (0, 0, pad, pad))]

    def grid(natives):
        parts = [pm.reshaped_tensor(native, [pm.spatial("y"), pm.spatial("x")]) for native in natives]
        return noise.with_values(pm.stack(parts, pm.dual(vector="x,y")))

    def energy(velocity):
        return sum(velocity.values.vector.dual[axis].native("y,x").square().sum() for axis in "xy")

    ways = {
        "phiflow": (stored, lambda natives: fluid.make_incompressible(grid(natives), obstacles, pm_solve)[0], energy),
        "fields": (stored, lambda natives: project(grid(natives), obstacles)[0], energy),
        "tensors": (faces, lambda natives: box(natives)[0], lambda u: u[0].square().sum() + u[1].square().sum()),
    }
    times = {}
    for name, (natives, forward, loss) in ways.items():
        leaves = [native.clone().requires_grad_() for native in natives]
        times[name] = (
            median_time(lambda forward=forward, natives=natives: forward(natives)),
            median_time(lambda forward=forward, leaves=leaves, loss=loss: loss(forward(leaves)).backward()),
        )
    ratios = [times["phiflow"][i] / times[name][i] for name in ("tensors", "fields") for i in (0, 1)]
    fluid_cells = 1 if solid is None else (~solid).numpy()
    residuals = []
    for name in ("tensors", "phiflow"):
        natives, forward, _ = ways[name]
        result = forward(natives)
        divergence = box.divergence(result) if name == "tensors" else field.divergence(result).values.native("y,x")
        residuals.append(float((divergence.detach().cpu() * torch.as_tensor(fluid_cells)).abs().max()))
    return [f"{ny} x {nx}", kind, *(f"{ratio:.0f}" for ratio in ratios), *(f"{value:.0e}" for value in residuals)]


def main() -> None:
    """Print the table."""
    from phi.torch.flow import math as pm

    torch.set_num_threads(1)
    pm.set_global_precision(64)
    header = ["grid", "box", "tensors", "+backward", "fields", "+backward", "max|div| ours", "PhiFlow's"]
    print("Time of PhiFlow's CG solve (float64, tolerance 1e-5) divided by the time of our projection:\n")
    print("".join(f"{text:>14s}" for text in header), flush=True)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PhiFlow's, about sparse tensors
        for shape in GRIDS:
            for kind in KINDS:
                print("".join(f"{text:>14s}" for text in measure(shape, kind)), flush=True)
    print(f"\nmedians of up to {REPEATS} repeats, one thread; whole run {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
