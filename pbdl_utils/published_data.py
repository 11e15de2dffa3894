"""The published data sets of the reference text, in the layout of ours: ``data.load(name, source="pbdl")``.

The files lie on Hugging Face; the package ``pbdl`` (not among our requirements, because version 1.0.0 does not run with
current setuptools) downloads them, h5py reads them.
"""

from pathlib import Path

import numpy as np

from pbdl_utils.data import DataError

PBDL = {"hf_repo_id": "thuerey-group/pbdl-dataset", "dataset_ext": ".hdf5"}  # what pbdl's own config.json says
PBDL_FILES = {"airfoils": ("airfoils", "airfoils-test")}  # training file (the last fifth is for validation), test file


def load_published(name: str, folder: Path) -> dict[str, np.ndarray]:
    """Return the published data set of the reference in the layout of ours: inputs, targets, split.

    The files are downloaded by the package ``pbdl`` into ``folder`` where they are not there already. Their arrays are
    indexed [x, y]; ours are [y, x].

    Raises:
        DataError: with one sentence that says what is missing or does not fit.
    """
    if name not in PBDL_FILES:
        raise DataError(f"the pbdl package has no data set that stands for {name!r}: use one of {sorted(PBDL_FILES)}.")
    train, test = (read_published(_file(part, folder)) for part in PBDL_FILES[name])
    count = len(train[0])
    split = np.array(["train"] * (count - count // 5) + ["validation"] * (count // 5) + ["test"] * len(test[0]))
    inputs, targets = (np.concatenate(pair) for pair in zip(train, test, strict=True))
    return {"inputs": inputs, "targets": targets, "split": split}


def read_published(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a file in pbdl's HDF5 layout: data sets sims/sim0, sims/sim1, ... of shape (2, 3, x, y), inputs first.

    Raises:
        DataError: if the file cannot be read, has another layout or holds values that are not finite.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError("reading the published data needs h5py: pip install h5py.") from error
    try:
        with h5py.File(path, "r") as file:
            sims = np.stack([file[f"sims/sim{i}"][()] for i in range(len(file["sims"]))])  # by number, not by name
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is no file in pbdl's layout ({error}): delete it and load again.") from error
    if sims.ndim != 5 or sims.shape[1:3] != (2, 3):
        raise DataError(f"{path}: simulations have the shape {sims.shape[1:]}, expected (2, 3, x, y): delete it.")
    if not np.isfinite(sims).all():
        raise DataError(f"{path} holds values that are not finite: delete it and load again.")
    sims = np.swapaxes(sims, -1, -2).astype(np.float32)
    return sims[:, 0], sims[:, 1]


def _file(part: str, folder: Path) -> Path:
    path = folder / f"{part}{PBDL['dataset_ext']}"
    if path.exists():
        return path
    try:
        from pbdl.fetcher import dl_single_file
    except ImportError as error:  # pbdl 1.0.0 imports pkg_resources, which setuptools dropped in version 82
        raise DataError('downloading needs pbdl: pip install pbdl "setuptools<82".') from error
    try:
        dl_single_file(part, PBDL | {"global_dataset_dir": str(folder)}, disable_progress=True)
    except BaseException as error:  # pbdl leaves a part of the file behind, and exits the interpreter on some errors
        path.unlink(missing_ok=True)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise DataError(f"{part} could not be downloaded from Hugging Face ({error}): are you online?") from error
    return path
