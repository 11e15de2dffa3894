"""A U-Net for periodic fields that commutes exactly with every shift by whole cells."""

from jaxtyping import Float
from torch import Tensor, nn

from pbdl_utils.networks.conv import convolution


class PeriodicUNet(nn.Module):
    """A U-Net without down-sampling: coarse levels use dilated kernels instead of coarse grids.

    Level ``l`` samples its 3x3 kernels every ``2**l`` cells, which is what a coarser grid would do, but at every cell
    of the fine grid and not only at every ``2**l``-th one (the *a trous* algorithm of wavelets). All layers are
    periodic convolutions and functions per cell, so a shifted input gives the shifted output, for every shift. The
    price is that coarse levels cost as much as fine ones.

    A level adds to its input a learned change: 3x3 convolution with dilation, activation, 1x1 convolution. On the way
    up the features of the same level on the way down are added (skip connections).

    Shape: ``(batch, in_channels, y, x) -> (batch, out_channels, y, x)``; at least ``2**(levels - 1)`` cells per axis.
    An output depends on inputs within ``1 + 3 * 2**(levels - 1) - 2`` cells in each direction: 47 for five levels.
    Parameters: ``(9 a + 1) w + (2 levels - 1)(10 w**2 + 2 w) + b (w + 1)`` from a to b channels; 23,505 for the
    defaults; with ``linear`` all biases are missing, 23,200.
    Source: Ronneberger, Fischer & Brox (2015) for the U, Yu & Koltun (2016) for the dilation, He et al. (2016) for the
    residual form, Holschneider et al. (1990) for the algorithm.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        width: channels of all levels.
        levels: number of scales.
        linear: leave out activations and biases, so that the network is a linear map.

    Raises:
        ValueError: for a width or number of levels below one, or (when called) a field that is too small.
    """

    def __init__(
        self, in_channels: int = 1, out_channels: int = 1, *, width: int = 16, levels: int = 5, linear: bool = False
    ) -> None:
        super().__init__()
        if width < 1 or levels < 1:
            raise ValueError(f"width {width}, levels {levels}: expected both to be at least 1.")
        dilations = [2**level for level in range(levels)]
        self.first = convolution(in_channels, width)
        self.down = nn.ModuleList(_change(width, dilation, linear) for dilation in dilations)
        self.up = nn.ModuleList(_change(width, dilation, linear) for dilation in reversed(dilations[:-1]))
        self.last = nn.Conv2d(width, out_channels, 1)
        if linear:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    module.register_parameter("bias", None)

    def forward(self, x: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch out y x"]:
        """Return the output field, same resolution as the input."""
        smallest = 2 ** (len(self.down) - 1)
        if min(x.shape[-2:]) < smallest:
            raise ValueError(f"the field is {tuple(x.shape[-2:])} cells, expected at least {smallest} per axis.")
        x, features = self.first(x), []
        for change in self.down:
            x = x + change(x)
            features.append(x)
        for change, skip in zip(self.up, features[-2::-1], strict=True):
            x = x + change(x + skip)
        return self.last(x)


def _change(width: int, dilation: int, linear: bool) -> nn.Sequential:
    activation = nn.Identity() if linear else nn.GELU()
    return nn.Sequential(convolution(width, width, dilation=dilation), activation, nn.Conv2d(width, width, 1))
