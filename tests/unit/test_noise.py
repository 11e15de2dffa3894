"""Random periodic fields: their spectrum, their statistics, and the rule that they share with PhiFlow."""

import math

import pytest
import torch

from pbdl_utils.physics.noise import radial_energy, random_field, random_velocity, spectrum


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_each_field_has_mean_zero_and_the_wanted_deviation():
    fields = random_field(5, (24, 32), generator=generator(), amplitude=3.0).double()
    torch.testing.assert_close(fields.mean(dim=(1, 2)), torch.zeros(5).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(fields.square().mean(dim=(1, 2)).sqrt(), torch.full((5,), 3.0).double())


def test_the_seed_decides():
    first, same, other = (random_field(2, (16, 16), generator=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same) and not torch.equal(first, other)


@pytest.mark.parametrize(("scale", "first"), [(10.0, 1.1), (2.0, 5.1), (32.0, 1.0)])
def test_scale_is_a_length_that_cuts_off_long_waves(scale, first):
    field = random_field(4, (32, 32), generator=generator(), scale=scale).double()
    waves = torch.fft.fftfreq(32, 1 / 32)
    modes, power = torch.hypot(waves[:, None], waves), torch.fft.fft2(field).abs().mean(dim=0)
    assert power[modes < 0.99 * 32 * math.sqrt(0.1) / scale].max() < 1e-3 * power.max()
    assert (power[modes >= first] > 0).all() and modes[power > 1e-3 * power.max()].min() < first + 0.5


@pytest.mark.parametrize("smoothness", [0.5, 1.0])
def test_spectrum_falls_with_the_power_of_the_wave_number(smoothness):
    fields = random_field(400, (32, 32), generator=generator(), scale=32.0, smoothness=smoothness).double()
    power = torch.fft.fft2(fields).abs().square().mean(dim=0)
    measured = math.log((power[0, 8] + power[8, 0]) / (power[0, 2] + power[2, 0])) / math.log(4)
    assert abs(measured + 4 * smoothness) < 0.2


def test_same_spectrum_as_phiflow():
    from phi.torch.flow import PERIODIC, Box, CenteredGrid, Noise, batch

    grid = CenteredGrid(Noise(batch(b=300), scale=4), PERIODIC, x=32, y=32, bounds=Box(x=32, y=32))
    theirs = radial_energy(torch.as_tensor(grid.values.numpy("b,y,x")))
    ours = radial_energy(random_field(300, (32, 32), generator=generator(), scale=4.0))
    torch.testing.assert_close(ours[3:9], theirs[3:9], rtol=0.15, atol=0)
    assert float((ours - theirs).abs().sum()) < 0.05


def test_radial_energies_add_up_to_the_mean_square():
    field = torch.randn(3, 32, 32, generator=generator())
    torch.testing.assert_close(radial_energy(field).sum(), field.double().square().mean())
    x = torch.arange(32) / 32 * 2 * math.pi
    assert int(radial_energy(torch.cos(5 * x).expand(32, 32)).argmax()) == 5


def test_finer_cells_of_the_same_box_give_the_same_statistics():
    coarse = radial_energy(random_field(200, (32, 32), 1.0, generator=generator()))
    fine = radial_energy(random_field(200, (64, 64), 0.5, generator=generator()))
    torch.testing.assert_close(coarse[1:6], fine[1:6], rtol=0.15, atol=0.01)


def test_velocity_components_are_independent():
    u_x, u_y = random_velocity(200, (16, 16), generator=generator(), scale=16.0)
    assert u_x.shape == u_y.shape == (200, 16, 16)
    assert abs(float((u_x * u_y).mean())) < 0.05


@pytest.mark.parametrize("options", [{"shape": (1, 8)}, {"shape": (8, 8), "dx": 0.0}, {"shape": (8, 8), "scale": 0.1}])
def test_errors_say_what_was_expected(options):
    with pytest.raises(ValueError, match=r"expected|choose"):
        spectrum(**options)
