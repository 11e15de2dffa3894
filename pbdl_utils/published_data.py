"""The published data sets of the reference text, in the layout of ours: ``data.load(name, source="pbdl")``.

The files lie on Hugging Face; the package ``pbdl`` (not among our requirements, because version 1.0.0 does not run with
current setuptools) downloads them, h5py reads them.
"""

from pathlib import Path

import numpy as np

from pbdl_utils.data import DataError

PBDL = {"hf_repo_id": "thuerey-group/pbdl-dataset", "dataset_ext": ".hdf5"}  # what pbdl's own config.json says
PBDL_FILES = {  # "airfoils": training file (the last fifth is for validation), test file
    "airfoils": ("airfoils", "airfoils-test"),
    "wake_flow": ("solver-in-the-loop-wake-flow",),
}
WAKE_TRAINING = 6  # the reference trains on its first six wake simulations and tests on the others
WAKE_REYNOLDS = 32.0  # U D / viscosity of the reference's solver, whose viscosity is 0.625 / Re, per its nominal Re


def load_published(name: str, folder: Path) -> dict[str, np.ndarray]:
    """Return the published data set of the reference in the layout of ours.

    The files are downloaded by the package ``pbdl`` into ``folder`` where they are not there already.

    - airfoils: inputs, targets, split. The files are indexed [x, y]; ours are [y, x].
    - wake_flow: u_x (sim, frame, 64, 33), u_y (sim, frame, 65, 32) in float32 (velocities, no integers), reynolds
      formed with the diameter, split ("train" and "test").

    Raises:
        DataError: with one sentence that says what is missing or does not fit.
    """
    if name not in PBDL_FILES:
        raise DataError(f"the pbdl package has no data set that stands for {name!r}: use one of {sorted(PBDL_FILES)}.")
    if name == "wake_flow":
        return read_published_wake(_file(PBDL_FILES[name][0], folder))
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
    sims, _ = _read_simulations(path)
    if sims.ndim != 5 or sims.shape[1:3] != (2, 3):
        raise DataError(f"{path}: simulations have the shape {sims.shape[1:]}, expected (2, 3, x, y): delete it.")
    sims = np.swapaxes(sims, -1, -2).astype(np.float32)
    return sims[:, 0], sims[:, 1]


def read_published_wake(path: Path) -> dict[str, np.ndarray]:
    """Read the reference's wake flow: data sets sims/sim0, ... of shape (frames, fields, 65, 32), each with its Re.

    The fields are marker, u_x and u_y (and possibly more, which are not read), padded to one size: u_x is on the 31
    inner faces of 64 rows, u_y on 65 rows of faces. Walls are added.

    Raises:
        DataError: if the file cannot be read, has another layout or holds values that are not finite.
    """
    sims, constants = _read_simulations(path)
    if sims.ndim != 5 or sims.shape[2] < 3 or sims.shape[3:] != (65, 32):
        raise DataError(
            f"{path}: simulations have the shape {sims.shape[1:]}, expected (frames, 3, 65, 32): delete it."
        )
    names = sorted(set(constants[0]) & {"Re", "re", "Reynolds Number", "reynolds", "Reynolds"})
    if len(names) != 1:
        raise DataError(f"{path}: simulations have the constants {sorted(constants[0])}, expected Re: delete it.")
    u_x = np.pad(sims[:, :, 1, :64, :31].astype(np.float32), ((0, 0), (0, 0), (0, 0), (1, 1)))
    return {
        "u_x": u_x,
        "u_y": sims[:, :, 2].astype(np.float32),
        "reynolds": WAKE_REYNOLDS * np.array([float(np.ravel(c[names[0]])[0]) for c in constants]),
        "split": np.array(["train" if i < WAKE_TRAINING else "test" for i in range(len(sims))]),
    }


def _read_simulations(path: Path) -> tuple[np.ndarray, list[dict]]:
    """Return the simulations of a file in pbdl's layout, in the order of their numbers, and the constants of each."""
    try:
        import h5py
    except ImportError as error:
        raise DataError("reading the published data needs h5py: pip install h5py.") from error
    try:
        with h5py.File(path, "r") as file:
            parts = [file[f"sims/sim{i}"] for i in range(len(file["sims"]))]  # by number, not by name
            sims, constants = np.stack([part[()] for part in parts]), [dict(part.attrs) for part in parts]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is no file in pbdl's layout ({error}): delete it and load again.") from error
    if not np.isfinite(sims).all():
        raise DataError(f"{path} holds values that are not finite: delete it and load again.")
    return sims, constants


def _file(part: str, folder: Path) -> Path:
    path = folder / f"{part}{PBDL['dataset_ext']}"
    if path.exists():
        return path
    try:
        from pbdl.fetcher import dl_parts, dl_single_file
    except ImportError as error:  # pbdl 1.0.0 imports pkg_resources, which setuptools dropped in version 82
        raise DataError('downloading needs pbdl: pip install pbdl "setuptools<82".') from error
    try:
        settings = PBDL | {"global_dataset_dir": str(folder)}
        try:
            dl_single_file(part, settings, disable_progress=True)
        except OSError:  # there is no such file: the simulations lie in several ones
            dl_parts(part, settings, disable_progress=True)
    except BaseException as error:  # pbdl leaves a part of the file behind, and exits the interpreter on some errors
        path.unlink(missing_ok=True)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise DataError(f"{part} could not be downloaded from Hugging Face ({error}): are you online?") from error
    return path
