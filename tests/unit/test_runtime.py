import time

import pytest
import torch

from pbdl_utils import runtime


def test_scale_is_full_unless_said_otherwise(monkeypatch):
    monkeypatch.delenv("PBDL_SCALE", raising=False)
    assert runtime.scale() == "full"
    assert runtime.pick(full=200, quick=2) == 200
    monkeypatch.setenv("PBDL_SCALE", "quick")
    assert runtime.pick(full=200, quick=2) == 2


@pytest.mark.parametrize("value", ["Quick", "", "tiny"])
def test_unknown_scale_is_one_clear_error(monkeypatch, value):
    monkeypatch.setenv("PBDL_SCALE", value)
    with pytest.raises(ValueError, match="expected 'full' or 'quick'"):
        runtime.pick(full=1, quick=2)


@pytest.mark.parametrize("value", ["gpu", "cuda:77", "cpu:x", "toaster"])
def test_unknown_device_is_one_clear_error(monkeypatch, value):
    monkeypatch.setenv("PBDL_DEVICE", value)
    with pytest.raises(ValueError, match="this machine does not have"):
        runtime.device()


def test_device_follows_the_variable(monkeypatch):
    monkeypatch.setenv("PBDL_DEVICE", "cpu")
    assert runtime.device() == torch.device("cpu")
    monkeypatch.delenv("PBDL_DEVICE")
    assert runtime.device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_seed_repeats_the_same_numbers():
    runtime.seed_everything(3)
    first = torch.rand(4)
    runtime.seed_everything(3)
    assert torch.equal(first, torch.rand(4))
    runtime.seed_everything(4)
    assert not torch.equal(first, torch.rand(4))


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "0"])
def test_impossible_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="expected an integer"):
        runtime.seed_everything(seed)


def test_stopwatch_measures_at_least_the_sleep():
    with runtime.stopwatch() as watch:
        time.sleep(0.02)
    assert watch.seconds >= 0.02


def test_tools_are_not_a_live_session(monkeypatch):
    monkeypatch.setenv("PBDL_QUIET", "1")
    assert not runtime.is_live()
    assert not runtime.is_colab()
