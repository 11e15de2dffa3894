"""The exact solution, the spectral reference and the time step of Burgers' equation, and their data set."""

import importlib.util
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from phi.torch.flow import PERIODIC, Box, CenteredGrid, Field, advect, diffuse, math, spatial

from pbdl_utils.data import DATA_SETS, load
from pbdl_utils.physics.burgers import VISCOSITY, burgers_step, cell_centres, cole_hopf, spectral_solution
from pbdl_utils.statistics import convergence_order

ROOT = Path(__file__).parents[2]
TIMES = np.array([0.3125, 0.5, 0.625, 1.0])
CENTRES = cell_centres(128)
SINE = -np.sin(np.pi * CENTRES)


def rms(values, truth):
    return np.sqrt(((values - truth) ** 2).mean(axis=-1))


def simulate(start, steps, viscosity=VISCOSITY, substeps=1):
    states = [torch.as_tensor(start, dtype=torch.float64)]
    for _ in range(steps):
        states.append(burgers_step(states[-1], 1 / steps, viscosity=viscosity, substeps=substeps))
    return torch.stack(states)


# --- exact solution ---


def test_viscosity_of_the_whole_book():
    assert VISCOSITY == 0.01 / np.pi


def test_cole_hopf_agrees_with_the_spectral_solver():
    x = cell_centres(2048)
    times = np.concatenate([[0.0, 0.1], TIMES])
    assert np.abs(cole_hopf(x, times) - spectral_solution(-np.sin(np.pi * x), times)).max() < 1e-9


@pytest.mark.parametrize("viscosity", [0.02, 0.1, 1.0])
def test_cole_hopf_agrees_with_the_spectral_solver_at_other_viscosities(viscosity):
    x = cell_centres(512)
    spectral = spectral_solution(-np.sin(np.pi * x), TIMES, viscosity=viscosity, max_step=1e-3)
    assert np.abs(cole_hopf(x, TIMES, viscosity=viscosity) - spectral).max() < 1e-9


def test_cole_hopf_at_time_zero_is_the_initial_state():
    assert np.abs(cole_hopf(CENTRES, 0.0)[0] - SINE).max() < 1e-14
    assert np.abs(cole_hopf(CENTRES, 1e-9)[0] - SINE).max() < 1e-8


def test_cole_hopf_is_antisymmetric_and_periodic():
    u = cole_hopf(CENTRES, TIMES)
    assert np.abs(u + u[:, ::-1]).max() < 1e-14
    assert np.abs(cole_hopf([-1.0, 0.0, 1.0], TIMES)).max() < 1e-14
    assert np.abs(cole_hopf(CENTRES + 2, TIMES) - u).max() < 1e-11


def test_cole_hopf_known_values():
    u = cole_hopf(CENTRES, TIMES)
    assert u.max(axis=1) == pytest.approx([0.9902, 0.9824, 0.9312, 0.7116], abs=5e-5)
    assert u[1, :3] == pytest.approx([0.00952, 0.02857, 0.04761], abs=1e-5)
    assert u[1, 63] == pytest.approx(0.822, abs=5e-4)
    assert u[3, 0] == pytest.approx(0.0059152, abs=1e-7)


@pytest.mark.parametrize("viscosity", [VISCOSITY / 128, VISCOSITY, 0.5])
def test_cole_hopf_does_not_depend_on_its_quadrature(viscosity):
    u = cole_hopf(CENTRES, TIMES, viscosity=viscosity)
    finer = cole_hopf(CENTRES, TIMES, viscosity=viscosity, spacing=0.02)
    assert np.isfinite(u).all()
    assert np.abs(u - finer).max() < 1e-11


@pytest.mark.parametrize("arguments", [{"t": -0.1}, {"t": 1, "viscosity": 0}, {"t": 1, "spacing": 0}, {"t": [[1]]}])
def test_cole_hopf_refuses_impossible_arguments(arguments):
    with pytest.raises(ValueError, match=r"negative|positive|lists"):
        cole_hopf(0.1, **arguments)


# --- spectral solver ---


def test_spectral_solver_is_of_fourth_order_in_time():
    x, steps = cell_centres(256), np.array([16, 32, 64, 128])
    exact = cole_hopf(x, 1.0, viscosity=0.05)
    errors = [
        np.abs(spectral_solution(-np.sin(np.pi * x), [1.0], viscosity=0.05, max_step=1 / n) - exact).max()
        for n in steps
    ]
    assert convergence_order(1 / steps, errors) == pytest.approx(4, abs=0.3)


def test_spectral_solver_moves_with_a_mean_velocity_and_keeps_it():
    x, mean = cell_centres(512), 0.7
    moving = spectral_solution(mean - np.sin(np.pi * x), TIMES, viscosity=0.02, max_step=2.5e-4)
    expected = [mean + cole_hopf(x - mean * t, t, viscosity=0.02)[0] for t in TIMES]
    assert np.abs(moving - np.stack(expected)).max() < 1e-9
    assert np.abs(moving.mean(axis=1) - mean).max() < 1e-13


def test_spectral_solver_returns_the_initial_state_at_time_zero():
    assert np.abs(spectral_solution(SINE, [0.0])[0] - SINE).max() < 1e-15


def test_spectral_solver_reports_instability_and_bad_arguments():
    with pytest.raises(FloatingPointError, match="smaller max_step"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        spectral_solution(5 * SINE, np.linspace(0.1, 1, 10), max_step=0.1)
    with pytest.raises(ValueError, match="even number"):
        spectral_solution(SINE[:-1], [1.0])
    with pytest.raises(ValueError, match="increasing"):
        spectral_solution(SINE, [1.0, 0.5])


# --- time step ---


def notebook_step():
    """Return ``burgers_step`` as the chapter on the forward simulation defines it, from its own cell."""
    notebook = json.loads((ROOT / "notebooks/introduction/forward_burgers.ipynb").read_text())
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    (source,) = [source for source in sources if "def burgers_step" in source]
    scope = {"Field": Field, "math": math, "diffuse": diffuse, "VISCOSITY": VISCOSITY}
    exec(source, scope)
    return scope["burgers_step"]


def periodic(values):
    return CenteredGrid(math.wrap(values, spatial("x")), PERIODIC, bounds=Box(x=(-1, 1)))


REGRESSION = {
    0.01 / (128 * np.pi): [0.0057228, 0.01716715, 0.02861034, 0.040052, 0.05149214],  # printed by the reference text
    0.01 / np.pi: [0.00571236, 0.0171369, 0.02856092, 0.0399841, 0.05140614],
}


@pytest.mark.parametrize("viscosity", REGRESSION)
def test_three_implementations_of_the_step_agree_and_have_the_known_values(viscosity):
    step = notebook_step()
    with math.precision(64):
        in_notebook = periodic(torch.tensor(SINE))
        for _ in range(32):
            in_notebook = step(in_notebook, 1 / 32, viscosity)
        in_notebook = in_notebook.values.numpy("x")
    with math.precision(64), math.NUMPY:
        in_phiflow = periodic(SINE)
        for _ in range(32):
            in_phiflow = diffuse.explicit(in_phiflow, viscosity, 1 / 32)
            in_phiflow = advect.semi_lagrangian(in_phiflow, in_phiflow, 1 / 32)
        in_phiflow = in_phiflow.values.numpy("x")
    here = simulate(SINE, 32, viscosity)[-1].numpy()
    assert in_notebook[:5] == pytest.approx(REGRESSION[viscosity], abs=1e-5)
    assert here[:5] == pytest.approx(REGRESSION[viscosity], abs=1e-5)
    assert np.abs(in_notebook - in_phiflow).max() < 1e-12
    assert np.abs(in_notebook - here).max() < 1e-11


@pytest.mark.parametrize("viscosity", REGRESSION)
def test_step_keeps_antisymmetry_and_lowers_energy_and_maximum(viscosity):
    states = simulate(SINE, 32, viscosity)
    assert (states + states.flip(-1)).abs().max() < 1e-12
    assert (states.mean(-1)).abs().max() < 1e-13
    assert ((states**2).mean(-1).diff() < 0).all()
    assert (states.abs().amax(-1).diff() < 0).all()


def test_step_has_the_errors_of_the_specification():
    states = simulate(SINE, 32)[[10, 16, 20, 32]].numpy()
    assert rms(states, cole_hopf(CENTRES, TIMES)) == pytest.approx([0.0445, 0.0365, 0.0329, 0.0233], abs=5e-5)


def test_step_converges_with_first_order():
    resolutions = np.array([128, 256, 512, 1024])
    errors = []
    for n in resolutions:
        states = simulate(-np.sin(np.pi * cell_centres(n)), n // 4, substeps=n // 128).numpy()
        errors.append(rms(states[np.round(TIMES * n / 4).astype(int)], cole_hopf(cell_centres(n), TIMES)))
    errors = np.array(errors)
    assert (np.diff(errors, axis=0) < 0).all()
    orders = [convergence_order(2 / resolutions, column) for column in errors.T]
    assert min(orders) > 0.75 and max(orders) < 1.5


def test_step_takes_batches_and_commutes_with_shifts():
    states = torch.tensor(np.stack([SINE, 0.5 * np.cos(np.pi * CENTRES), 0.3 + SINE]))
    together = burgers_step(states[None], 1 / 32)
    assert together.shape == (1, 3, 128)
    for index in range(3):
        assert torch.equal(together[0, index], burgers_step(states[index], 1 / 32))
    assert torch.allclose(burgers_step(states.roll(37, -1), 1 / 32), together[0].roll(37, -1), atol=1e-13)


def test_step_refuses_unstable_diffusion():
    with pytest.raises(ValueError, match="more substeps"):
        burgers_step(torch.tensor(SINE), 1 / 16)
    assert burgers_step(torch.tensor(SINE), 1 / 16, substeps=2).isfinite().all()


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_gradient_through_all_steps_agrees_with_finite_differences(seed):
    start = SINE
    if seed is not None:
        generator, wave = np.random.default_rng(seed), np.arange(1, 5)[:, None]
        start = (generator.normal(size=(4, 1)) * np.sin(np.pi * wave * CENTRES + generator.normal(size=(4, 1)))).sum(0)
        start = start / np.abs(start).max()

    def final_energy(velocity):
        return (simulate(velocity, 32)[-1] ** 2).sum(-1)

    variable = torch.tensor(start, requires_grad=True)
    (gradient,) = torch.autograd.grad(final_energy(variable), variable)
    size = 1e-5
    up, down = final_energy(torch.tensor(start + size * np.array([[[1.0]], [[-1.0]]]) * np.eye(128)))
    differences = (up - down) / (2 * size)
    assert (gradient - differences).norm() < 1e-5 * differences.norm()


def test_gradient_through_the_phiflow_step_agrees_with_the_torch_step():
    step = notebook_step()
    variables = [torch.tensor(SINE, requires_grad=True) for _ in range(2)]
    with math.precision(64):
        velocity = periodic(variables[0])
        for _ in range(32):
            velocity = step(velocity, 1 / 32)
        (velocity.values.native("x") ** 2).sum().backward()
    (simulate(variables[1], 32)[-1] ** 2).sum().backward()
    assert torch.allclose(variables[0].grad, variables[1].grad, atol=1e-10)


# --- data set ---


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location("burgers_generate", ROOT / "data/burgers/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generate_makes_the_shipped_file_bit_for_bit(recipe):
    assert recipe.npz_bytes(recipe.make()) == (ROOT / "data/burgers/burgers.npz").read_bytes()


def test_load_returns_what_the_recipe_makes(recipe, monkeypatch):
    monkeypatch.delenv("PBDL_DATA", raising=False)
    loaded, made = load("burgers"), recipe.make()
    assert loaded.keys() == made.keys()
    for name in made:
        assert np.array_equal(loaded[name], made[name])
    assert np.array_equal(loaded["x"], CENTRES)
    assert np.array_equal(loaded["t"], np.arange(33) / 32)
    assert np.abs(loaded["u"] - cole_hopf(CENTRES, loaded["t"])).max() < 1e-10


def test_card_states_the_checksum():
    assert DATA_SETS["burgers"].sha256 in (ROOT / "data/burgers/README.md").read_text()
