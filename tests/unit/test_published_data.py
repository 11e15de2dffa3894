"""The reader of the reference's published data, on small files in its layout that the tests write themselves."""

import sys

import h5py
import numpy as np
import pytest

from pbdl_utils.data import DataError, load
from pbdl_utils.published_data import read_published

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
