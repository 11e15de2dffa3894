"""The wake-flow data set: the file fits its card, the physics holds, and the recipe makes a piece of it again."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pbdl_utils.data import load
from pbdl_utils.physics.wake import Wake, resample, strouhal

FOLDER = Path(__file__).parents[2] / "data" / "wake_flow"
QUANTUM = 2.0**-13


@pytest.fixture(scope="module")
def data():
    return load("wake_flow")


@pytest.fixture(scope="module")
def flow(data):
    """Every tenth frame of all simulations, in float64."""
    return tuple(torch.from_numpy(data[name][:, ::10] * QUANTUM) for name in ("u_x", "u_y"))


@pytest.fixture(scope="module")
def recipe():
    """generate.py; leaves no trace, as other data sets have scripts of the same name."""
    before = sys.modules.pop("generate", None)
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("generate")
    finally:
        sys.path.remove(str(FOLDER))
        sys.modules.pop("generate", None)
        if before is not None:
            sys.modules["generate"] = before


def test_splits_are_by_reynolds_number(data):
    numbers = {s: data["reynolds"][data["split"] == s] for s in ("train", "test inside", "test outside")}
    assert [len(n) for n in numbers.values()] == [6, 3, 2]
    assert len(np.unique(data["reynolds"])) == 11
    low, high = numbers["train"].min(), numbers["train"].max()
    assert ((numbers["test inside"] > low) & (numbers["test inside"] < high)).all()
    assert ((numbers["test outside"] < low) | (numbers["test outside"] > high)).all()


def test_stored_flows_have_no_divergence(flow):
    """Up to rounding: four faces, each wrong by at most half a quantum."""
    outflow = flow[0].diff(dim=-1) + flow[1].diff(dim=-2)
    assert outflow.abs().max() <= 2 * QUANTUM


def test_the_same_mass_passes_every_cross_section(flow):
    assert (flow[1].mean(-1) - 1).abs().max() < QUANTUM


def test_walls_and_inflow(flow):
    u_x, u_y = flow
    assert (u_x[..., 0] == 0).all() and (u_x[..., -1] == 0).all()
    assert (u_y[..., 0, :] == 1).all()


def test_no_fluid_inside_the_cylinder(flow):
    """Faces that lie wholly inside the cylinder carry nothing; the coarse obstacle is nearly respected."""
    assert (flow[0][:, :, 15:17, 16] == 0).all() and (flow[1][:, :, 16, 15:17] == 0).all()
    projected = Wake((64, 32), 1.0).project(flow)
    difference = sum((a - b).square().sum((-1, -2)) for a, b in zip(flow, projected, strict=True))
    share = (difference / sum(f.square().sum((-1, -2)) for f in flow)).sqrt()
    assert 0.005 < share.min() and share.max() < 0.03


def test_all_flows_shed_vortices_faster_at_higher_reynolds_number(data):
    numbers = []
    for i in np.argsort(data["reynolds"]):
        signal = torch.from_numpy(data["u_x"][i, :, 32, 16] * QUANTUM)
        assert signal.std() > 0.2
        numbers.append(strouhal(signal, 1.0))
    assert numbers == sorted(numbers)
    assert 0.22 < numbers[0] and numbers[-1] < 0.28


def test_fine_states_are_those_of_the_frames(data):
    tests = np.flatnonzero(data["split"] != "train")
    for k, frame in enumerate((0, 130, 260)):
        fine = tuple(torch.from_numpy(data[f"fine_{name}"][:, k] * QUANTUM) for name in ("u_x", "u_y"))
        for name, coarse in zip(("u_x", "u_y"), resample(fine, (64, 32)), strict=True):
            assert (
                np.abs(coarse.numpy() - data[name][tests, frame] * QUANTUM).max() <= 6 * QUANTUM
            )  # u_x from sums of rounded u_y


def test_the_recipe_makes_some_frames_again(data, recipe):
    case, frames = 6, 4  # the first test simulation, from its state at frame 130
    assert data["reynolds"][case] == 130
    fine = tuple(torch.from_numpy(data[f"fine_{name}"][:1, 1] * QUANTUM) for name in ("u_x", "u_y"))
    wake = Wake(recipe.FINE, recipe.FINE_DT)
    again, _ = recipe.record(wake, wake.project(fine), None, 130.0, frames)
    for name, values in zip(("u_x", "u_y"), again, strict=True):
        stored = data[name][case, 130 : 130 + frames] * QUANTUM
        assert np.abs(values - stored).max() < 5e-4


def test_a_simulation_is_stored_once_and_the_same_twice(recipe, tmp_path, monkeypatch):
    """The whole recipe in small: an interrupted run takes up what is stored, and a new run makes the same numbers."""
    for name, value in {"SPIN_UP": ((32, 16), 1.0, 20.0), "SETTLE": 5.0, "FRAMES": 3, "RESTARTS": (0,)}.items():
        monkeypatch.setattr(recipe, name, value)
    monkeypatch.setattr(recipe.developed, "__defaults__", ((64, 32), 1.0, 5.0))
    monkeypatch.setattr(recipe, "FINE", (64, 32))
    monkeypatch.setattr(recipe, "FINE_DT", 0.5)
    first = recipe.simulation(100, tmp_path / "a")
    stamp = (tmp_path / "a" / "re100.npz").stat().st_mtime_ns
    again, other = recipe.simulation(100, tmp_path / "a"), recipe.simulation(100, tmp_path / "b")
    assert (tmp_path / "a" / "re100.npz").stat().st_mtime_ns == stamp
    for name in ("u_x", "u_y", "fine_u_x", "fine_u_y"):
        assert np.array_equal(first[name], again[name]) and np.array_equal(first[name], other[name])


def test_a_velocity_too_large_for_the_format_is_refused(recipe):
    with pytest.raises(ValueError, match="larger QUANTUM"):
        recipe.quantise(np.array([5.0]))


def test_card_names_every_array_with_its_shape(data):
    card = (FOLDER / "README.md").read_text()
    assert not re.findall(r"\{\{", card)
    for name, array in data.items():
        assert f"| `{name}` | {array.shape} |" in card
    assert "U D / ν" in card and "Strouhal" in card
