"""``make full``: outputs and results are stored together or not at all, whatever goes wrong."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from pbdl_utils.files import WriteError
from tools import full_run, notebooks
from tools.environment import ROOT

GOOD = (
    "from pbdl_utils.claims import claim\nclaim('one-is-one', 'One is one', holds=1 == 1, measured={'one': 1})",
    "print('done')",
)


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A house with one notebook; returns a function that makes it from code cells."""
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(notebooks, "RESULTS", tmp_path / "results")
    monkeypatch.setattr("tools.measured.RESULTS", tmp_path / "results")
    monkeypatch.setattr("tools.measured.pages", lambda: [])

    def build(*sources, prose="# Title\n\n<!--{one-is-one.one}-->0<!--/-->"):
        cells = [nbformat.v4.new_markdown_cell(prose), *(nbformat.v4.new_code_cell(source) for source in sources)]
        path = tmp_path / "notebooks" / "part" / "topic.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(notebooks.to_bytes(nbformat.v4.new_notebook(cells=cells)))
        return path, tmp_path / "results" / "part" / "topic.json"

    return build


def test_a_run_stores_outputs_results_and_numbers(house, capsys):
    path, results = house(*GOOD)
    assert full_run.main([str(path)]) == 0
    stored = notebooks.read(path)
    assert stored.cells[1].outputs[0].text == "✓ one-is-one: One is one\n"
    assert "-->1<!--/-->" in stored.cells[0].source
    ledger = json.loads(results.read_text())
    assert ledger["notebook"] == "part/topic"
    assert ledger["scale"] == "full"
    assert ledger["code_hash"] == notebooks.code_hash(stored)
    assert ledger["wall_time_s"] > 0
    assert set(ledger["versions"]) >= {"python", "torch", "phiflow", "phiml"}
    assert "cores" in ledger["hardware"]
    assert [entry["id"] for entry in ledger["claims"]] == ["one-is-one"]
    assert "1 claims hold" in capsys.readouterr().out


def test_a_run_is_at_full_scale_and_quiet(house, monkeypatch):
    monkeypatch.setenv("PBDL_SCALE", "quick")
    path, _ = house("import os", "print(os.environ['PBDL_SCALE'], os.environ['PBDL_QUIET'])")
    full_run.main([str(path)])
    assert notebooks.read(path).cells[2].outputs[0].text == "full 1\n"


def test_a_false_claim_changes_nothing(house, capsys):
    path, results = house(*GOOD)
    full_run.main([str(path)])
    ledger = results.read_bytes()
    path, _ = house(GOOD[0].replace("1 == 1", "1 == 2"))
    before = path.read_bytes()
    assert full_run.main([str(path)]) == 1
    assert "ClaimFailed" in capsys.readouterr().out
    assert path.read_bytes() == before
    assert results.read_bytes() == ledger


def test_a_read_only_results_folder_is_said_before_the_run(house, capsys):
    path, results = house("raise SystemError('the run must not start')")
    results.parent.parent.write_text("a file where the folder should be")
    assert full_run.main([str(path)]) == 1
    out = capsys.readouterr().out
    assert "cannot write" in out and "Nothing was changed" in out and "must not start" not in out


def test_a_disk_that_fills_up_during_the_run_changes_nothing(house, monkeypatch, capsys):
    path, results = house(*GOOD)
    before = path.read_bytes()
    calls = []

    def fsync(handle):
        calls.append(handle)
        if len(calls) > 2:  # the two probes before the run still succeed
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    assert full_run.main([str(path)]) == 1
    assert "the disk is full: free some space" in capsys.readouterr().out
    assert path.read_bytes() == before
    assert not results.exists()


def test_write_errors_reach_the_caller(house, monkeypatch):
    path, _ = house(*GOOD)
    monkeypatch.setattr(full_run, "write_atomically", lambda *_: (_ for _ in ()).throw(WriteError(28, "full")))
    with pytest.raises(WriteError):
        full_run.execute(path)


def test_an_interrupted_run_changes_nothing_and_says_so(tmp_path):
    """The real thing: Ctrl-C in a real run of the real command, in a small house of its own."""
    part = tmp_path / "notebooks" / "part"
    part.mkdir(parents=True)
    started = tmp_path / "started"
    cell = nbformat.v4.new_code_cell(f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\ntime.sleep(60)")
    path = part / "slow.ipynb"
    path.write_bytes(notebooks.to_bytes(nbformat.v4.new_notebook(cells=[cell])))
    before = path.read_bytes()
    code = (
        "import pathlib, sys\nfrom tools import full_run, notebooks\n"
        f"notebooks.NOTEBOOKS = pathlib.Path({str(tmp_path / 'notebooks')!r})\n"
        f"notebooks.RESULTS = pathlib.Path({str(tmp_path / 'results')!r})\n"
        f"sys.exit(full_run.main([{str(path)!r}]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    for _ in range(600):
        if started.exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert "Interrupted" in out and "as they were" in out and "Traceback" not in out
    assert path.read_bytes() == before
    assert not list((tmp_path / "results").rglob("*.json"))


def test_unknown_notebook_is_one_clear_error(capsys):
    assert full_run.main(["notebooks/introduction/nowhere.ipynb"]) == 2
    assert "There is no notebook" in capsys.readouterr().out
