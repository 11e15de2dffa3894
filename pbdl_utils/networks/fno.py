"""Fourier neural operators (Li et al. 2021) in one, two and three dimensions."""

import itertools
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SpectralConvolution(nn.Module):
    """Mix the channels of each of the lowest Fourier modes with a complex matrix of its own; drop all other modes.

    Shape: ``(batch, inputs, *grid) -> (batch, outputs, *grid)``, one to three grid axes, periodic.
    Parameters: ``2 * 2**(dimensions - 1) * modes**dimensions * inputs * outputs`` real numbers: complex weights, for
    each corner of the half spectrum of a real field. The last axis has ``modes`` frequencies 0, 1, ...; each other
    axis ``modes`` non-negative and ``modes`` negative ones. Source: Li et al. (2021).

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        modes: kept frequencies per axis and sign, at most half the number of grid points.
        dimensions: number of grid axes, 1, 2 or 3.

    Raises:
        ValueError: for impossible sizes, or (when called) a grid that is too coarse for the modes.
    """

    def __init__(self, inputs: int, outputs: int, modes: int, dimensions: int) -> None:
        super().__init__()
        if modes < 1 or dimensions not in (1, 2, 3):
            raise ValueError(f"modes {modes}, dimensions {dimensions}: expected modes >= 1 and 1, 2 or 3 dimensions.")
        self.modes, self.dimensions = modes, dimensions
        corners = 2 ** (dimensions - 1)
        shape = (corners, inputs, outputs, *[modes] * dimensions, 2)
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(2 * inputs))

    def corners(self) -> list[tuple[slice, ...]]:
        """Return the index of each kept corner of the half spectrum."""
        both = (slice(0, self.modes), slice(-self.modes, None))
        leading = itertools.product(both, repeat=self.dimensions - 1)
        return [(..., *signs, slice(0, self.modes)) for signs in leading]

    def forward(self, x: Float[Tensor, "batch inputs *grid"]) -> Float[Tensor, "batch outputs *grid"]:
        """Return the filtered and mixed field; amplitudes do not depend on the number of grid points."""
        grid = x.shape[2:]
        if len(grid) != self.dimensions or min(grid) < 2 * self.modes:
            raise ValueError(
                f"the grid is {tuple(grid)}, expected {self.dimensions} axes with at least {2 * self.modes} points."
            )
        axes = tuple(range(2, 2 + self.dimensions))
        spectrum = torch.fft.rfftn(x, dim=axes, norm="forward")
        weight = torch.view_as_complex(self.weight)
        result = spectrum.new_zeros(len(x), weight.shape[2], *spectrum.shape[2:])
        for corner, matrix in zip(self.corners(), weight, strict=True):
            result[corner] = torch.einsum("bi...,io...->bo...", spectrum[corner], matrix)
        return torch.fft.irfftn(result, s=grid, dim=axes, norm="forward")


class FNO(nn.Module):
    """A Fourier neural operator: layers of a spectral convolution plus a linear map per point, GELU in between.

    Shape: ``(batch, in_channels, *grid) -> (batch, out_channels, *grid)``, periodic; any grid with at least
    ``2 * modes`` points per axis. Parameters: per layer those of ``SpectralConvolution`` plus ``width**2 + width``;
    49,545 for the defaults (two-dimensional). Source: Li et al. (2021); the lifting and projection are linear maps
    per point, the latter with one hidden layer. No coordinates are appended, so the network commutes with shifts.

    Args:
        modes: kept frequencies per axis and sign.
        width: channels of the hidden layers.
        layers: number of Fourier layers.
        dimensions: number of grid axes, 1, 2 or 3.

    Raises:
        ValueError: for impossible sizes, or (when called) a grid that is too coarse for the modes.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        *,
        modes: int = 8,
        width: int = 8,
        layers: int = 3,
        dimensions: int = 2,
    ) -> None:
        super().__init__()
        if width < 1 or layers < 1:
            raise ValueError(f"width {width}, layers {layers}: expected both to be at least 1.")
        self.lift = _pointwise(in_channels, width, dimensions)
        self.spectral = nn.ModuleList(SpectralConvolution(width, width, modes, dimensions) for _ in range(layers))
        self.local = nn.ModuleList(_pointwise(width, width, dimensions) for _ in range(layers))
        hidden = 2 * width
        self.project = nn.Sequential(
            _pointwise(width, hidden, dimensions), nn.GELU(), _pointwise(hidden, out_channels, dimensions)
        )

    def forward(self, x: Float[Tensor, "batch channel *grid"]) -> Float[Tensor, "batch out *grid"]:
        """Return the output field on the grid of the input."""
        x = self.lift(x)
        for index, (spectral, local) in enumerate(zip(self.spectral, self.local, strict=True)):
            x = spectral(x) + local(x)
            if index < len(self.spectral) - 1:
                x = nn.functional.gelu(x)
        return self.project(x)


def _pointwise(inputs: int, outputs: int, dimensions: int) -> nn.Module:
    return (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dimensions - 1](inputs, outputs, 1)
