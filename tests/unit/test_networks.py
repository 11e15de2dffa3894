"""Networks: shapes, numbers of parameters, receptive fields, symmetries, equivalent formulas, error messages."""

import math

import pytest
import torch

from pbdl_utils.networks import (
    FNO,
    AirfoilUNet,
    FieldTransformer,
    SelfAttention,
    SpectralConvolution,
    UNet,
    cnn,
    convolution,
    linear_attention,
    parameter_count,
    positive_features,
    resnet,
    softmax_attention,
)

FIELD_NETWORKS = {
    "cnn": cnn,
    "dilated": lambda: cnn(dilations=(1, 2, 4, 8, 1)),
    "resnet": resnet,
    "unet": UNet,
    "fno": FNO,
    "attention": FieldTransformer,
    "linear attention": lambda: FieldTransformer(kind="linear"),
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


def receptive_window(network: torch.nn.Module, size: int) -> tuple[int, int]:
    """Rows and columns of inputs that influence the central output, counted by back-propagation."""
    x = torch.randn(1, 1, size, size, requires_grad=True)
    network(x)[0, 0, size // 2, size // 2].backward()
    touched = x.grad[0, 0] != 0
    return int(touched.any(dim=1).sum()), int(touched.any(dim=0).sum())


@pytest.mark.parametrize("name", FIELD_NETWORKS)
def test_field_networks_keep_the_shape(name):
    assert FIELD_NETWORKS[name]()(torch.randn(2, 1, 32, 32)).shape == (2, 1, 32, 32)


@pytest.mark.parametrize(
    ("exponent", "count"), [(3, 147_363), (4, 585_027), (5, 2_331_267), (6, 9_307_395), (7, 37_194_243)]
)
def test_airfoil_unet_has_the_published_number_of_parameters(exponent, count):
    with torch.device("meta"):
        assert parameter_count(AirfoilUNet(exponent)) == count


def test_airfoil_unet_maps_fields_and_is_global():
    network = AirfoilUNet(3)
    x = torch.randn(2, 3, 128, 128, requires_grad=True)
    y = network(x)
    assert y.shape == (2, 3, 128, 128)
    y[0, 0, 64, 64].backward()
    assert (x.grad[0] != 0).float().mean() > 0.99


def test_default_sizes_match_the_docstrings():
    counts = {name: parameter_count(make()) for name, make in FIELD_NETWORKS.items()}
    assert counts == {
        "cnn": 48_553,
        "dilated": 48_553,
        "resnet": 49_351,
        "unet": 48_449,
        "fno": 49_545,
        "attention": 49_912,
        "linear attention": 49_912,
    }


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_plain_cnn_sees_one_cell_per_layer(layers):
    assert receptive_window(cnn(width=8, dilations=[1] * layers), 32) == (2 * layers + 1,) * 2


def test_dilated_cnn_sees_the_sum_of_its_dilations():
    assert receptive_window(cnn(width=8, dilations=(1, 2, 4), padding="zeros"), 32) == (15, 15)
    assert receptive_window(cnn(width=8, dilations=(1, 2, 4, 8, 1)), 64) == (33, 33)


def test_resnet_sees_two_cells_per_block():
    assert receptive_window(resnet(width=8, blocks=3), 32) == (17, 17)


@pytest.mark.parametrize("name", ["unet", "fno", "attention", "linear attention"])
def test_global_networks_see_everything(name):
    assert receptive_window(FIELD_NETWORKS[name](), 32) == (32, 32)


@pytest.mark.parametrize("name", ["cnn", "dilated", "resnet", "fno"])
def test_periodic_networks_commute_with_shifts(name):
    network = FIELD_NETWORKS[name]()
    x = torch.randn(1, 1, 32, 32)
    shifted_first = network(torch.roll(x, (5, -7), (2, 3)))
    torch.testing.assert_close(shifted_first, torch.roll(network(x), (5, -7), (2, 3)), atol=1e-5, rtol=1e-4)


def test_zero_padding_breaks_the_symmetry():
    network = cnn(width=8, padding="zeros")
    x = torch.randn(1, 1, 32, 32)
    assert not torch.allclose(network(torch.roll(x, 5, 3)), torch.roll(network(x), 5, 3), atol=1e-4)


def test_frozen_kernel_is_the_laplacian():
    layer = torch.nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular", bias=False)
    layer.weight.data = torch.tensor([[[1.0, -2.0, 1.0]]])
    u = torch.randint(-50, 50, (1, 1, 64)).float()  # integers: no rounding
    assert torch.equal(layer(u), torch.roll(u, 1, -1) - 2 * u + torch.roll(u, -1, -1))


def band_limited(size: int, dimensions: int) -> torch.Tensor:
    """The same smooth field on grids of any size."""
    axes = torch.meshgrid(*[torch.arange(size) / size * 2 * math.pi] * dimensions, indexing="ij")
    phase = sum((index + 1) * axis for index, axis in enumerate(axes))
    return (phase.sin() + 0.5 * axes[0].cos())[None, None]


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_spectral_layer_is_the_same_function_on_every_grid(dimensions):
    layer = SpectralConvolution(1, 2, modes=4, dimensions=dimensions)
    coarse, fine = (16, 32) if dimensions == 3 else (64, 128)
    every_second = (..., *[slice(None, None, 2)] * dimensions)
    torch.testing.assert_close(
        layer(band_limited(fine, dimensions))[every_second],
        layer(band_limited(coarse, dimensions)),
        atol=1e-5,
        rtol=1e-4,
    )


@pytest.mark.parametrize("dimensions", [1, 2])
def test_fno_is_the_same_function_on_64_and_128_points(dimensions):
    network = FNO(modes=6, width=6, layers=2, dimensions=dimensions)
    every_second = (..., *[slice(None, None, 2)] * dimensions)
    coarse, fine = network(band_limited(64, dimensions)), network(band_limited(128, dimensions))[every_second]
    assert (coarse - fine).norm() < 1e-3 * coarse.norm()


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_spectral_parameters_follow_the_formula(dimensions):
    layer = SpectralConvolution(3, 5, modes=4, dimensions=dimensions)
    assert parameter_count(layer) == 2 * 2 ** (dimensions - 1) * 4**dimensions * 15


def test_softmax_attention_agrees_with_torch():
    q, k, v = torch.randn(3, 2, 4, 10, 6)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(softmax_attention(q, k, v), expected, atol=1e-5, rtol=1e-4)


def test_linear_attention_equals_the_quadratic_formula():
    q, k, v = torch.randn(3, 2, 50, 6, dtype=torch.float64)
    weights = positive_features(q) @ positive_features(k).transpose(-1, -2)
    expected = weights / weights.sum(dim=-1, keepdim=True) @ v
    torch.testing.assert_close(linear_attention(q, k, v), expected)


def test_attention_parameters_do_not_depend_on_the_tokens():
    layer = SelfAttention(12, heads=3)
    assert parameter_count(layer) == 4 * (12**2 + 12)
    assert layer(torch.randn(2, 7, 12)).shape == layer(torch.randn(2, 7, 12)).shape == (2, 7, 12)
    assert layer(torch.randn(1, 30, 12)).shape == (1, 30, 12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: convolution(1, 1, kernel=4), "odd"),
        (lambda: convolution(1, 1, padding="reflect"), "padding"),
        (lambda: cnn(dilations=(1,)), "two layers"),
        (lambda: cnn(dilations=(1, 0)), ">= 1"),
        (lambda: resnet(blocks=0), "at least 1"),
        (lambda: UNet(widths=(8,)), "widths"),
        (lambda: UNet()(torch.zeros(1, 1, 24, 24)), "divisible"),
        (lambda: AirfoilUNet(0), "channel_exponent"),
        (lambda: AirfoilUNet(2)(torch.zeros(1, 3, 64, 64)), "128"),
        (lambda: SpectralConvolution(1, 1, modes=4, dimensions=4), "dimensions"),
        (lambda: FNO(modes=8)(torch.zeros(1, 1, 15, 32)), "at least 16"),
        (lambda: FNO(width=0), "at least 1"),
        (lambda: SelfAttention(10, heads=4), "heads"),
        (lambda: SelfAttention(8, kind="cosine"), "kind"),
        (lambda: FieldTransformer(patch=4)(torch.zeros(1, 1, 30, 32)), "divisible"),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
