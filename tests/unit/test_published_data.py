"""The reader of the reference's published data, on small files in its layout that the tests write themselves."""

import sys

import h5py
import numpy as np
import pytest

from pbdl_utils.data import DataError, load
from pbdl_utils.published_data import read_published, read_published_wake

RNG = np.random.default_rng(0)


def write(path, count=12, shape=(2, 3, 8, 6)):
    """Write ``count`` simulations; more than ten, so that sorting by name would mix them up."""
    sims = RNG.normal(size=(count, *shape)).astype(np.float32)
    with h5py.File(path, "w") as file:
        for index, sim in enumerate(sims):
            file[f"sims/sim{index}"] = sim
    return sims


def test_training_and_test_files_become_one_data_set(tmp_path):
    train, test = write(tmp_path / "airfoils.hdf5", 12), write(tmp_path / "airfoils-test.hdf5", 3)
    data = load("airfoils", source="pbdl", folder=tmp_path)
    assert data["inputs"].shape == data["targets"].shape == (15, 3, 6, 8)  # indexed [y, x]
    assert np.array_equal(data["inputs"][11], train[11, 0].swapaxes(-1, -2))
    assert np.array_equal(data["targets"][14], test[2, 1].swapaxes(-1, -2))
    assert [list(data["split"]).count(name) for name in ("train", "validation", "test")] == [10, 2, 3]


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "layout", "shape", "nan"])
def test_damaged_files_are_one_clear_error(tmp_path, damage):
    path = tmp_path / "airfoils.hdf5"
    write(path, shape=(2, 4, 8, 6) if damage == "shape" else (2, 3, 8, 6))
    content = path.read_bytes()
    if damage in ("cut", "empty", "text"):
        path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "text": b"not found"}[damage])
    elif damage == "layout":
        with h5py.File(path, "w") as file:
            file["fields"] = np.zeros(3)
    elif damage == "nan":
        with h5py.File(path, "a") as file:
            file["sims/sim3"][0, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="delete it"):
        read_published(path)


def test_missing_downloader_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pbdl", None)
    monkeypatch.setitem(sys.modules, "pbdl.fetcher", None)
    with pytest.raises(DataError, match="pip install pbdl"):
        load("airfoils", source="pbdl", folder=tmp_path)


def test_unknown_names_and_sources(tmp_path):
    with pytest.raises(DataError, match="has no data set that stands for 'burgers'"):
        load("burgers", source="pbdl", folder=tmp_path)
    with pytest.raises(DataError, match="expected 'book' or 'pbdl'"):
        load("burgers", source="web")


def write_wake(path, count=10, fields=3, constant="Re", shape=(65, 32)):
    """Write ``count`` wake simulations of five frames: marker, u_x, u_y."""
    sims = RNG.normal(size=(count, 5, fields, *shape)).astype(np.float32)
    with h5py.File(path, "w") as file:
        for index, sim in enumerate(sims):
            file[f"sims/sim{index}"] = sim
            file[f"sims/sim{index}"].attrs[constant] = 10.0 * (index + 1)
        file["sims"].attrs["Constants"] = [constant]
    return sims


def test_the_published_wake_flow_gets_the_layout_of_ours(tmp_path):
    sims = write_wake(tmp_path / "solver-in-the-loop-wake-flow.hdf5")
    data = load("wake_flow", source="pbdl", folder=tmp_path)
    assert data["u_x"].shape == (10, 5, 64, 33) and data["u_y"].shape == (10, 5, 65, 32)
    assert np.array_equal(data["u_x"][3, 2, :, 1:-1], sims[3, 2, 1, :64, :31])
    assert np.array_equal(data["u_y"][3, 2], sims[3, 2, 2])
    assert (data["u_x"][..., [0, -1]] == 0).all()
    assert np.allclose(data["reynolds"], 320.0 * np.arange(1, 11))
    assert list(data["split"]) == ["train"] * 6 + ["test"] * 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shape": (32, 65)}, "simulations have the shape"),
        ({"fields": 2}, "simulations have the shape"),
        ({"constant": "viscosity"}, "expected Re"),
    ],
)
def test_another_wake_layout_is_one_clear_error(tmp_path, settings, message):
    path = tmp_path / "wake.hdf5"
    write_wake(path, **settings)
    with pytest.raises(DataError, match=message):
        read_published_wake(path)


def test_simulations_in_several_files_are_fetched_too(tmp_path, monkeypatch):
    """pbdl stores large data sets as one file per simulation; then there is no single file to download."""
    fetcher = type(sys)("pbdl.fetcher")

    def missing(*_, **__):
        raise OSError("HTTP Error 404: Not Found")

    fetcher.dl_single_file = missing
    fetcher.dl_parts = lambda part, settings, **_: write_wake(tmp_path / f"{part}.hdf5")
    monkeypatch.setitem(sys.modules, "pbdl", type(sys)("pbdl"))
    monkeypatch.setitem(sys.modules, "pbdl.fetcher", fetcher)
    assert len(load("wake_flow", source="pbdl", folder=tmp_path)["reynolds"]) == 10
