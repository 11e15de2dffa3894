"""Data sets: from the repository's ``data`` folder, or downloaded from it where the folder is not at hand (Colab)."""

import hashlib
import os
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path

import numpy as np
import pooch


@dataclass(frozen=True)
class DataSet:
    """What ``load`` expects of a data set: file name, SHA-256 of the file, shape and dtype of each array."""

    file: str
    sha256: str
    arrays: dict[str, tuple[tuple[int, ...], str]]


DATA_SETS: dict[str, DataSet] = {
    "burgers": DataSet(
        "burgers.npz",
        "b6713894a727a04c1d5e1d51d4bb56a82a0014d869077118717357eec354c4dd",
        {"x": ((128,), "float64"), "t": ((33,), "float64"), "u": ((33, 128), "float64")},
    ),
    "airfoils": DataSet(
        "airfoils.npz",
        "6e13888ac65dc1a1fa1f18432c0cbe0969ed9a045a2b8ea620a882cea6d0d1ab",
        {
            "inputs": ((509, 3, 128, 128), "float16"),
            "targets": ((509, 3, 128, 128), "float16"),
            "split": ((509,), "U10"),
            "family": ((509,), "U14"),
            "shape": ((509,), "U60"),
            "reynolds": ((509,), "float64"),
            "angle": ((509,), "float64"),
            "lift": ((509,), "float32"),
            "drag": ((509,), "float32"),
            "lift_drift": ((509,), "float32"),
            "iterations": ((509,), "int32"),
            "seconds": ((509,), "float32"),
            "surface": ((509, 3, 124), "float32"),
        },
    ),
    "airfoils/nonsteady": DataSet(
        "nonsteady.npz",
        "5f23a60d1557a572ff20ed3f511b70bfdb1a3c54398d3b9641d7943788ac7f1e",
        {f"{case}_{name}": ((2000,), "float32") for case in ("stalled", "steady") for name in ("lift", "drag")}
        | {f"{case}_fields": ((3, 128, 128), "float16") for case in ("stalled", "steady")}
        | {name: ((1,), "float64") for name in ("stalled_angle", "steady_angle", "reynolds")},
    ),
    "airfoils/reference_recipe": DataSet(
        "reference_recipe.npz",
        "f1e8a3caffa05a65e36d45396205c9faf0d1b90e15be3fe9ff121e59a4920785",
        {"seed": ((3,), "int64"), "parameters": ((3,), "int64"), "seconds": ((3,), "float64")}
        | {name: ((3, 200), "float32") for name in ("train_curve", "validation_curve")}
        | {"train_errors": ((3, 354, 3), "float32"), "validation_errors": ((3, 87, 3), "float32")}
        | {"test_errors": ((3, 68, 3), "float32")},
    ),
    "wake_flow": DataSet(
        "wake_flow.npz",
        "581080b075ea1794974db07c4f67c878a9f756897fce2ad84d8d94e5fd8ffbdf",
        {
            "u_x": ((11, 361, 64, 33), "int16"),
            "u_y": ((11, 361, 65, 32), "int16"),
            "fine_u_x": ((5, 3, 256, 129), "int16"),
            "fine_u_y": ((5, 3, 257, 128), "int16"),
            "reynolds": ((11,), "float64"),
            "split": ((11,), "U12"),
        },
    ),
}


class DataError(ValueError):
    """A data set is unknown, missing, damaged or not of the expected shape."""


def load(name: str, *, folder: Path | str | None = None, source: str = "book") -> dict[str, np.ndarray]:
    """Return the arrays of a data set, verified by checksum, shape, dtype and finiteness.

    Args:
        name: a key of ``DATA_SETS``; each has a data card in ``data/<folder>/README.md``, where the folder is the
            part of the name before a slash.
        folder: where the data sets lie; by default ``$PBDL_DATA`` or the ``data`` folder of the repository.
            If the file is not there, it is downloaded from the repository's address into pooch's cache.
        source: ``"book"`` for our own data, ``"pbdl"`` for what the reference text published under this name, with
            its own normalisation, downloaded into ``folder`` (by default pooch's cache).

    Raises:
        DataError: with one sentence that says what is wrong and what to do.
    """
    if source == "pbdl":
        from pbdl_utils.published_data import load_published

        return load_published(name, Path(folder or pooch.os_cache("pbdl")))
    if source != "book":
        raise DataError(f"source is {source!r}, expected 'book' or 'pbdl'.")
    if name not in DATA_SETS:
        raise DataError(f"there is no data set {name!r}: choose one of {', '.join(sorted(DATA_SETS))}.")
    entry = DATA_SETS[name]
    root = Path(folder or os.environ.get("PBDL_DATA") or Path(__file__).parents[1] / "data")
    path = root / name.partition("/")[0] / entry.file
    if not path.is_file():
        path = _download(name, entry, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != entry.sha256:
        raise DataError(
            f"{path} is damaged: its SHA-256 is {found[:12]}…, expected {entry.sha256[:12]}…. "
            f"Restore it with 'git checkout {path}' or make it again with data/{path.parent.name}/generate.py."
        )
    return read_arrays(path, entry.arrays)


def read_arrays(path: Path, expected: dict[str, tuple[tuple[int, ...], str]]) -> dict[str, np.ndarray]:
    """Read an ``.npz`` file and check names, shapes, dtypes and finiteness; no pickled objects are accepted.

    Raises:
        DataError: if the file cannot be read or does not hold what is expected.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # damaged archives raise many kinds, zlib.error and struct.error among them
        raise DataError(f"{path} is damaged ({error}): restore it or make it again.") from error
    if set(arrays) != set(expected):
        raise DataError(f"{path} holds the arrays {sorted(arrays)}, expected {sorted(expected)}: make it again.")
    for name, (shape, dtype) in expected.items():
        array = arrays[name]
        if array.shape != tuple(shape) or array.dtype != np.dtype(dtype):
            raise DataError(
                f"{path}: {name} has shape {array.shape} and dtype {array.dtype}, "
                f"expected {tuple(shape)} and {dtype}: make it again."
            )
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise DataError(f"{path}: {name} holds values that are not finite: make it again.")
    return arrays


def repository_url() -> str:
    """Return the repository's address, as set in ``pyproject.toml``."""
    for entry in metadata("pbdl_utils").get_all("Project-URL") or []:
        label, _, url = entry.partition(", ")
        if label == "Repository":
            return url
    raise DataError("pbdl_utils was installed without its repository's address: install it again.")


def _download(name: str, entry: DataSet, path: Path) -> Path:
    folder = path.parent.name
    url = f"{repository_url()}/raw/main/data/{folder}/{entry.file}"
    try:
        return Path(pooch.retrieve(url, known_hash=f"sha256:{entry.sha256}", fname=f"{folder}-{entry.file}"))
    except Exception as error:  # requests, urllib3 and pooch raise many kinds
        raise DataError(
            f"the data set {name!r} is not at {path} and could not be downloaded from {url}: work in a clone of the "
            f"repository, restore the file with 'git checkout', or make it with data/{folder}/generate.py."
        ) from error
