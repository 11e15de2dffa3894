"""Build the website from the stored outputs, warning-free."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from tools.environment import ROOT


def build(output: Path = ROOT) -> float:
    """Build the site below ``output/_build/html``; return the seconds it took.

    Raises:
        RuntimeError: with the builder's last lines, if there was a warning or an error.
    """
    main = "from jupyter_book.cli.main import main; main()"  # the package has no __main__ of its own
    command = [sys.executable, "-c", main, "build", str(ROOT), "--path-output", str(output)]
    start = time.perf_counter()
    result = subprocess.run(
        [*command, "--all", "-W", "-n", "--keep-going"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode or not (output / "_build" / "html" / "index.html").is_file():
        lines = [line for line in result.stdout.splitlines() if "WARNING" in line or "ERROR" in line]
        raise RuntimeError("\n".join([*lines, "...", result.stdout[-2500:]]))
    return time.perf_counter() - start


def main(arguments: list[str]) -> int:
    """Build the site and say how to open it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT, help="folder in which _build/html is made")
    output = parser.parse_args(arguments).output
    print("Building the website ...", flush=True)
    try:
        seconds = build(output)
    except RuntimeError as error:
        print(f"{error}\nThe website was not built: see the warnings above.")
        return 1
    print(f"Built in {seconds:.0f} s. Open it in a browser: {output / '_build' / 'html' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
