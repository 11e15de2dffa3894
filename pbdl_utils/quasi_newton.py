"""L-BFGS for many independent problems at once, with every evaluation of a gradient counted.

``torch.optim.LBFGS`` treats a batch of problems as one: a single step length for all of them. Here each entry of the
batch has its own history of curvature and its own line search, and one call of the function serves all entries, so that
a batched simulation is used to the full. The two-loop recursion is that of Nocedal & Wright (2006, algorithm 7.4); the
line search is the bisection for the weak Wolfe conditions of Lewis & Overton (2013, doi:10.1007/s10107-012-0514-2),
which also works where the loss has kinks.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Points = Float[Tensor, "batch unknowns"]
Losses = Float[Tensor, "batch"]
ARMIJO, WOLFE = 1e-4, 0.9


def minimize_each(
    function: Callable[[Points], tuple[Losses, Points]],
    start: Points,
    *,
    evaluations: int,
    first_step: float | Losses,
    memory: int = 20,
    max_halvings: int = 12,
) -> tuple[Points, Float[Tensor, "evaluation batch"]]:
    """Minimise one function per entry of a batch with L-BFGS.

    Args:
        function: returns the loss of each entry and its gradient; entry i must not depend on the other entries.
        start: shape ``(batch, n)``.
        evaluations: how often ``function`` is called, at least 1.
        first_step: length of the first step (and of the first one after a failed line search), in units of ``start``;
            one for all entries or one for each.
        memory: how many pairs of step and change of gradient each entry remembers.
        max_halvings: trial points of a line search after which the entry forgets its history and goes downhill.

    Returns:
        the point with the smallest loss that each entry has seen, and the losses of all evaluated points.

    Raises:
        ValueError: if ``start`` has not the shape ``(batch, n)`` or there is nothing to evaluate.
    """
    lengths = torch.as_tensor(first_step, dtype=start.dtype, device=start.device)
    if start.ndim != 2 or evaluations < 1 or lengths.shape not in ((), start.shape[:1]) or not (lengths > 0).all():
        raise ValueError(
            f"start has shape {tuple(start.shape)}, evaluations is {evaluations}, first_step {first_step}: expected "
            "(batch, n), at least one evaluation and a positive step, or one for each entry."
        )
    lengths = lengths.expand(len(start))[:, None]
    x = start.detach().clone()
    loss, gradient = function(x)
    losses, best, best_loss = [loss], x.clone(), loss.clone()
    history = _History(x, memory)
    direction, step = _downhill(gradient, lengths), torch.ones_like(loss)
    low, high, tries = torch.zeros_like(loss), torch.full_like(loss, torch.inf), torch.zeros_like(loss)
    for _ in range(evaluations - 1):
        trial = x + step[:, None] * direction
        trial_loss, trial_gradient = function(trial)
        losses.append(trial_loss)
        better = trial_loss < best_loss
        best, best_loss = torch.where(better[:, None], trial, best), torch.where(better, trial_loss, best_loss)

        slope = _dot(gradient, direction)
        too_long = ~(trial_loss <= loss + ARMIJO * step * slope)  # the negation also catches a loss that is not finite
        too_short = ~too_long & (_dot(trial_gradient, direction) < WOLFE * slope)
        tries = tries + 1
        failed = (tries >= max_halvings) & (too_long | too_short)
        accept = ~too_long & (~too_short | failed)
        history.store(trial - x, trial_gradient - gradient, accept)
        history.forget(failed)
        x = torch.where(accept[:, None], trial, x)
        loss, gradient = torch.where(accept, trial_loss, loss), torch.where(accept[:, None], trial_gradient, gradient)

        fresh = accept | failed  # entries that begin a new line search; the others go on bisecting
        newton = torch.where(history.empty()[:, None], _downhill(gradient, lengths), history.direction(gradient))
        direction = torch.where(fresh[:, None], newton, direction)
        high = torch.where(fresh, torch.inf, torch.where(too_long, step, high))
        low = torch.where(fresh, 0.0, torch.where(too_short, step, low))
        step = torch.where(fresh, 1.0, torch.where(high < torch.inf, (low + high) / 2, 2 * step))
        tries = torch.where(fresh, 0.0, tries)
    return best, torch.stack(losses)


class _History:
    """The last steps s and changes of gradient y of each entry, newest last; 1/(s y) is zero where there is none."""

    def __init__(self, like: Points, memory: int) -> None:
        self.s, self.y = (like.new_zeros(memory, *like.shape) for _ in range(2))
        self.inverse = like.new_zeros(memory, like.shape[0])

    def store(self, s: Points, y: Points, where: Tensor) -> None:
        curvature = _dot(s, y)
        where = where & (curvature > 1e-10 * s.norm(dim=-1) * y.norm(dim=-1))
        safe = torch.where(where, curvature, 1.0)
        self.s, self.y, self.inverse = (
            torch.where(where.view(-1, *[1] * (old.ndim - 2)), torch.cat([old[1:], new[None]]), old)
            for old, new in ((self.s, s), (self.y, y), (self.inverse, 1 / safe))
        )

    def forget(self, where: Tensor) -> None:
        self.inverse = torch.where(where, 0.0, self.inverse)

    def empty(self) -> Tensor:
        return self.inverse[-1] == 0

    def direction(self, gradient: Points) -> Points:
        """Return minus the approximate inverse Hessian times the gradient (two-loop recursion)."""
        q, shares = gradient, []
        for s, y, inverse in zip(self.s.flip(0), self.y.flip(0), self.inverse.flip(0), strict=True):
            shares.append(inverse * _dot(s, q))
            q = q - shares[-1][:, None] * y
        square = _dot(self.y[-1], self.y[-1])
        scale = _dot(self.s[-1], self.y[-1]) / torch.where(square > 0, square, 1.0)
        q = q * scale[:, None]
        for s, y, inverse, share in zip(self.s, self.y, self.inverse, reversed(shares), strict=True):
            q = q + (share - inverse * _dot(y, q))[:, None] * s
        return -q


def _downhill(gradient: Points, length: Tensor) -> Points:
    return -length * gradient / gradient.norm(dim=-1, keepdim=True).clamp_min(1e-30)


def _dot(a: Points, b: Points) -> Losses:
    return (a * b).sum(-1)
