import matplotlib
import numpy as np
import pytest
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from pbdl_utils.plotting import COLORS, fields, save_animation, training_curve, use_style


@pytest.fixture(autouse=True)
def close_figures():
    use_style()
    yield
    plt.close("all")


def test_fields_share_one_scale_and_signed_fields_are_centred_at_zero():
    figure = fields({"a": np.full((4, 6), -1.0), "b": np.full((4, 6), 3.0)}, signed=True, label="u")
    images = [axis.images[0] for axis in figure.axes[:2]]
    assert all(image.get_clim() == (-3.0, 3.0) for image in images)
    assert [axis.get_title() for axis in figure.axes[:2]] == ["a", "b"]


@pytest.mark.parametrize("arrays", [[], [np.zeros(3)], [np.zeros((2, 2, 2))]])
def test_fields_refuse_other_dimensions(arrays):
    with pytest.raises(ValueError, match=r"shape \(y, x\)"):
        fields(arrays)


def test_methods_keep_their_colour():
    axis = training_curve({"supervised": [1.0, 0.1]})
    assert axis.lines[0].get_color() == COLORS["supervised"]
    assert axis.get_xlabel() == "epoch"


def test_animation_holds_all_frames(tmp_path):
    frames = [np.full((8, 10, 3), value) for value in (0, 90, 180)]
    save_animation(tmp_path / "a.webp", [*frames, plt.figure(figsize=(0.1, 0.08), dpi=100)])
    with Image.open(tmp_path / "a.webp") as image:
        assert image.n_frames == 4
        assert image.size == (10, 8)


@pytest.mark.parametrize(("name", "frames"), [("a.gif", [np.zeros((2, 2, 3))]), ("a.webp", [])])
def test_animation_refuses_other_input(tmp_path, name, frames):
    with pytest.raises(ValueError, match="at least one frame"):
        save_animation(tmp_path / name, frames)
