"""A small network that sees a whole field at once: three resolutions, sums instead of concatenated skips."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class Hourglass(nn.Module):
    """Fields on a square grid to fields on the same grid, by way of half and a quarter of the resolution.

    Each level has residual 3x3 convolutions; coarse features are added to the finer ones, which is cheaper than the
    concatenation of a U-Net. Two further channels hold the coordinates, so that the network can tell where a wall is.

    Shape: ``(batch, inputs, size, size) -> (batch, outputs, size, size)``.
    Parameters: for 9 inputs, 4 outputs and the default widths 152,260.
    Source: stacked hourglass networks (Newell, Yang & Deng 2016) reduced to one; coordinates from Liu et al. (2018).

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        size: cells per side, divisible by 4.
        widths: channels at full, half and quarter resolution.
        gain: factor on the initial weights of the last layer; small for an output that shall start near zero.

    Raises:
        ValueError: if the size is not divisible by 4, or at the call for a field of another size.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        size: int = 16,
        widths: tuple[int, int, int] = (32, 48, 64),
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        if size % 4 or size < 4:
            raise ValueError(f"size is {size}, expected a multiple of 4, as the resolution is halved twice.")
        fine, middle, coarse = widths
        self.first = nn.Conv2d(inputs + 2, fine, 3, padding=1)
        self.down = nn.ModuleList([nn.Conv2d(fine, middle, 2, 2), nn.Conv2d(middle, coarse, 2, 2)])
        self.inner = nn.ModuleList([nn.Conv2d(w, w, 3, padding=1) for w in (middle, coarse, coarse)])
        self.up = nn.ModuleList([nn.Conv2d(coarse, middle, 1), nn.Conv2d(middle, fine, 1)])
        self.outer = nn.ModuleList([nn.Conv2d(w, w, 3, padding=1) for w in (middle, fine)])
        self.last = nn.Conv2d(fine, outputs, 3, padding=1)
        with torch.no_grad():
            self.last.weight.mul_(gain)
            self.last.bias.zero_()
        across = (torch.arange(size) + 0.5) * 2 / size - 1
        y, x = torch.meshgrid(across, across, indexing="ij")
        self.register_buffer("coordinates", torch.stack([x, y])[None], persistent=False)

    def forward(self, fields: Float[Tensor, "batch inputs y x"]) -> Float[Tensor, "batch outputs y x"]:
        """Return the output fields."""
        if fields.shape[-2:] != self.coordinates.shape[-2:]:
            expected = tuple(self.coordinates.shape[-2:])
            raise ValueError(f"the fields have {tuple(fields.shape[-2:])} cells, expected {expected}.")
        joined = torch.cat([fields, self.coordinates.expand(len(fields), -1, -1, -1)], 1)
        fine = F.silu(self.first(joined))
        middle = _add(self.inner[0], F.silu(self.down[0](fine)))
        coarse = F.silu(self.down[1](middle))
        for layer in self.inner[1:]:
            coarse = _add(layer, coarse)
        middle = _add(self.outer[0], middle + F.interpolate(self.up[0](coarse), scale_factor=2))
        return self.last(_add(self.outer[1], fine + F.interpolate(self.up[1](middle), scale_factor=2)))


def _add(layer: nn.Module, x: Tensor) -> Tensor:
    return x + F.silu(layer(x))
