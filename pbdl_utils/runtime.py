"""Where and at what scale a notebook runs: device, random seed, scale switch, stopwatch."""

import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

Value = TypeVar("Value")
SCALES = ("full", "quick")


def scale() -> str:
    """Return the scale of this run, ``"full"`` (default) or ``"quick"``, from the variable ``PBDL_SCALE``.

    Raises:
        ValueError: if the variable holds anything else.
    """
    value = os.environ.get("PBDL_SCALE", "full")
    if value not in SCALES:
        raise ValueError(f"PBDL_SCALE is {value!r}, expected 'full' or 'quick': set it to one of them or unset it.")
    return value


def pick(*, full: Value, quick: Value) -> Value:
    """Return ``full`` or ``quick``, depending on the scale of this run.

    The only thing that may differ between the two scales is a value chosen by this function.
    """
    return full if scale() == "full" else quick


def device() -> torch.device:
    """Return the device to compute on: the GPU when there is one, else the CPU.

    The variable ``PBDL_DEVICE`` (``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...) overrides the choice.

    Raises:
        ValueError: if ``PBDL_DEVICE`` names no device of this machine.
    """
    name = os.environ.get("PBDL_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"PBDL_DEVICE is {name!r}, which this machine does not have: use 'cpu', or 'cuda' on a machine with a GPU."
        ) from error
    return chosen


def seed_everything(seed: int) -> None:
    """Seed the random numbers of Python, NumPy (legacy generator) and PyTorch (all devices).

    Also keeps PyTorch to one thread on the CPU: the book's networks are small, and on a busy machine two
    threads that wait for each other can be ten times slower than one. Set ``PBDL_THREADS`` to allow more.

    Raises:
        ValueError: if the seed is not an integer between 0 and 2**32 - 1.
    """
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed!r}, expected an integer between 0 and 2**32 - 1.")
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - third-party code may draw from the legacy generator
    torch.manual_seed(int(seed))
    torch.set_num_threads(int(os.environ.get("PBDL_THREADS", "1")))


def synchronize() -> None:
    """Wait until the GPU has finished its queue, so that a time measured afterwards is true; no-op on the CPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@dataclass
class Stopwatch:
    """Wall time of a ``with stopwatch() as watch:`` block, in seconds."""

    seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Measure the wall time of a block of code; read ``.seconds`` after the block."""
    watch = Stopwatch()
    synchronize()
    start = time.perf_counter()
    try:
        yield watch
    finally:
        synchronize()
        watch.seconds = time.perf_counter() - start


def is_colab() -> bool:
    """Return whether this code runs in Google Colab."""
    return "google.colab" in sys.modules


def is_live() -> bool:
    """Return whether a person watches: a notebook or terminal session that no tool of the book has started.

    ``make full`` and the tests set ``PBDL_QUIET``, so that no progress bar is left in a stored output.
    """
    if os.environ.get("PBDL_QUIET"):
        return False
    return in_notebook() or sys.stderr.isatty()


def in_notebook() -> bool:
    """Return whether this code runs in a Jupyter kernel."""
    if "IPython" not in sys.modules:
        return False
    return hasattr(sys.modules["IPython"].get_ipython(), "kernel")
