"""Shipped weights: rounding, storing only under ``make full``, damaged files, and that they are those of the ledger."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from pbdl_utils import weights
from pbdl_utils.claims import LEDGER_VARIABLE
from pbdl_utils.data import DataError
from pbdl_utils.networks import mlp

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setenv(LEDGER_VARIABLE, str(tmp_path / "ledger.json"))
    return tmp_path


def test_weights_and_record_come_back(folder):
    torch.manual_seed(0)
    network, other = mlp([2, 8, 1]), mlp([2, 8, 1])
    weights.ship("net", network, {"train": torch.tensor([0.1, 0.2])})
    record = weights.shipped("net", other)
    x = torch.randn(5, 2)
    assert torch.equal(network(x), other(x)), "the shipped network must be the one that was measured"
    assert torch.equal(record["train"], torch.tensor([0.1, 0.2]))


def test_a_readers_run_stores_nothing_but_rounds(folder, monkeypatch):
    monkeypatch.delenv(LEDGER_VARIABLE)
    network = mlp([2, 8, 1])
    weights.ship("net", network)
    assert not list(folder.iterdir())
    assert all(torch.equal(p, p.half().float()) for p in network.parameters())


def test_a_large_network_is_refused(folder):
    with pytest.raises(ValueError, match="use fewer weights"):
        weights.ship("net", torch.nn.Linear(1100, 1000))


def test_damaged_files_give_one_clear_error(folder):
    weights.ship("net", mlp([2, 8, 1]))
    good = (folder / "net.safetensors").read_bytes()
    rng = np.random.default_rng(0)
    broken = [good[: len(good) // 2], b"", b"\x00" * 64, rng.bytes(len(good)), good[:8] + b"[" + good[9:]]
    for content in broken:
        (folder / "net.safetensors").write_bytes(content)
        with pytest.raises(DataError, match="damaged or does not fit"):
            weights.shipped("net", mlp([2, 8, 1]))


def test_another_architecture_is_refused(folder):
    weights.ship("net", mlp([2, 8, 1]))
    with pytest.raises(DataError, match="does not fit the network"):
        weights.shipped("net", mlp([3, 8, 1]))


def test_missing_weights_say_what_to_do(folder, monkeypatch):
    def offline(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr(weights.pooch, "retrieve", offline)
    with pytest.raises(DataError, match="work in a clone"):
        weights.shipped("net", mlp([2, 8, 1]))


def test_shipped_files_are_listed_and_light():
    card = (ROOT / "data/weights/README.md").read_text()
    files = sorted((ROOT / "data/weights").glob("*.safetensors"))
    assert files
    for file in files:
        assert file.stat().st_size <= weights.LIMIT
        assert re.sub(r"-\d+$", "", file.stem) in card


def test_the_airfoil_weights_give_the_errors_of_the_ledger():
    """The validation error of the shipped networks is the ledger's; the encoding is written out again here."""
    from pbdl_utils.data import load
    from pbdl_utils.networks import AirfoilUNet

    ledger = json.loads((ROOT / "results/supervised/airfoils.json").read_text())
    stated = next(entry for entry in ledger["claims"] if entry["id"] == "order-of-errors")["measured"]["validation"]
    data = load("airfoils")
    rows = np.flatnonzero(data["split"] == "validation")
    shape, target = (torch.from_numpy(data[k][rows]).float() for k in ("inputs", "targets"))
    shape, fluid = shape[:, 2:], 1 - shape[:, 2:]
    angle = torch.from_numpy(np.deg2rad(data["angle"][rows])).float()[:, None, None, None]
    told = torch.from_numpy(np.log(data["reynolds"][rows] / 1.6e6) / 0.66).float()[:, None, None, None]
    flip = torch.tensor([1.0, 1.0, -1.0])[:, None, None]

    def answer(network, angle, shape, fluid):
        free = torch.cat([0 * fluid, angle.cos() * fluid, angle.sin() * fluid], 1)
        return free + fluid * network(torch.cat([angle / 0.12 + 0 * fluid, told + 0 * fluid, shape], 1))

    errors = []
    for seed in range(3):
        network = AirfoilUNet(4, batch_norm=False)
        weights.shipped(f"airfoils-{seed}", network)
        network.eval()
        with torch.no_grad():
            upright = answer(network, angle, shape, fluid)
            mirrored = answer(network, -angle, shape.flip(-2), fluid.flip(-2)).flip(-2) * flip
        errors.append(((upright + mirrored) / 2 - target).abs().mean().item())
    assert np.mean(errors) == pytest.approx(stated["mean"], rel=1e-3)


def test_the_wake_corrections_give_the_errors_of_the_ledger():
    """Error of the shipped hybrids at the unseen Reynolds numbers; the hybrid step is written out again here."""
    from torch.nn.functional import pad

    from pbdl_utils.data import load
    from pbdl_utils.networks import resnet
    from pbdl_utils.physics.wake import Wake, viscosity_of

    ledger = json.loads((ROOT / "results/differentiable_physics/solver_in_the_loop.json").read_text())
    claims = {entry["id"]: entry["measured"] for entry in ledger["claims"]}
    data, wake = load("wake_flow"), Wake((64, 32), 1.0)
    inside, train = (np.flatnonzero(data["split"] == name) for name in ("test inside", "train"))
    logs = torch.from_numpy(data["reynolds"]).float().log()
    norms = logs[train].mean(), logs[train].std()
    starts = np.array([0, 60, 120, 190, 260])
    who, when = np.repeat(inside, 5), np.tile(starts, 3)
    fluid, number = (~wake.solid).float(), ((logs[who] - norms[0]) / norms[1])[:, None, None]
    viscosity = viscosity_of(logs[who].exp())[:, None, None]

    def states(frames) -> tuple[torch.Tensor, torch.Tensor]:
        return wake.project(tuple(torch.from_numpy(data[n][who, frames]).float() / 2**13 for n in ("u_x", "u_y")))

    def size(u_x, u_y) -> torch.Tensor:
        return (u_x.square().sum((-2, -1)) + u_y.square().sum((-2, -1))).sqrt()

    for name, key in (("hybrid", "hybrid-vs-source"), ("third-order", "beats-a-good-solver")):
        found = []
        for seed in range(3):
            network = torch.nn.Sequential(
                torch.nn.PixelUnshuffle(2),
                resnet(24, 8, width=32, blocks=2, padding="zeros"),
                torch.nn.PixelShuffle(2),
            )
            wrapped = torch.nn.ModuleDict({"network": network})
            weights.shipped(f"solver-in-the-loop-{name}-{seed}", wrapped)
            u_x, u_y = states(when)
            for n in range(1, 101):
                with torch.no_grad():
                    if name == "hybrid":
                        u_x, u_y = wake.advect(wake.diffuse((u_x, u_y), viscosity))
                    else:
                        u_x, u_y = wake.transport((u_x, u_y), viscosity)
                    faces = [u_x[..., :-1], u_x[..., 1:], u_y[..., :-1, :] - 1, u_y[..., 1:, :] - 1]
                    inputs = torch.stack([*faces, number.expand_as(faces[0]), fluid.expand_as(faces[0])], 1)
                    right, upper = (0.1 * network(inputs)).unbind(1)
                    u_x, u_y = wake.project((u_x + pad(right[..., :-1], (1, 1)), u_y + pad(upper, (0, 0, 1, 0))))
                    target = states(when + n)
                    found.append(size(u_x - target[0], u_y - target[1]) / size(*target))
        assert torch.cat(found).mean().item() == pytest.approx(claims[key]["hybrid"]["mean"], rel=0.02)
