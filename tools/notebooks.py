"""What all tools need to know about the notebooks: where they are, their code hash, their normal form."""

import hashlib
import re
from pathlib import Path

import nbformat

from tools.environment import ROOT

NOTEBOOKS = ROOT / "notebooks"
RESULTS = ROOT / "results"


def all_notebooks() -> list[Path]:
    """Return the paths of all notebooks, in the order of ``_toc.yml``."""
    listed = re.findall(r"(?:file|root):\s*([^\s#]+)", (ROOT / "_toc.yml").read_text())
    paths = [ROOT / name for name in listed if name.startswith("notebooks/")]
    return [path if path.suffix == ".ipynb" else path.with_name(path.name + ".ipynb") for path in paths]


def name_of(path: Path) -> str:
    """Return the short name of a notebook, such as ``introduction/teaser``."""
    return path.resolve().relative_to(NOTEBOOKS).with_suffix("").as_posix()


def ledger_of(path: Path) -> Path:
    """Return the path of the ledger file that belongs to a notebook."""
    return RESULTS / f"{name_of(path)}.json"


def read(path: Path) -> nbformat.NotebookNode:
    """Return the notebook, in format version 4."""
    return nbformat.read(path, as_version=4)


def code_hash(notebook: nbformat.NotebookNode) -> str:
    """Return the SHA-256 of the code cells' sources; outputs and prose do not count."""
    sources = [cell.source.strip() for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()


def to_bytes(notebook: nbformat.NotebookNode) -> bytes:
    """Return the notebook's normal form: fixed metadata, no timings, merged streams, so that diffs stay small."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for index, cell in enumerate(notebook.cells):
        cell.id = f"c{index:03d}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = _merge_streams(cell.outputs)
    return (nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip() + "\n").encode()


def _merge_streams(outputs: list) -> list:
    merged: list = []
    for output in outputs:
        if output.output_type == "stream" and merged and merged[-1].get("name") == output.name:
            merged[-1].text += output.text
        elif output.output_type != "display_data" or any("".join(text) for text in output.data.values()):
            merged.append(output)
    return merged
