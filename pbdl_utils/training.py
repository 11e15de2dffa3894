"""A training loop that shows its progress, can be interrupted and resumes where it stopped."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from pbdl_utils.files import write_atomically
from pbdl_utils.runtime import in_notebook, is_live, stopwatch

Item = TypeVar("Item")


@dataclass
class History:
    """What a training run recorded: one entry per epoch; losses are means over the epoch's batches."""

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    seconds: float = 0.0


def fit(
    network: torch.nn.Module,
    batches: Callable[[], Iterable[Any]],
    loss: Callable[[Any], torch.Tensor],
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    validate: Callable[[], float] | None = None,
    checkpoint: Path | str | None = None,
    patience: int | None = None,
    description: str = "training",
) -> History:
    """Train ``network``: for each epoch and each batch one step of ``optimizer`` on ``loss(batch)``.

    Afterwards the network is in evaluation mode.

    Args:
        network: the network that ``loss`` evaluates.
        batches: called once per epoch, returns the epoch's batches.
        loss: maps a batch to a scalar tensor.
        epochs: number of epochs in all (those of a resumed checkpoint included).
        scheduler: stepped once per epoch.
        validate: called after each epoch without gradients; its result is recorded.
        checkpoint: file to save to after each epoch and to resume from; an interrupted run loses at most an epoch.
        patience: stop when ``validate`` has not improved for so many epochs, and restore the best weights.
        description: label of the progress bar.

    Raises:
        ValueError: for contradictory settings or a checkpoint that does not fit the network.
        FloatingPointError: when the loss is no longer finite.
    """
    if patience is not None and validate is None:
        raise ValueError("patience needs validate: without a validation loss there is nothing to wait for.")
    history, best, best_weights, stale, first = History(), float("inf"), None, 0, 0
    path = Path(checkpoint) if checkpoint else None
    if path is not None and path.exists():
        first, best, stale, best_weights = _resume(path, network, optimizer, scheduler, history)
    for epoch in progress(range(first, epochs), description):
        if patience is not None and stale >= patience:
            break
        with stopwatch() as watch:
            history.train.append(_train_epoch(network, batches(), loss, optimizer, epoch))
            if scheduler is not None:
                scheduler.step()
            if validate is not None:
                with torch.no_grad():
                    history.validation.append(float(validate()))
                stale += 1
                if history.validation[-1] < best:
                    best, stale = history.validation[-1], 0
                    if patience is not None:
                        best_weights = {name: value.clone() for name, value in network.state_dict().items()}
        history.seconds += watch.seconds
        if path is not None:
            _save(path, network, optimizer, scheduler, history, (epoch + 1, best, stale, best_weights))
    if best_weights is not None:
        network.load_state_dict(best_weights)
    network.eval()  # also when a finished run is resumed and no epoch is left
    return history


def _train_epoch(network, batches, loss, optimizer, epoch: int) -> float:
    network.train()
    total, count = 0.0, 0
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        value = loss(batch)
        if not value.isfinite():  # before it reaches the weights: some operators crash on what follows
            message = f"the loss became {value.item()} in epoch {epoch + 1}: try a smaller learning rate."
            raise FloatingPointError(message)
        value.backward()
        optimizer.step()
        total, count = total + value.detach(), count + 1
    network.eval()
    if count == 0:
        raise ValueError("batches() returned no batch: check the size of the data set and of the batch.")
    return float(total) / count


def _save(path: Path, network, optimizer, scheduler, history: History, state: tuple) -> None:
    buffer = io.BytesIO()
    content = {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict() if scheduler is not None else None,
        "history": {"train": history.train, "validation": history.validation, "seconds": history.seconds},
        "state": state,
        "random": torch.get_rng_state(),
    }
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())


def _resume(path: Path, network, optimizer, scheduler, history: History) -> tuple:
    try:
        content = torch.load(path, weights_only=True)
        network.load_state_dict(content["network"])
        optimizer.load_state_dict(content["optimizer"])
        if scheduler is not None:
            scheduler.load_state_dict(content["scheduler"])
        history.__dict__.update(content["history"])
        torch.set_rng_state(content["random"])
        first, best, stale, best_weights = content["state"]
    except Exception as error:
        raise ValueError(
            f"the checkpoint {path} does not fit this training run or is damaged: delete it to start afresh."
        ) from error
    return first, best, stale, best_weights


def progress(items: Iterable[Item], description: str = "") -> Iterator[Item]:
    """Yield the items and show a live progress line when a person watches; leave nothing behind afterwards."""
    items = list(items)
    show = _live_line() if is_live() else None
    for index, item in enumerate(items):
        if show:
            show(f"{description} {index + 1}/{len(items)}")
        yield item
    if show:
        show("")


def _live_line() -> Callable[[str], None]:
    if in_notebook():
        from IPython.display import display

        handle = display({"text/plain": ""}, raw=True, display_id=True)
        return lambda text: handle.update({"text/plain": text}, raw=True)
    return lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
