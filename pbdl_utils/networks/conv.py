"""Convolutional networks on one grid: plain, dilated and residual."""

import itertools
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

PADDINGS = ("circular", "zeros")


def convolution(
    inputs: int, outputs: int, *, kernel: int = 3, dilation: int = 1, padding: str = "circular"
) -> nn.Conv2d:
    """Return a convolution that keeps the size of the field.

    Shape: ``(batch, inputs, y, x) -> (batch, outputs, y, x)``. Parameters: ``kernel**2 * inputs * outputs + outputs``.

    Args:
        kernel: width of the kernel, odd.
        dilation: distance of the kernel's samples in cells; it must not exceed the size of a periodic field.
        padding: ``"circular"`` for periodic domains, or ``"zeros"``.

    Raises:
        ValueError: for an even kernel or an unknown padding.
    """
    if padding not in PADDINGS:
        raise ValueError(f"padding is {padding!r}, expected one of {PADDINGS}.")
    if kernel % 2 == 0:
        raise ValueError(f"kernel is {kernel}, expected an odd number: an even kernel shifts the field by half a cell.")
    width = dilation * (kernel // 2)
    return nn.Conv2d(inputs, outputs, kernel, dilation=dilation, padding=width, padding_mode=padding)


def cnn(
    in_channels: int = 1,
    out_channels: int = 1,
    *,
    width: int = 42,
    dilations: Sequence[int] = (1, 1, 1, 1, 1),
    padding: str = "circular",
) -> nn.Sequential:
    """Return a stack of 3x3 convolutions with GELU in between; with growing ``dilations`` a dilated CNN.

    Shape: ``(batch, in_channels, y, x) -> (batch, out_channels, y, x)``. An output depends on the inputs within
    ``sum(dilations)`` cells in each direction. Parameters: ``9 a b + b`` per layer from a to b channels;
    48,553 for the defaults, whatever the dilations.
    Source of dilation: Yu & Koltun (2016).

    Args:
        width: channels of the hidden layers.
        dilations: spacing of the samples, one number per convolution, at least two layers.
        padding: ``"circular"`` or ``"zeros"``.

    Raises:
        ValueError: for fewer than two layers or a width or dilation below one.
    """
    if len(dilations) < 2 or min(dilations) < 1 or width < 1:
        raise ValueError(
            f"width {width}, dilations {tuple(dilations)}: expected at least two layers, all numbers >= 1."
        )
    widths = [in_channels, *[width] * (len(dilations) - 1), out_channels]
    layers: list[nn.Module] = []
    for (inputs, outputs), dilation in zip(itertools.pairwise(widths), dilations, strict=True):
        layers += [convolution(inputs, outputs, dilation=dilation, padding=padding), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions whose result is added to the input (He et al. 2016), without normalisation.

    Shape: ``(batch, width, y, x)`` to the same. Parameters: ``2 (9 width**2 + width)``.
    """

    def __init__(self, width: int, padding: str = "circular") -> None:
        super().__init__()
        first, second = convolution(width, width, padding=padding), convolution(width, width, padding=padding)
        self.change = nn.Sequential(first, nn.GELU(), second)

    def forward(self, x: Float[Tensor, "batch width y x"]) -> Float[Tensor, "batch width y x"]:
        """Return the input plus a learned change."""
        return x + self.change(nn.functional.gelu(x))


def resnet(
    in_channels: int = 1, out_channels: int = 1, *, width: int = 30, blocks: int = 3, padding: str = "circular"
) -> nn.Sequential:
    """Return a residual network: a convolution, ``blocks`` residual blocks, a convolution.

    Shape: ``(batch, in_channels, y, x) -> (batch, out_channels, y, x)``. Receptive radius ``2 + 2 blocks`` cells.
    Parameters: 49,351 for the defaults. Source: He et al. (2016), blocks without batch normalisation.

    Raises:
        ValueError: for a width or a number of blocks below one, or an unknown padding.
    """
    if width < 1 or blocks < 1:
        raise ValueError(f"width {width}, blocks {blocks}: expected both to be at least 1.")
    body = [ResidualBlock(width, padding) for _ in range(blocks)]
    ends = convolution(in_channels, width, padding=padding), convolution(width, out_channels, padding=padding)
    return nn.Sequential(ends[0], *body, nn.GELU(), ends[1])
