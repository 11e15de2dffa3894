"""L-BFGS on a batch: right minimisers, entries that do not see each other, evaluations that are counted."""

import pytest
import torch

from pbdl_utils.quasi_newton import minimize_each


def with_gradient(loss):
    def function(x):
        x = x.detach().requires_grad_()
        value = loss(x)
        (gradient,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), gradient

    return function


def rosenbrock(x):
    return (1 - x[:, 0]) ** 2 + 100 * (x[:, 1] - x[:, 0] ** 2) ** 2


def start(batch=3, n=2):
    return torch.randn(batch, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_badly_scaled_quadratic_is_solved():
    scales, shift = torch.logspace(0, 3, 20, dtype=torch.float64), torch.linspace(-1, 1, 20, dtype=torch.float64)
    function = with_gradient(lambda x: (scales * (x - shift) ** 2).sum(-1))
    best, losses = minimize_each(function, start(4, 20), evaluations=150, first_step=0.1)
    assert (best - shift).abs().max() < 1e-6
    assert losses.shape == (150, 4)


def test_rosenbrock_from_several_points():
    best, _ = minimize_each(with_gradient(rosenbrock), start(), evaluations=120, first_step=0.1)
    assert (best - 1).abs().max() < 1e-6


def test_a_function_with_a_kink():
    function = with_gradient(lambda x: x[:, 0].abs() * 8 + (x**2).sum(-1))
    best, _ = minimize_each(function, start(5, 6), evaluations=150, first_step=0.1)
    assert best.abs().max() < 1e-3


def test_entries_do_not_see_each_other():
    function = with_gradient(rosenbrock)
    together = minimize_each(function, start(), evaluations=40, first_step=0.1)[1]
    alone = [minimize_each(function, entry[None], evaluations=40, first_step=0.1)[1] for entry in start()]
    torch.testing.assert_close(together, torch.cat(alone, 1))


def test_each_entry_may_have_its_own_first_step():
    function, steps = with_gradient(rosenbrock), torch.tensor([0.01, 0.1, 1.0], dtype=torch.float64)
    together = minimize_each(function, start(), evaluations=20, first_step=steps)[1]
    for i, step in enumerate(steps.tolist()):
        alone = minimize_each(function, start()[i : i + 1], evaluations=20, first_step=step)[1]
        torch.testing.assert_close(together[:, i : i + 1], alone)


def test_evaluations_are_counted_and_the_best_point_is_returned():
    calls, function = [], with_gradient(rosenbrock)
    best, losses = minimize_each(lambda x: calls.append(x) or function(x), start(), evaluations=17, first_step=0.1)
    assert len(calls) == len(losses) == 17
    torch.testing.assert_close(rosenbrock(best), losses.min(0).values)


def test_points_without_a_finite_loss_are_left_again():
    function = with_gradient(lambda x: -torch.log(x[:, 0]) + x[:, 0])
    best, _ = minimize_each(function, torch.full((1, 1), 0.01), evaluations=60, first_step=50.0)
    assert best.item() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("shape", "evaluations", "first_step"), [((3,), 5, 1.0), ((3, 2), 0, 1.0), ((3, 2), 5, 0.0)])
def test_malformed_problems_are_refused(shape, evaluations, first_step):
    with pytest.raises(ValueError, match="expected"):
        minimize_each(with_gradient(rosenbrock), torch.zeros(shape), evaluations=evaluations, first_step=first_step)
