"""The claims ledger: each statement a chapter makes about a result is evaluated, printed and recorded."""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import torch

from pbdl_utils.files import write_atomically
from pbdl_utils.runtime import scale

LEDGER_VARIABLE = "PBDL_LEDGER"  # `make full` names the file here in which it collects the claims of one run
_records: dict[str, dict] = {}

Measured = Real | Mapping[str, Real]


class ClaimFailed(AssertionError):
    """A claim was evaluated and does not hold."""


def spread(values: Sequence[float] | np.ndarray | torch.Tensor) -> dict[str, float]:
    """Return ``{"mean", "std", "n"}`` of repeated measurements (over random seeds, say); std with n - 1.

    Args:
        values: at least two finite numbers, any shape.

    Raises:
        ValueError: for fewer than two values or values that are not finite.
    """
    array = np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values, dtype=float).ravel()
    if array.size < 2 or not np.isfinite(array).all():
        raise ValueError(f"a spread needs at least two finite values, got {array.tolist()}.")
    return {"mean": float(array.mean()), "std": float(array.std(ddof=1)), "n": int(array.size)}


def claim(
    claim_id: str,
    text: str,
    *,
    holds: bool,
    measured: Mapping[str, Measured],
    unit: str = "",
    reference: str = "",
    needs: str = "quick",
) -> None:
    """Evaluate a claim: print one stable line if it holds, raise if it does not, record what was measured.

    Args:
        claim_id: short name in lower case with hyphens, unique in the notebook.
        text: one sentence without measured numbers (the line must not change from run to run).
        holds: the evaluated statement.
        measured: what the statement rests on: name -> number, or name -> ``spread(...)``.
        unit: unit of the measured values; empty for dimensionless ones.
        reference: what the reference text prints for the same thing, if it does.
        needs: ``"full"`` if the statement is about a result of full training. At quick scale such a claim is
            not evaluated and says so.

    Raises:
        ClaimFailed: if the claim was evaluated and does not hold.
        ValueError: if the name, the values or ``needs`` are malformed.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", claim_id):
        raise ValueError(
            f"claim id {claim_id!r}: expected lower-case words joined by hyphens, such as 'dp-beats-pinn'."
        )
    if needs not in ("quick", "full"):
        raise ValueError(f"claim {claim_id}: needs is {needs!r}, expected 'quick' or 'full'.")
    if needs == "full" and scale() == "quick":
        print(f"· {claim_id}: {text} (needs a full run)")
        return
    values = {key: _plain(claim_id, key, value) for key, value in measured.items()}
    if not values:
        raise ValueError(f"claim {claim_id}: nothing measured; a claim rests on at least one number.")
    if not _truth(claim_id, holds):
        raise ClaimFailed(f"{claim_id}: {text}. Measured: {values}")
    print(f"✓ {claim_id}: {text}")
    _record({"id": claim_id, "text": text, "holds": True, "measured": values, "unit": unit, "reference": reference})


def _plain(claim_id: str, key: str, value: Measured) -> float | int | dict:
    """Return a measured value as plain Python numbers; raise ValueError if it is not a finite number or spread."""
    if isinstance(value, Mapping):
        if set(value) != {"mean", "std", "n"}:
            raise ValueError(f"claim {claim_id}: {key} has the keys {sorted(value)}, expected mean, std, n.")
        return {name: _plain(claim_id, f"{key}.{name}", number) for name, number in value.items()}
    if isinstance(value, torch.Tensor | np.ndarray | np.generic) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"claim {claim_id}: {key} is {value!r}, expected a finite number or spread(...).")
    return int(value) if isinstance(value, int) else float(f"{float(value):.6g}")


def _truth(claim_id: str, holds: object) -> bool:
    if isinstance(holds, torch.Tensor | np.generic | np.ndarray) and holds.ndim == 0:
        holds = holds.item()
    if not isinstance(holds, bool):
        raise ValueError(f"claim {claim_id}: holds is {holds!r}, expected True or False (an evaluated statement).")
    return holds


def _record(entry: dict) -> None:
    _records[entry["id"]] = entry
    path = os.environ.get(LEDGER_VARIABLE)
    if path:
        write_atomically(path, json.dumps(list(_records.values()), ensure_ascii=False).encode())
