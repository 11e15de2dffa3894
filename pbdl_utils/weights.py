"""Trained weights that are shipped with the book, so that a reader can skip a long training run."""

import os
from pathlib import Path

import pooch
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from pbdl_utils.claims import LEDGER_VARIABLE
from pbdl_utils.data import DataError, repository_url
from pbdl_utils.files import write_atomically

FOLDER = Path(__file__).parents[1] / "data" / "weights"
LIMIT = 2_000_000  # bytes per file, so that the repository stays light


def ship(name: str, network: torch.nn.Module, record: dict[str, Tensor] | None = None) -> None:
    """Round the network's weights to float16, and store them when ``make full`` runs.

    The weights are rounded in any case, so that whatever is measured afterwards holds for the shipped file. It is
    written under the same condition as the claims ledger: a reader's own run overwrites nothing.

    Args:
        name: file name without suffix, ``data/weights/<name>.safetensors``.
        record: further tensors to store with the weights, such as loss curves or the wall time; kept in full precision.

    Raises:
        ValueError: if the file would be larger than ``LIMIT``.
    """
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.half())
    if not os.environ.get(LEDGER_VARIABLE):
        return
    tensors = {
        f"network.{key}": value.half() if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    tensors |= {f"record.{key}": value for key, value in (record or {}).items()}
    content = save({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    if len(content) > LIMIT:
        raise ValueError(f"the weights {name} take {len(content)} bytes, expected at most {LIMIT}: use fewer weights.")
    write_atomically(FOLDER / f"{name}.safetensors", content)


def shipped(name: str, network: torch.nn.Module, *, folder: Path | str | None = None) -> dict[str, Tensor]:
    """Load shipped weights into ``network`` and return the record stored with them.

    Args:
        name: as given to ``ship``.
        network: a network of the same architecture; its weights are replaced.
        folder: where the file lies; by default ``data/weights`` of the repository. If it is not there, it is downloaded
            from the repository's address into pooch's cache.

    Raises:
        DataError: if the file cannot be found, is damaged, or does not fit the network.
    """
    path = Path(folder or FOLDER) / f"{name}.safetensors"
    if not path.is_file():
        path = _download(name, path)
    try:
        tensors = load_file(path)
        weights = {key.removeprefix("network."): value for key, value in tensors.items() if key.startswith("network.")}
        network.load_state_dict(weights)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise DataError(
            f"{path} is damaged or does not fit the network: restore it with 'git checkout {path}', or train again."
        ) from error
    return {key.removeprefix("record."): value for key, value in tensors.items() if key.startswith("record.")}


def _download(name: str, path: Path) -> Path:
    url = f"{repository_url()}/raw/main/data/weights/{name}.safetensors"
    try:
        return Path(pooch.retrieve(url, known_hash=None, fname=f"weights-{name}.safetensors"))
    except Exception as error:  # requests, urllib3 and pooch raise many kinds
        raise DataError(
            f"the weights {name!r} are not at {path} and could not be downloaded from {url}: work in a clone of the "
            "repository, or train the network."
        ) from error
