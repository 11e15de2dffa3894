import json

import numpy as np
import pytest
import torch

from pbdl_utils import claims
from pbdl_utils.claims import ClaimFailed, claim, spread


@pytest.fixture(autouse=True)
def fresh_ledger(monkeypatch, tmp_path):
    monkeypatch.setattr(claims, "_records", {})
    monkeypatch.delenv("PBDL_SCALE", raising=False)
    monkeypatch.setenv(claims.LEDGER_VARIABLE, str(tmp_path / "claims.json"))
    return tmp_path / "claims.json"


def test_a_true_claim_is_printed_and_recorded(fresh_ledger, capsys):
    claim("a-b", "Two is more than one", holds=2 > 1, measured={"two": 2.0}, unit="m", reference="3 (PBDL v0.3)")
    assert capsys.readouterr().out == "✓ a-b: Two is more than one\n"
    (entry,) = json.loads(fresh_ledger.read_text())
    assert entry == {
        "id": "a-b",
        "text": "Two is more than one",
        "holds": True,
        "measured": {"two": 2.0},
        "unit": "m",
        "reference": "3 (PBDL v0.3)",
    }


@pytest.mark.parametrize("scale", ["full", "quick"])
def test_a_false_claim_raises_at_both_scales(monkeypatch, fresh_ledger, scale):
    monkeypatch.setenv("PBDL_SCALE", scale)
    with pytest.raises(ClaimFailed, match="One is more than two"):
        claim("a", "One is more than two", holds=1 > 2, measured={"one": 1})
    assert not fresh_ledger.exists()


def test_a_claim_that_needs_a_full_run_is_not_evaluated_at_quick_scale(monkeypatch, fresh_ledger, capsys):
    monkeypatch.setenv("PBDL_SCALE", "quick")
    claim("a", "Training helps", holds=False, measured={"loss": float("nan")}, needs="full")
    assert capsys.readouterr().out == "· a: Training helps (needs a full run)\n"
    assert not fresh_ledger.exists()


def test_a_claim_that_needs_a_full_run_is_evaluated_there():
    with pytest.raises(ClaimFailed):
        claim("a", "Training helps", holds=False, measured={"loss": 1.0}, needs="full")


@pytest.mark.parametrize("holds", [None, 1, "yes", np.array([True]), torch.tensor([True])])
def test_only_an_evaluated_statement_counts(holds):
    with pytest.raises(ValueError, match="expected True or False"):
        claim("a", "Something", holds=holds, measured={"x": 1})


@pytest.mark.parametrize("holds", [np.bool_(True), torch.tensor(True), np.array(True)])
def test_truth_values_of_numpy_and_torch_count(holds):
    claim("a", "Something", holds=holds, measured={"x": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1", None, True, {"mean": 1.0}, np.ones(2)])
def test_measured_values_are_finite_numbers_or_spreads(value):
    with pytest.raises(ValueError, match="claim a"):
        claim("a", "Something", holds=True, measured={"x": value})


def test_a_claim_measures_something():
    with pytest.raises(ValueError, match="nothing measured"):
        claim("a", "Something", holds=True, measured={})


@pytest.mark.parametrize("name", ["A", "a_b", "a--b", "", "a b"])
def test_malformed_names_are_refused(name):
    with pytest.raises(ValueError, match="lower-case words"):
        claim(name, "Something", holds=True, measured={"x": 1})


def test_unknown_need_is_refused():
    with pytest.raises(ValueError, match="needs is 'gpu'"):
        claim("a", "Something", holds=True, measured={"x": 1}, needs="gpu")


def test_running_a_cell_again_replaces_its_claim(fresh_ledger):
    for value in (1, 2):
        claim("a", "Something", holds=True, measured={"x": value})
    assert [entry["measured"] for entry in json.loads(fresh_ledger.read_text())] == [{"x": 2}]


def test_spread():
    result = spread(torch.tensor([1.0, 2.0, 3.0]))
    assert result == {"mean": 2.0, "std": 1.0, "n": 3}
    for values in ([1.0], [], [1.0, float("nan")]):
        with pytest.raises(ValueError, match="at least two finite values"):
            spread(values)
