"""The repository's address: set in ``pyproject.toml``, carried from there to all places that need it."""

import re
import sys
import tomllib
from pathlib import Path

from pbdl_utils.files import write_atomically
from tools.environment import ROOT
from tools.notebooks import read, to_bytes

ADDRESS = re.compile(r"https://[\w.-]+/[\w.-]+/[\w.-]*[\w-]")
PLACES = {  # file -> what stands before the address there
    "_config.yml": r"(?<=url: )",
    "CITATION.cff": r"(?<=repository-code: )",
    "README.md": r"(?<=git clone )",
    "book/reference/running.md": r"(?<=git clone )",
}


def address() -> str:
    """Return the repository's address."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def guard(url: str) -> str:
    """Return the source of the cell that installs the helper package on Colab; it opens every notebook."""
    return (
        "import sys\n\n"
        'if "google.colab" in sys.modules:  # elsewhere the helper package is already installed\n'
        f'    %pip install --quiet "pbdl_utils @ git+{url}"'
    )


def is_guard(source: str) -> bool:
    """Return whether a code cell is the Colab guard, with whatever address."""
    return source.startswith("import sys") and "google.colab" in source


def propagate(url: str, root: Path = ROOT) -> list[Path]:
    """Write the address to every place that needs it; return the files that changed.

    Raises:
        ValueError: if the address is not of the form https://host/owner/repository, or a place has lost its line.
    """
    if not ADDRESS.fullmatch(url) or url.endswith(".git"):
        raise ValueError(f"{url!r} is no repository address: expected https://host/owner/repository, without .git.")
    changed = []
    for name, before in (PLACES | {"pyproject.toml": r"(?<=Repository = \")"}).items():
        path = root / name
        text = path.read_text()
        new, count = re.subn(before + ADDRESS.pattern, url, text)
        if count == 0:
            raise ValueError(f"{name} has no line with the repository's address any more: put it back.")
        _write(path, text.encode(), new.encode(), changed)
    for path in sorted([*(root / "notebooks").rglob("*.ipynb"), *(root / "tools" / "template").glob("*.ipynb")]):
        notebook = read(path)
        for cell in notebook.cells:
            if cell.cell_type == "code" and is_guard(cell.source):
                cell.source = guard(url)
        _write(path, path.read_bytes(), to_bytes(notebook), changed)
    return changed


def _write(path: Path, old: bytes, new: bytes, changed: list[Path]) -> None:
    if new != old:
        write_atomically(path, new)
        changed.append(path)


def main(arguments: list[str]) -> int:
    """Set the address given as argument, or carry the one in ``pyproject.toml`` everywhere."""
    try:
        changed = propagate(arguments[0] if arguments else address())
    except ValueError as error:
        print(error)
        return 2
    print("\n".join(f"changed {path.relative_to(ROOT)}" for path in changed) or "the address is the same everywhere")
    if any(path.suffix == ".ipynb" for path in changed):
        print("The notebooks' code changed: run 'make full', so that their results are fresh again.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
