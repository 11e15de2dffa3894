"""Speed of a hybrid solver's training iteration against the same one in PhiFlow: ``python -m tools.bench_hybrid``.

Both unroll the source solver of the chapter on solvers in the loop (wake flow, 64 x 32 cells) with the chapter's
network over STEPS steps for a batch of BATCH states, and propagate the loss back to the weights. One is the chapter's:
torch tensors with the direct projection. The other writes the same step with PhiFlow's fields, ``diffuse.explicit``,
``advect.semi_lagrangian`` and ``make_incompressible`` with its default conjugate gradients (float64, since that solve
does not converge in float32; the network stays float32). Times are medians on one torch thread; only ratios count.
"""

import functools
import statistics
import time
import warnings

import torch
from torch import nn

from pbdl_utils.networks import ResidualBlock, convolution
from pbdl_utils.physics.wake import Wake, viscosity_of

STEPS, BATCH, REYNOLDS = 4, 4, 220.0
REPEATS = {"ours": 9, "phiflow": 3}
WAKE = Wake((64, 32), 1.0)


def correction_network() -> nn.Module:
    """Return a network as in the chapter: (batch, 4, 64, 32) -> (batch, 2, 64, 32), at half the resolution."""
    body = [ResidualBlock(48, "zeros") for _ in range(3)]
    ends = convolution(16, 48, padding="zeros"), convolution(48, 8, padding="zeros")
    return nn.Sequential(nn.PixelUnshuffle(2), ends[0], *body, nn.GELU(), ends[1], nn.PixelShuffle(2))


def correct(network: nn.Module, velocity):
    """Return the velocity plus the network's change of all faces but those on walls and inflow."""
    u_x, u_y = velocity
    faces = torch.stack([u_x[..., :-1], u_x[..., 1:], u_y[..., :-1, :], u_y[..., 1:, :]], 1).float()
    change = 0.01 * network(faces).to(u_x)
    return u_x + nn.functional.pad(change[:, 0, :, :-1], (1, 1)), u_y + nn.functional.pad(change[:, 1], (0, 0, 1, 0))


def our_loss(network: nn.Module, start) -> torch.Tensor:
    """Return the mean square of the states along an unrolled run."""
    velocity, loss = start, 0.0
    for _ in range(STEPS):
        velocity = WAKE.project(correct(network, WAKE.advect(WAKE.diffuse(velocity, viscosity_of(REYNOLDS)))))
        loss = loss + velocity[0].square().mean() + velocity[1].square().mean()
    return loss


def phiflow_loss(network: nn.Module, start) -> torch.Tensor:
    """Return the same, computed with PhiFlow's fields."""
    from phi.torch.flow import ZERO_GRADIENT, Box, Obstacle, Sphere, StaggeredGrid, advect, diffuse, fluid, vec
    from phi.torch.flow import math as pm

    layout = [pm.batch("example"), pm.spatial("x"), pm.spatial("y")]
    bounds = {"x": 0, "y-": vec(x=0.0, y=1.0), "y+": ZERO_GRADIENT}
    empty = StaggeredGrid(0, bounds, x=32, y=64, bounds=Box(x=100, y=200))
    cylinder = Obstacle(Sphere(x=50, y=50, radius=10))

    def grid(u_x, u_y):
        """PhiFlow does not store the faces on walls and inflow."""
        parts = [pm.reshaped_tensor(part.mT, layout) for part in (u_x[..., 1:-1], u_y[..., 1:, :])]
        return empty.with_values(pm.stack(parts, pm.dual(vector="x,y")))

    def faces(field):
        u_x, u_y = (field.values.vector.dual[axis].native("example,y,x") for axis in "xy")
        return nn.functional.pad(u_x, (1, 1)), torch.cat([torch.ones_like(u_y[:, :1]), u_y], 1)

    velocity, loss = grid(*start), 0.0
    for _ in range(STEPS):
        velocity = advect.semi_lagrangian(moved := diffuse.explicit(velocity, viscosity_of(REYNOLDS), 1.0), moved, 1.0)
        velocity, _ = fluid.make_incompressible(grid(*correct(network, faces(velocity))), cylinder)
        u_x, u_y = faces(velocity)
        loss = loss + u_x.square().mean() + u_y.square().mean()
    return loss


def median_time(name: str, loss, network: nn.Module, start) -> tuple[float, float]:
    """Return the median seconds of forward and backward pass, and the loss."""
    times = []
    for _ in range(REPEATS[name] + 1):  # the first one is for warming up
        network.zero_grad(set_to_none=True)
        begin = time.perf_counter()
        value = loss(network, start)
        value.backward()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[1:]), value.item()


@functools.cache
def developed_flow():
    """Return a batch of different states some time after a start, float64."""
    velocity = WAKE.start(BATCH)
    for _ in range(40):
        velocity = WAKE.semi_lagrangian(velocity, viscosity_of(REYNOLDS))
    return velocity


def main() -> None:
    """Print the ratio."""
    from phi.torch.flow import math as pm

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, start = correction_network(), developed_flow()
    single = tuple(component.float() for component in start)
    seconds, value = median_time("ours", our_loss, network, single)
    double_seconds, _ = median_time("ours", our_loss, network, start)
    with warnings.catch_warnings(), pm.precision(64):
        warnings.simplefilter("ignore")  # PhiFlow's, about sparse tensors and preconditioners
        other_seconds, other_value = median_time("phiflow", phiflow_loss, network, start)
    print(f"One training iteration of a hybrid wake solver ({STEPS} steps unrolled, batch {BATCH}, one thread):")
    print(f"  losses, which agree up to boundary treatment: ours {value:.6f}, PhiFlow's {other_value:.6f}")
    print(f"  time of PhiFlow's iteration (default CG) divided by ours: {other_seconds / seconds:.1f}")
    print(f"  the same with our solver in float64, too: {other_seconds / double_seconds:.1f}")


if __name__ == "__main__":
    main()
