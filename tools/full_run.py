"""Execute notebooks at full scale in place: store outputs, write the claims ledger, fill the numbers into the text."""

import json
import os
import platform
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from pbdl_utils.claims import LEDGER_VARIABLE
from pbdl_utils.files import WriteError, write_atomically
from tools import measured
from tools.environment import ROOT
from tools.notebooks import all_notebooks, code_hash, ledger_of, name_of, read, to_bytes

PACKAGES = ("torch", "numpy", "phiflow", "phiml", "matplotlib")


def hardware() -> str:
    """Return processor, number of cores and GPU of this machine in words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{model}, {os.cpu_count()} cores{gpu}"


def versions() -> dict[str, str]:
    """Return the versions of Python and the packages that results depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def execute(path: Path, *, timeout: int | None = None) -> dict:
    """Run one notebook at full scale; on success replace its outputs and its ledger, otherwise change nothing.

    Returns:
        the ledger that was written.

    Raises:
        WriteError: before the run, if the results folder or the notebook cannot be written.
        nbclient.exceptions.CellExecutionError: if a cell raises (a claim that does not hold does).
    """
    ledger_path = ledger_of(path)
    for target in (ledger_path, path):  # find out now, not after ten minutes of training
        probe = target.with_name(f".{target.name}.probe")
        write_atomically(probe, b"")
        probe.unlink()
    notebook = read(path)
    with tempfile.TemporaryDirectory() as folder:
        claims_path = Path(folder) / "claims.json"
        environment = os.environ | {"PBDL_SCALE": "full", "PBDL_QUIET": "1", LEDGER_VARIABLE: str(claims_path)}
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=timeout,
            extra_arguments=["--log-level=40"],
            resources={"metadata": {"path": str(path.parent)}},
        )
        start = time.perf_counter()
        _execute(client, environment)
        seconds = time.perf_counter() - start
        claims = json.loads(claims_path.read_text()) if claims_path.is_file() else []
    ledger = {
        "notebook": name_of(path),
        "code_hash": code_hash(notebook),
        "scale": "full",
        "wall_time_s": round(seconds, 1),
        "hardware": hardware(),
        "versions": versions(),
        "claims": claims,
    }
    content = to_bytes(notebook)
    write_atomically(ledger_path, (json.dumps(ledger, indent=1, ensure_ascii=False) + "\n").encode())
    write_atomically(path, content)
    return ledger


def _execute(client: NotebookClient, environment: dict[str, str]) -> None:
    """Execute in a thread of its own: in the main thread nbclient catches Ctrl-C and ends in an unrelated error."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(client.execute, env=environment)
        try:
            future.result()
        except KeyboardInterrupt:
            while not future.done():  # the kernel may only just be starting
                process = getattr(getattr(client.km, "provisioner", None), "process", None)
                if process is not None:
                    process.kill()
                time.sleep(0.1)
            raise


def main(names: list[str]) -> int:
    """Run the named notebooks, or all of them; return the exit status."""
    paths = [Path(name) for name in names] or all_notebooks()
    for path in paths:
        if not path.is_file():
            print(f"There is no notebook {path}: name one such as notebooks/introduction/teaser.ipynb.")
            return 2
    for path in paths:
        print(f"{name_of(path)} ...", end=" ", flush=True)
        try:
            ledger = execute(path.resolve())
        except KeyboardInterrupt:
            print(f"\nInterrupted: {path} and its results are as they were. Run the same command to start again.")
            return 130
        except WriteError as error:
            print(f"\n{error.strerror}.")
            return 1
        except CellExecutionError as error:
            print(f"\nA cell failed, so {path} and its results are as they were:\n{str(error)[-3000:]}")
            return 1
        print(f"{len(ledger['claims'])} claims hold, {ledger['wall_time_s']} s", flush=True)
    measured.main(path.resolve() for path in paths)  # a mark that waits for another notebook is no failure of this run
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
