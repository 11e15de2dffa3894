"""Train the surrogate of the reference text by its own recipe on our data, as the mark for the chapter to beat.

Usage, from anywhere (about eight minutes per seed on one core):

    python data/airfoils/reference_recipe.py          # seeds 0, 1 and 2, two at a time, then reference_recipe.npz
    python data/airfoils/reference_recipe.py --epochs 2 --output /tmp/try.npz

The recipe of Thuerey et al., *Physics-based Deep Learning* v0.3, chapter "Supervised training for RANS flows": U-Net
with channel exponent 4 (585,027 weights), mean absolute error over all cells, Adam with learning rate 2e-4 and
betas (0.5, 0.999), batches of 10, 200 epochs, last weights. Only the memory layout is ours (channels last: the same
arithmetic in 40 % of the time). Each seed has a checkpoint in data/airfoils/.recipe (not in git), so that an
interrupted run resumes.
"""

import argparse
import io
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from pbdl_utils.data import load
from pbdl_utils.files import write_atomically
from pbdl_utils.networks import AirfoilUNet, parameter_count
from pbdl_utils.runtime import seed_everything
from pbdl_utils.training import fit

HERE = Path(__file__).parent
CHECKPOINTS = HERE / ".recipe"
RECIPE = {
    "learning_rate": 2e-4,
    "betas": [0.5, 0.999],
    "batch_size": 10,
    "channel_exponent": 4,
}


def train(seed: int, epochs: int) -> dict:
    """Return the loss curves, the wall time and the error of every held-out case and field of one training run."""
    torch.set_num_threads(1)
    seed_everything(seed)
    data = load("airfoils")
    inputs, targets = (torch.from_numpy(data[name]).float() for name in ("inputs", "targets"))
    part = {name: np.flatnonzero(data["split"] == name) for name in ("train", "validation", "test")}
    network = AirfoilUNet(RECIPE["channel_exponent"]).to(memory_format=torch.channels_last)

    def batches():
        return torch.from_numpy(np.random.permutation(part["train"])).split(RECIPE["batch_size"])  # noqa: NPY002

    def loss(batch: torch.Tensor) -> torch.Tensor:
        prediction = network(inputs[batch].to(memory_format=torch.channels_last))
        return (prediction - targets[batch]).abs().mean()

    def errors(name: str) -> torch.Tensor:
        with torch.no_grad():
            chunks = [
                (network(inputs[i]) - targets[i]).abs().mean((2, 3)) for i in torch.from_numpy(part[name]).split(29)
            ]
        return torch.cat(chunks)

    history = fit(
        network,
        batches,
        loss,
        epochs=epochs,
        optimizer=torch.optim.Adam(network.parameters(), RECIPE["learning_rate"], tuple(RECIPE["betas"])),
        validate=lambda: errors("validation").mean(),
        checkpoint=CHECKPOINTS / f"{epochs}-epochs-seed-{seed}.pt",
        description=f"seed {seed}",
    )
    return {
        "seed": np.array(seed),
        "parameters": np.array(parameter_count(network)),
        "seconds": np.array(history.seconds),
        "train_curve": np.array([float(value) for value in history.train], np.float32),
        "validation_curve": np.array([float(value) for value in history.validation], np.float32),
        **{f"{name}_errors": errors(name).numpy() for name in part},
    }


def main() -> None:
    """Train all seeds and store what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--output", type=Path, default=HERE / "reference_recipe.npz")
    options = parser.parse_args()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        runs = list(pool.map(train, options.seeds, [options.epochs] * len(options.seeds)))
    arrays = {name: np.stack([run[name] for run in runs]) for name in runs[0]}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_atomically(options.output, buffer.getvalue())
    for name in ("train", "validation", "test"):
        print(f"{name:10s} L1 of the seeds: {arrays[f'{name}_errors'].mean((1, 2)).round(5)}")


if __name__ == "__main__":
    main()
