"""The project's virtual environment. Standard library only: this runs before anything is installed."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venv"
STAMP = FOLDER / "made-from"


def python() -> Path:
    """Return the path of the environment's Python."""
    return FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ensure() -> Path:
    """Make the environment from ``requirements.txt``, unless it is already there and fits; return its Python.

    Raises:
        SystemExit: if this Python is too old or an installation fails.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 - said here in words, before any newer syntax fails
        sys.exit(f"This book needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    wanted = _fingerprint()
    with _one_at_a_time():
        if not (STAMP.is_file() and STAMP.read_text() == wanted):
            _make(wanted)
    return python()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let a second task wait while a first one makes the environment (on systems that can lock files this way)."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(wanted: str) -> None:
    print(f"Making the environment in {FOLDER} (a few minutes the first time) ...", flush=True)
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    _call(sys.executable, "-m", "venv", str(FOLDER))
    pip = (str(python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _call(*pip, "-r", str(ROOT / "requirements.txt"))
    _call(*pip, "--no-deps", "--editable", str(ROOT))
    STAMP.write_text(wanted)


def _fingerprint() -> str:
    digest = hashlib.sha256(f"{sys.version} {FOLDER}".encode())
    for name in ("requirements.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _call(*command: str) -> None:
    # pip on some machines looks into local package folders and warns about each that is not there
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        print(result.stdout[-4000:])
        sys.exit(f"Could not make the environment: the command above failed ({' '.join(command[:5])} ...).")
