"""Random periodic fields with a prescribed spectrum, for training data and tests.

A field is white noise whose Fourier modes are multiplied by ``|k|**(-2 * smoothness)``; modes whose wave length is
longer than about three times ``scale`` are dropped. So ``scale`` is a length, the size of the largest structures, not
an amplitude: every field is brought to mean zero and standard deviation ``amplitude``. This is the rule of PhiFlow's
``Noise`` (Holl & Thuerey 2024), with a seed and on plain torch tensors.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

LOWEST = 0.1  # modes with (scale * waves per length)^2 up to this are dropped, as in PhiFlow


def spectrum(
    shape: tuple[int, int], dx: float = 1.0, *, scale: float = 10.0, smoothness: float = 1.0
) -> Float[Tensor, "ky kx"]:
    """Return the factor of each Fourier mode (order of ``torch.fft.fft2``), float64, not normalised.

    Args:
        shape: number of cells ``(ny, nx)``.
        dx: width of a cell, in units of length.
        scale: size of the largest structures, in units of length: wave lengths up to ``scale / sqrt(0.1)`` are kept.
        smoothness: the factor is ``(scale * k)**(-2 * smoothness)`` for ``k`` waves per unit of length.

    Raises:
        ValueError: for sizes that are not positive, or a scale so small that the grid resolves no mode.
    """
    if len(shape) != 2 or min(shape) < 2 or not dx > 0 or not scale > 0:
        raise ValueError(f"shape {shape}, dx {dx}, scale {scale}: expected (ny, nx), at least 2 cells each, and > 0.")
    ky, kx = (torch.fft.fftfreq(n, dx, dtype=torch.float64) for n in shape)
    square = (scale * ky[:, None]) ** 2 + (scale * kx) ** 2
    kept = square > LOWEST
    if not kept.any():
        raise ValueError(f"scale {scale} is smaller than the grid of width {dx} resolves: choose a larger scale.")
    return torch.where(kept, square.clamp(min=LOWEST) ** -smoothness, 0.0)


def random_field(
    count: int,
    shape: tuple[int, int],
    dx: float = 1.0,
    *,
    generator: torch.Generator,
    scale: float = 10.0,
    smoothness: float = 1.0,
    amplitude: float = 1.0,
) -> Float[Tensor, "count y x"]:
    """Return random periodic fields of mean zero and standard deviation ``amplitude`` each, float32 on the CPU.

    Args:
        count: number of fields.
        generator: source of the random numbers; the same seed gives the same fields.
        shape, dx, scale, smoothness: as in ``spectrum``.
        amplitude: standard deviation of each field, in the units that the field shall have.
    """
    factor = spectrum(shape, dx, scale=scale, smoothness=smoothness)
    white = torch.randn(count, *shape, generator=generator, dtype=torch.float64)
    field = torch.fft.ifft2(torch.fft.fft2(white) * factor).real
    return (amplitude * field / field.square().mean(dim=(-2, -1), keepdim=True).sqrt()).float()


def random_velocity(count: int, shape: tuple[int, int], dx: float = 1.0, **options) -> tuple[Tensor, Tensor]:
    """Return ``(u_x, u_y)``, each ``(count, ny, nx)``: independent random fields on the faces of a periodic box.

    The options are those of ``random_field``; the grid is that of ``pbdl_utils.physics.projection``.
    """
    both = random_field(2 * count, shape, dx, **options)
    return both[:count], both[count:]


def radial_energy(field: Float[Tensor, "*batch y x"]) -> Float[Tensor, " wave"]:
    """Return the mean square of the fields, divided among wave numbers 0, 1, 2, ... (waves per side, rounded up).

    The sum over all wave numbers is the mean square of the fields (Parseval). The box has equal sides.
    """
    ny, nx = field.shape[-2:]
    power = torch.fft.fft2(field.double(), norm="forward").abs().square().reshape(-1, ny * nx).mean(dim=0)
    ky, kx = (torch.fft.fftfreq(n, 1 / n, dtype=torch.float64) for n in (ny, nx))
    wave = (torch.hypot(ky[:, None], kx) - 1e-9).ceil().long().flatten().to(power.device)
    return power.new_zeros(math.ceil(math.hypot(ny, nx) / 2) + 1).index_add(0, wave, power)
