"""The direct pressure projection: against PhiFlow, against exact solutions, and against its own defining properties."""

import math

import pytest
import torch
from phi.torch.flow import PERIODIC, ZERO_GRADIENT, Box, Noise, Obstacle, Solve, Sphere, StaggeredGrid, batch, fluid
from phi.torch.flow import math as pm

from pbdl_utils.physics.projection import Projection, project
from pbdl_utils.physics.smoke import CENTRES, advect, plume_step
from pbdl_utils.statistics import convergence_order

torch.set_num_threads(1)


def disc(shape: tuple[int, int], radius: float = 0.2) -> torch.Tensor:
    """Return a round obstacle left of and below the middle of a grid."""
    y, x = torch.meshgrid(*((torch.arange(n) + 0.5) / n for n in shape), indexing="ij")
    return (x - 0.45) ** 2 + (y - 0.4) ** 2 < radius**2


def pocket(shape: tuple[int, int]) -> torch.Tensor:
    """Return two obstacles: a ring with enclosed fluid, and a block at the lower wall."""
    solid = torch.zeros(shape, dtype=torch.bool)
    solid[4:9, 3:8] = True
    solid[6, 5] = False
    solid[:3, 9:] = True
    return solid


BOXES = {
    "periodic": {"x": "periodic", "y": "periodic"},
    "closed": {"x": "wall", "y": "wall"},
    "open": {"x": "open", "y": "open"},
    "channel": {"x": "periodic", "y": "wall"},
    "half-open": {"x": ("wall", "open"), "y": ("open", "wall")},
    "obstacle": {"x": "wall", "y": "wall", "solid": disc},
    "periodic obstacle": {"x": "periodic", "y": "periodic", "solid": disc},
    "wake flow": {"x": "wall", "y": "open", "solid": disc},
    "pocket": {"x": "wall", "y": "wall", "solid": pocket},
}
each_box = pytest.mark.parametrize("name", BOXES)


def make(name: str, shape: tuple[int, int] = (16, 12), dx: float = 0.5, dy: float = 0.7) -> Projection:
    """Return one of the boxes at a resolution."""
    options = dict(BOXES[name])
    solid = options.pop("solid", None)
    return Projection(shape, dx, dy, **options, solid=None if solid is None else solid(shape))


def random_velocity(box: Projection, *size: int, dtype=torch.float64, seed: int = 0) -> list[torch.Tensor]:
    """Return white noise on the faces, at rest on the walls."""
    generator = torch.Generator().manual_seed(seed)
    components = []
    for shape, axis in zip(box.face_shapes(), (-1, -2), strict=True):
        u = torch.randn(*size, *shape, generator=generator, dtype=torch.float64).to(dtype)
        for index, end in zip((0, -1), box.ends[axis], strict=True):
            if end == "wall":
                u.select(axis, index)[...] = 0
        components.append(u)
    return components


def flat(velocity) -> torch.Tensor:
    """Return both components as one vector."""
    return torch.cat([component.flatten() for component in velocity])


@each_box
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
@pytest.mark.parametrize("shape", [(64, 32), (15, 128)])
def test_result_is_free_of_divergence(name, dtype, tolerance, shape):
    """Norm: the largest |divergence| times the cell width, over the largest velocity component."""
    box = make(name, shape)
    velocity, _ = box(random_velocity(box, 3, dtype=dtype))
    divergence = box.divergence(velocity)
    assert divergence.dtype == dtype
    assert divergence.abs().max() * max(box.spacing.values()) <= tolerance * flat(velocity).abs().max()


@each_box
def test_projection_is_idempotent_orthogonal_and_self_adjoint(name):
    box = make(name)
    first, second = random_velocity(box), random_velocity(box, seed=1)
    projected = box(first)[0]
    assert torch.allclose(flat(box(projected)[0]), flat(projected), atol=1e-12)
    assert abs(flat(projected) @ (flat(first) - flat(projected))) < 1e-10
    assert flat(projected).norm() <= flat(first).norm()
    assert abs(flat(projected) @ flat(second) - flat(first) @ flat(box(second)[0])) < 1e-10


@each_box
def test_gradient_is_minus_the_adjoint_of_the_divergence(name):
    box = make(name)
    velocity, pressure = random_velocity(box), torch.randn(box.shape, dtype=torch.float64)
    assert abs((box.divergence(velocity) * pressure).sum() + flat(velocity) @ flat(box.gradient(pressure))) < 1e-10


@each_box
def test_what_is_removed_is_the_gradient_of_the_pressure_and_solids_are_at_rest(name):
    box = make(name)
    velocity = random_velocity(box)
    projected, pressure = box(velocity)
    slope = box.gradient(pressure)
    for axis, (before, after, gradient) in enumerate(zip(velocity, projected, slope, strict=True)):
        free = torch.ones_like(before, dtype=torch.bool)
        if box.solid is not None:
            free = box._exact[("free_x", "free_y")[axis]] > 0
            for shift in (0, 1):  # both faces of every solid cell
                length = box.solid.shape[1 - axis]
                faces = (
                    after.narrow(1 - axis, shift, length) if after.shape != box.shape else after.roll(-shift, 1 - axis)
                )
                assert (faces[box.solid] == 0).all()
        assert torch.allclose((before - gradient)[free], after[free], atol=1e-12)


def test_mean_velocity():
    """A periodic box keeps it (no force acts on the whole fluid); in a closed box no net flow is possible."""
    box = make("periodic")
    velocity = random_velocity(box)
    for before, after in zip(velocity, box(velocity)[0], strict=True):
        assert abs(before.mean() - after.mean()) < 1e-14
    closed = make("closed")
    for after in closed(random_velocity(closed))[0]:
        assert abs(after.mean()) < 1e-14


def test_inflow_through_a_wall_is_kept_and_leaves_through_the_open_end():
    box = Projection((20, 10), x="wall", y=("wall", "open"), solid=disc((20, 10)))
    u_x, u_y = torch.zeros(20, 11, dtype=torch.float64), torch.zeros(21, 10, dtype=torch.float64)
    u_y[0] = 1.0
    (_, u_y), _ = box((u_x, u_y))
    assert (u_y[0] == 1.0).all()
    assert torch.allclose(u_y.sum(-1), torch.tensor(10.0, dtype=torch.float64))  # the same flow through every row


@pytest.mark.parametrize("name", ["periodic", "closed", "channel"])
def test_manufactured_pressure_is_recovered_at_second_order(name):
    """p = cos(2 pi x) cos(4 pi y) has no slope at the walls of the unit square and is periodic in it."""
    errors, sizes = [], (16, 32, 64, 128)
    for n in sizes:
        box = make(name, (n, n), 1 / n, 1 / n)
        y, x = torch.meshgrid(*[(torch.arange(n, dtype=torch.float64) + 0.5) / n] * 2, indexing="ij")
        pressure = torch.cos(2 * math.pi * x) * torch.cos(4 * math.pi * y)
        errors.append(float((box.solve(-20 * math.pi**2 * pressure) - pressure).abs().max()))
    assert 1.95 < convergence_order([1 / n for n in sizes], errors) < 2.05
    assert errors[-1] < 1e-3


def test_gradient_field_around_an_obstacle_is_removed_at_second_order():
    """cos(4 pi x) cos(4 pi y) has no slope on the sides of the square [1/4, 1/2]^2 either."""
    errors, sizes = [], (16, 32, 64)
    for n in sizes:
        solid = torch.zeros(n, n, dtype=torch.bool)
        solid[n // 4 : n // 2, n // 4 : n // 2] = True
        box = Projection((n, n), 1 / n, solid=solid)
        centre, face = (torch.arange(n, dtype=torch.float64) + 0.5) / n, torch.arange(n + 1, dtype=torch.float64) / n
        slope = -4 * math.pi * torch.sin(4 * math.pi * face) * torch.cos(4 * math.pi * centre)[:, None]
        pressure = torch.cos(4 * math.pi * centre) * torch.cos(4 * math.pi * centre)[:, None]
        _, found = box((slope, slope.mT.contiguous()))
        difference = (found - pressure)[~solid]
        errors.append(float((difference - difference.mean()).abs().max()))
    assert 1.9 < convergence_order([1 / n for n in sizes], errors) < 2.1


@each_box
def test_gradient_equals_finite_differences(name):
    shape = (10, 11) if name == "pocket" else (5, 4)
    box = make(name, shape)
    velocity = [u.requires_grad_() for u in random_velocity(box)]

    def outputs(u_x, u_y):
        (w_x, w_y), pressure = box((u_x, u_y))
        return torch.sin(w_x), w_y**2, pressure

    assert torch.autograd.gradcheck(outputs, velocity)


def test_second_derivatives_exist():
    box = make("obstacle", (5, 4))
    velocity = [u.requires_grad_() for u in random_velocity(box)]
    assert torch.autograd.gradgradcheck(lambda *u: (box(u)[0][0] ** 3).sum(), velocity)


@pytest.mark.parametrize(
    "boundary", [PERIODIC, 0, ZERO_GRADIENT, {"x": 0, "y": ZERO_GRADIENT}, {"x": PERIODIC, "y": 0}]
)
@pytest.mark.parametrize("obstacle", [False, True])
@pytest.mark.filterwarnings("ignore")  # PhiFlow's own, about sparse tensors and rank deficiency
def test_agrees_with_phiflow(boundary, obstacle):
    """PhiFlow's CG solve in float64 to a residual of 1e-10.

    PhiFlow leaves the part of the velocity that its soft mask lets through on the obstacle's faces; ours is zero there.
    Starting from a fluid at rest near the obstacle, both solve the same problem.
    """
    with pm.precision(64):
        pm.seed(0)
        bounds, obstacles = Box(x=14, y=16), [Box(x=(4, 9), y=(6, 9))] if obstacle else ()
        velocity = StaggeredGrid(Noise(batch(sample=2)), boundary, x=12, y=14, bounds=bounds)
        if obstacle:
            near = Box(x=(2, 11), y=(4, 12))
            still = StaggeredGrid(lambda x: pm.to_float(~near.lies_inside(x)), boundary, x=12, y=14, bounds=bounds)
            velocity = velocity * still
        ours, pressure = project(velocity, obstacles)
        theirs, wanted = fluid.make_incompressible(velocity, obstacles, Solve("CG", 1e-10, 1e-10))
        for axis in "xy":
            difference = ours.values.vector.dual[axis] - theirs.values.vector.dual[axis]
            assert float(pm.max(pm.abs(difference), difference.shape)) < 1e-8
        if not obstacle:
            assert float(pm.max(pm.abs(pressure.values - wanted.values), "sample,x,y")) < 1e-8
        assert ours.boundary == velocity.boundary
        assert ours.at_centers().shape == velocity.at_centers().shape  # PhiFlow minds the order of x and y


def test_gradient_passes_through_phiflow_fields():
    native = torch.randn(5, 6, requires_grad=True)
    u_x = pm.reshaped_tensor(native, [pm.spatial("x"), pm.spatial("y")])
    u_y = pm.zeros(pm.spatial(x=6, y=5))
    velocity = StaggeredGrid(pm.stack([u_x, u_y], pm.dual(vector="x,y")), 0, x=6, y=6)
    projected, _ = project(velocity, Sphere(x=3, y=3, radius=1))
    projected.values.vector.dual["x"].native("x,y").square().sum().backward()
    assert native.grad.abs().max() > 0
    assert native.grad[1:4, 2:4].abs().max() == 0  # faces of solid cells have no influence


def test_precision_of_phiflow_is_kept():
    velocity = StaggeredGrid(1.0, PERIODIC, x=4, y=4)
    assert project(velocity)[0].values.dtype.precision == 32
    with pm.precision(64):
        assert project(velocity)[0].values.dtype.precision == 64


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (((8,),), {}, "expected"),
        (((8, 1),), {}, "at least two cells"),
        (((8, 8), 0.0), {}, "positive cell widths"),
        (((8, 8),), {"x": "slippery"}, "'periodic', 'wall', 'open'"),
        (((8, 8),), {"y": ("periodic", "wall")}, "'periodic', 'wall', 'open'"),
        (((8, 8),), {"solid": torch.zeros(8, 7, dtype=torch.bool)}, "expected bool of"),
        (((8, 8),), {"solid": torch.zeros(8, 8)}, "expected bool of"),
        (((8, 8),), {"solid": torch.ones(8, 8, dtype=torch.bool)}, "at least one cell for the fluid"),
    ],
)
def test_malformed_boxes_raise(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        Projection(*arguments, **options)


def test_wrong_velocities_raise():
    box = Projection((6, 4))
    with pytest.raises(ValueError, match="u_x has shape"):
        box((torch.zeros(6, 4), torch.zeros(7, 4)))
    with pytest.raises(ValueError, match="pair"):
        box(torch.zeros(6, 5))
    with pytest.raises(ValueError, match="batch shape"):
        box((torch.zeros(2, 6, 5), torch.zeros(7, 4)))
    with pytest.raises(ValueError, match="float32 or float64"):
        box((torch.zeros(6, 5).half(), torch.zeros(7, 4).half()))
    with pytest.raises(ValueError, match="right side has shape"):
        box.solve(torch.zeros(4, 6))


def test_wrong_phiflow_arguments_raise():
    velocity = StaggeredGrid(0, 0, x=4, y=4)
    with pytest.raises(ValueError, match="StaggeredGrid"):
        project(velocity.at_centers())
    with pytest.raises(ValueError, match="only 2D"):
        project(StaggeredGrid(0, 0, x=4, y=4, z=4))
    with pytest.raises(ValueError, match="moves"):
        project(velocity, Obstacle(Box(x=1, y=1), velocity=(1.0, 0.0)))
    with pytest.raises(ValueError, match="no single"):
        project(velocity, "a box")


# The plume on plain tensors, ``pbdl_utils.physics.smoke``, which rests on the projection.


def uniform(box: Projection, speed: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a velocity of the same speed along x everywhere."""
    shape_x, shape_y = box.face_shapes()
    return torch.full(shape_x, speed, dtype=torch.float64), torch.zeros(shape_y, dtype=torch.float64)


@pytest.mark.parametrize(("scheme", "order"), [("semi-lagrangian", 1), ("maccormack", 2)])
def test_advection_carries_a_bump_with_its_order(scheme, order):
    """A smooth bump moves by 0.4 of a unit square; step and cell width shrink together, the CFL number is 1.28.

    The bump has to vanish at the inflow end (here 1e-10): what enters there is taken to be constant.
    """
    errors, sizes = [], (100, 200)
    for n in sizes:
        box, steps = Projection((n, n), 1 / n, x="open", y="open"), round(0.4 * n / 1.28)
        y, x = torch.meshgrid(*[(torch.arange(n, dtype=torch.float64) + 0.5) / n] * 2, indexing="ij")
        start, wanted = (torch.exp(-((x - place) ** 2 + (y - 0.5) ** 2) / 0.004) for place in (0.3, 0.7))
        for _ in range(steps):
            start = advect(start, CENTRES, uniform(box, 1.0), 0.4 * n / steps, scheme=scheme)
        errors.append(float((start - wanted).abs().mean()))
    assert order - 0.2 < convergence_order([1 / n for n in sizes], errors) < order + 0.2


@pytest.mark.parametrize("scheme", ["semi-lagrangian", "maccormack"])
def test_advection_stays_within_the_old_values(scheme):
    box = make("closed", dx=1.0, dy=1.0)
    marker = torch.rand(box.shape, dtype=torch.float64)
    moved = advect(marker, CENTRES, box(random_velocity(box))[0], 2.5, scheme=scheme)
    assert marker.min() <= moved.min() and moved.max() <= marker.max()


def test_plume_keeps_mirror_symmetry_and_batch_entries_apart():
    box = Projection((20, 16), y=("wall", "open"))
    source = torch.zeros(2, 20, 16, dtype=torch.float64)
    source[0, 3:6, 6:10] = 0.2
    marker, velocity = source, tuple(torch.zeros(2, *shape, dtype=torch.float64) for shape in box.face_shapes())
    for _ in range(12):
        marker, velocity = plume_step(marker + source, velocity, box, 0.7)
    assert marker[0].max() > 0.1 and (marker[1] == 0).all() and (velocity[1][1] == 0).all()
    assert torch.allclose(marker[0], marker[0].flip(-1), atol=1e-12)
    assert torch.allclose(velocity[0], -velocity[0].flip(-1), atol=1e-12)
    assert box.divergence(velocity).abs().max() < 1e-12


def test_gradient_of_a_plume_step_equals_finite_differences():
    box = Projection((6, 5))
    marker = torch.rand(6, 5, dtype=torch.float64, requires_grad=True)
    velocity = [(0.3 * u).requires_grad_() for u in box(random_velocity(box))[0]]

    def outputs(marker, u_x, u_y):
        marker, (u_x, u_y) = plume_step(marker, (u_x, u_y), box, 0.37, scheme="semi-lagrangian")
        return marker, u_x, u_y

    assert torch.autograd.gradcheck(outputs, (marker, *velocity))


def test_wrong_plumes_raise():
    box = make("closed", dx=1.0, dy=1.0)
    with pytest.raises(ValueError, match="scheme is"):
        plume_step(torch.zeros(box.shape), random_velocity(box, dtype=torch.float32), box, 1.0, scheme="upwind")
    with pytest.raises(ValueError, match="periodic or its cells"):
        plume_step(torch.zeros(box.shape), random_velocity(box), make("closed"), 1.0)
