"""Multi-layer perceptrons."""

import itertools
from collections.abc import Callable, Sequence

from torch import nn


def mlp(widths: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return a multi-layer perceptron with a linear last layer.

    Shape: ``(..., widths[0]) -> (..., widths[-1])``. Parameters: ``sum((a + 1) * b)`` over neighbouring widths
    ``a, b``; for example 16,897 for ``[1, 128, 128, 1]``. PyTorch's default initialisation.

    Args:
        widths: features of input, hidden layers and output, at least two positive numbers.
        activation: constructor of the activation between the layers.

    Raises:
        ValueError: for fewer than two widths or a width below one.
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths is {list(widths)}, expected at least two positive numbers: input, ..., output.")
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def parameter_count(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
