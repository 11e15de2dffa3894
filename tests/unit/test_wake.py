"""The wake solvers: exact solutions, order of convergence, boundaries, gradients, resampling."""

import math

import pytest
import torch

from pbdl_utils.physics.projection import Projection
from pbdl_utils.physics.wake import Wake, resample, strouhal, viscosity_of

STEPS = ("semi_lagrangian", "third_order")


def step(wake, velocity, viscosity, scheme):
    result = getattr(wake, scheme)(velocity, viscosity)
    return result[0] if scheme == "third_order" else result


@pytest.fixture(scope="module")
def wake():
    return Wake((64, 32), 1.0)


@pytest.fixture(scope="module")
def some_flow(wake):
    velocity = wake.start(2)
    for _ in range(20):
        velocity = wake.semi_lagrangian(velocity, torch.tensor([0.2, 0.05]).double()[:, None, None])
    return velocity


def without_cylinder(shape, dt, **settings):
    """A channel with nothing in it."""
    wake = Wake(shape, dt, **settings)
    wake.solid[:] = False
    wake.project_with_pressure = Projection(shape, wake.dx, x="wall", y=("wall", "open"))
    wake._masks = [torch.ones_like(mask) for mask in wake._masks]
    return wake


@pytest.mark.parametrize("scheme", STEPS)
def test_states_have_no_divergence_and_rest_on_all_boundaries(wake, some_flow, scheme):
    u_x, u_y = step(wake, some_flow, 0.1, scheme)
    assert wake.divergence((u_x, u_y)).abs().max() < 1e-14
    assert u_x[..., 0].abs().max() == u_x[..., -1].abs().max() == 0
    assert (u_y[:, 0] == 1).all()
    inside = wake.solid
    for faces in (u_x[..., :-1], u_x[..., 1:], u_y[:, :-1], u_y[:, 1:]):
        assert faces[:, inside].abs().max() < 1e-15


@pytest.mark.parametrize("scheme", STEPS)
def test_mass_is_conserved_through_every_cross_section(wake, some_flow, scheme):
    through = step(wake, some_flow, 0.1, scheme)[1].sum(-1)
    assert torch.allclose(through, torch.full_like(through, 32), atol=1e-12)


@pytest.mark.parametrize("scheme", STEPS)
def test_the_mirror_image_of_a_flow_stays_its_mirror_image(wake, some_flow, scheme):
    u_x, u_y = some_flow
    mirrored = step(wake, (-u_x.flip(-1), u_y.flip(-1)), 0.1, scheme)
    expected = step(wake, some_flow, 0.1, scheme)
    assert torch.allclose(mirrored[0], -expected[0].flip(-1), atol=1e-13)
    assert torch.allclose(mirrored[1], expected[1].flip(-1), atol=1e-13)


@pytest.mark.parametrize("scheme", STEPS)
def test_each_member_of_a_batch_is_its_own_simulation(wake, some_flow, scheme):
    viscosity = torch.tensor([0.2, 0.05]).double()
    both = step(wake, some_flow, viscosity[:, None, None], scheme)
    alone = step(wake, tuple(f[1:] for f in some_flow), 0.05, scheme)
    assert torch.allclose(both[0][1:], alone[0], atol=1e-14) and torch.allclose(both[1][1:], alone[1], atol=1e-14)


def test_uniform_flow_between_slipping_walls_stays_as_it_is():
    wake = without_cylinder((16, 8), 1.0, slip=True)
    velocity = (torch.zeros(1, 16, 9).double(), torch.ones(1, 17, 8).double())
    for scheme in STEPS:
        u_x, u_y = step(wake, velocity, 0.3, scheme)
        assert u_x.abs().max() < 1e-13 and (u_y - 1).abs().max() < 1e-13


def test_viscous_channel_flow_becomes_a_parabola():
    """Far from the inlet a viscous channel flow has the profile 6 x (1 - x) of Poiseuille."""
    wake = without_cylinder((48, 16), 0.2)
    velocity, push = (torch.zeros(1, 48, 17).double(), torch.ones(1, 49, 16).double()), None
    for _ in range(1500):
        velocity, push = wake.third_order(velocity, 20.0, push)
    x = (torch.arange(16).double() + 0.5) / 16
    profile = velocity[1][0, 36]
    assert (profile - 6 * x * (1 - x)).abs().max() < 0.02


def test_third_order_advection_converges_faster_than_semi_lagrangian_advection():
    """A smooth disturbance carried by uniform flow, against the solution on a finer grid."""

    def run(scheme, nx):
        wake = without_cylinder((2 * nx, nx), 25 / nx, slip=True)
        y, x = (torch.linspace(0, end, n + 1, dtype=torch.float64) for end, n in ((200, 2 * nx), (100, nx)))
        stream = x + 8 * torch.exp(-((x - 50) ** 2 + (y[:, None] - 60) ** 2) / 250)
        velocity = (-stream.diff(dim=-2)[None] / wake.dx, stream.diff(dim=-1)[None] / wake.dx)
        for _ in range(round(25 / wake.dt)):
            velocity = step(wake, velocity, 0.0, scheme)
        return resample(velocity, (32, 16))[1]

    finest = run("third_order", 128)
    errors = {scheme: [(run(scheme, nx) - finest).norm().item() for nx in (16, 32, 64)] for scheme in STEPS}
    orders = {scheme: math.log2(e[1] / e[2]) for scheme, e in errors.items()}
    assert orders["semi_lagrangian"] > 0.6 and orders["third_order"] > 1.8, orders
    assert errors["third_order"][1] < 0.5 * errors["semi_lagrangian"][1]


@pytest.mark.parametrize("scheme", ["semi_lagrangian", "third_order"])
def test_gradients_agree_with_finite_differences(scheme):
    wake = Wake((12, 8), 2.0, centre=(50.0, 60.0), diameter=25.0)
    torch.manual_seed(0)
    start = wake.start()
    start = wake.project((start[0] + 0.2 * torch.randn_like(start[0]), start[1]))
    direction = torch.randn_like(start[0][..., 1:-1])
    weights = torch.randn_like(start[0]), torch.randn_like(start[1])

    def loss(amount, viscosity):
        velocity = (start[0] + torch.nn.functional.pad(amount * direction, (1, 1)), start[1])
        for _ in range(3):
            velocity = step(wake, velocity, viscosity, scheme)
        return sum((f * w).sum() for f, w in zip(velocity, weights, strict=True))

    values = torch.tensor(0.01).double().requires_grad_(), torch.tensor(0.8).double().requires_grad_()
    gradients = torch.autograd.grad(loss(*values), values)
    with torch.no_grad():
        for i, gradient in enumerate(gradients):
            shift = [1e-6 * (i == j) for j in range(2)]
            ends = [loss(*(v + s * d for v, d in zip(values, shift, strict=True))) for s in (1, -1)]
            assert abs((ends[0] - ends[1]) / 2e-6 - gradient) < 1e-5 * (1 + abs(gradient))


def test_semi_lagrangian_step_is_bilinear_interpolation():
    """At an inner face: the value at the departure point, from the four faces around it."""
    wake = Wake((16, 8), 5.0)
    torch.manual_seed(0)
    u_x, u_y = wake.start()
    u_x = u_x + 0.3 * torch.nn.functional.pad(torch.randn_like(u_x[..., 1:-1]), (1, 1))
    row, column = 10, 4
    c_x = (u_x[0, row, column] * 5 / wake.dx).item()
    c_y = (u_y[0, row : row + 2, column - 1 : column + 1].mean() * 5 / wake.dx).item()
    y, x = row - c_y, column - c_x
    j, i = math.floor(y), math.floor(x)
    corners = u_x[0, j : j + 2, i : i + 2]
    weights = torch.tensor([1 - (y - j), y - j])[:, None] * torch.tensor([1 - (x - i), x - i])
    assert abs(wake.advect((u_x, u_y))[0][0, row, column] - (corners * weights).sum()) < 1e-6


def test_advection_and_diffusion_are_those_of_phiflow(wake):
    """Away from the boundaries; next to them PhiFlow continues the velocity in another way."""
    from phi.torch.flow import ZERO_GRADIENT, Box, StaggeredGrid, advect, diffuse, vec
    from phi.torch.flow import math as pm

    velocity = wake.start(1, dtype=torch.float32)
    for _ in range(30):
        velocity = wake.third_order(velocity, 0.1)[0]
    bounds = {"x": 0, "y-": vec(x=0.0, y=1.0), "y+": ZERO_GRADIENT}
    layout = [pm.spatial("x"), pm.spatial("y")]
    parts = [velocity[0][0, :, 1:-1], velocity[1][0, 1:]]
    values = pm.stack([pm.reshaped_tensor(part.mT.contiguous(), layout) for part in parts], pm.dual(vector="x,y"))
    grid = StaggeredGrid(0, bounds, x=32, y=64, bounds=Box(x=100, y=200)).with_values(values)
    for ours, theirs in (
        (wake.advect(velocity), advect.semi_lagrangian(grid, grid, 1.0)),
        (wake.diffuse(velocity, 0.1), diffuse.explicit(grid, 0.1, 1.0)),
    ):
        for part, axis in zip((ours[0][0, :, 1:-1], ours[1][0, 1:]), "xy", strict=True):
            difference = part.numpy() - theirs.values.vector.dual[axis].numpy("y,x")
            assert abs(difference[1:-1, 1:-1]).max() < 1e-5


def test_coarse_faces_carry_the_mean_of_the_fine_ones(wake, some_flow):
    u_x, u_y = resample(some_flow, (16, 8))
    assert torch.allclose(u_x, some_flow[0][..., ::4].unflatten(-2, (16, 4)).mean(-2), atol=1e-12)
    assert torch.allclose(u_y, some_flow[1][..., ::4, :].unflatten(-1, (8, 4)).mean(-1), atol=1e-12)


@pytest.mark.parametrize("shape", [(48, 24), (96, 48), (16, 8)])
def test_resampled_flows_have_no_divergence(some_flow, shape):
    u_x, u_y = resample(some_flow, shape)
    assert (u_x.diff(dim=-1) + u_y.diff(dim=-2)).abs().max() < 1e-12
    assert torch.allclose(u_y.mean(-1), torch.ones_like(u_y[..., 0]))


def test_strouhal_number_of_a_sine():
    t = torch.arange(400) * 0.5
    assert strouhal(3 + torch.sin(2 * math.pi * t / 77), 0.5, diameter=20) == pytest.approx(20 / 77, rel=1e-3)
    with pytest.raises(ValueError, match="record it longer"):
        strouhal(t, 0.5)


def test_viscosity_belongs_to_diameter_and_inflow():
    assert viscosity_of(100.0) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dt": 0.0}, "positive time step"),
        ({"dt": math.nan}, "positive time step"),
        ({"centre": (2.0, 50.0)}, "does not fit"),
        ({"diameter": 1e-3, "centre": (50.0, 50.0)}, "does not fit"),
    ],
)
def test_wrong_settings_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Wake((64, 32), **arguments)
