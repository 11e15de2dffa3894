"""U-Nets (Ronneberger et al. 2015): convolutions on a hierarchy of grids, with skip connections."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pbdl_utils.networks.conv import convolution


class UNet(nn.Module):
    """A compact U-Net for fields whose size does not change.

    Each level halves the resolution by average pooling and applies two 3x3 convolutions; on the way back the fields
    are up-sampled (nearest neighbour), joined with the features of the same resolution and convolved twice.

    Shape: ``(batch, in_channels, y, x) -> (batch, out_channels, y, x)``; y and x must be divisible by ``2**levels``.
    Parameters: for ``widths`` (8, 12, 16, 20, 24) and one channel in and out 48,449.
    Source: Ronneberger, Fischer & Brox (2015), with averaging instead of maxima and padded convolutions.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        widths: channels per level, finest first; ``len(widths) - 1`` halvings.
        padding: ``"circular"`` (periodic) or ``"zeros"``.

    Raises:
        ValueError: for fewer than two levels, a width below one, an unknown padding, or a field that cannot be halved.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        widths: tuple[int, ...] = (8, 12, 16, 20, 24),
        padding: str = "circular",
    ) -> None:
        super().__init__()
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(f"widths is {widths}, expected at least two positive numbers, finest level first.")
        self.down = nn.ModuleList()
        before = in_channels
        for width in widths:
            self.down.append(_double(before, width, padding))
            before = width
        self.up = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.up.append(_double(before + width, width, padding))
            before = width
        self.last = nn.Conv2d(before, out_channels, 1)

    def forward(self, x: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch out y x"]:
        """Return the output field, same resolution as the input."""
        factor = 2 ** len(self.up)
        if x.shape[-1] % factor or x.shape[-2] % factor:
            raise ValueError(f"the field is {tuple(x.shape[-2:])} cells, expected both divisible by {factor}.")
        features = []
        for level, block in enumerate(self.down):
            x = block(nn.functional.avg_pool2d(x, 2) if level else x)
            features.append(x)
        for block, skip in zip(self.up, features[-2::-1], strict=True):
            x = block(torch.cat([nn.functional.interpolate(x, scale_factor=2), skip], dim=1))
        return self.last(x)


def _double(inputs: int, outputs: int, padding: str) -> nn.Sequential:
    layers = [convolution(inputs, outputs, padding=padding), nn.GELU()]
    return nn.Sequential(*layers, convolution(outputs, outputs, padding=padding), nn.GELU())


class AirfoilUNet(nn.Module):
    """The U-Net of Thuerey et al. (2020) for flow around airfoils: strided convolutions down, bilinear sampling up.

    Seven halvings take ``128 x 128`` cells to a single one. Each block is convolution, batch normalisation, activation
    (leaky ReLU with slope 0.2 on the way down, ReLU on the way up); the last block is a convolution only. Weights are
    drawn from N(0, 0.02^2), scales of the normalisation from N(1, 0.02^2), as in the source.

    Shape: ``(batch, 3, 128, 128) -> (batch, 3, 128, 128)``.
    Parameters: 147,363 / 585,027 / 2,331,267 / 9,307,395 for channel exponent 3 / 4 / 5 / 6.
    Source: Thuerey, Weissenow, Prantl & Hu (2020), AIAA Journal 58.

    Args:
        channel_exponent: the finest level has ``2**channel_exponent`` channels.
        in_channels: channels of the input.
        out_channels: channels of the output.
        dropout: probability of dropping whole feature maps after each normalisation.
        batch_norm: without it (583,171 weights for exponent 4) the weights start from PyTorch's defaults instead.

    Raises:
        ValueError: for an exponent below 1, or (when called) a field that is not a multiple of 128 cells.
    """

    def __init__(
        self,
        channel_exponent: int = 4,
        in_channels: int = 3,
        out_channels: int = 3,
        dropout: float = 0.0,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        if channel_exponent < 1:
            raise ValueError(f"channel_exponent is {channel_exponent}, expected at least 1 (the reference has 4).")
        c = 2**channel_exponent
        widths = [in_channels, c, 2 * c, 2 * c, 4 * c, 8 * c, 8 * c, 8 * c]
        kernels = [4, 4, 4, 4, 4, 2, 2]
        self.down = nn.ModuleList(
            _down(widths[i], widths[i + 1], kernels[i], dropout, batch_norm) for i in range(len(kernels))
        )
        outputs = [8 * c, 8 * c, 4 * c, 2 * c, 2 * c, c]
        inputs = [8 * c, 16 * c, 16 * c, 8 * c, 4 * c, 4 * c]
        sizes = [1, 1, 3, 3, 3, 3]
        self.up = nn.ModuleList(
            _up(a, b, size, dropout, batch_norm) for a, b, size in zip(inputs, outputs, sizes, strict=True)
        )
        self.last = nn.Sequential(_twice(), nn.Conv2d(2 * c, out_channels, 3, padding=1))
        if batch_norm:
            self.apply(_initialise)

    def forward(self, x: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch out y x"]:
        """Return the predicted fields."""
        if x.shape[-1] % 128 or x.shape[-2] % 128:
            raise ValueError(f"the field is {tuple(x.shape[-2:])} cells, expected multiples of 128 (seven halvings).")
        features = []
        for block in self.down:
            x = block(x)
            features.append(x)
        x = self.up[0](x)
        for block, skip in zip(self.up[1:], features[-2:0:-1], strict=True):
            x = block(torch.cat([x, skip], dim=1))
        return self.last(torch.cat([x, features[0]], dim=1))


def _down(inputs: int, outputs: int, kernel: int, dropout: float, batch_norm: bool) -> nn.Sequential:
    step = nn.Conv2d(inputs, outputs, kernel, stride=2, padding=1 if kernel == 4 else 0)
    norm = nn.BatchNorm2d(outputs) if batch_norm else nn.Identity()
    return nn.Sequential(step, norm, nn.Dropout2d(dropout), nn.LeakyReLU(0.2))


def _up(inputs: int, outputs: int, kernel: int, dropout: float, batch_norm: bool) -> nn.Sequential:
    step = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    norm = nn.BatchNorm2d(outputs) if batch_norm else nn.Identity()
    return nn.Sequential(_twice(), step, norm, nn.Dropout2d(dropout), nn.ReLU())


def _twice() -> nn.Upsample:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
