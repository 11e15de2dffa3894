"""Each notebook follows the house's rules (design: CONTRIBUTING.md, *How a chapter is written*)."""

import ast
import json
import re
from pathlib import Path

import pytest

from tools.environment import ROOT
from tools.notebooks import all_notebooks, code_hash, ledger_of, name_of, read, to_bytes
from tools.repository_url import address, guard

NOTEBOOKS = all_notebooks()
MAX_LINES = 25
LEDGER_KEYS = {"notebook", "code_hash", "scale", "wall_time_s", "hardware", "versions", "claims"}
CLAIM_KEYS = {"id", "text", "holds", "measured", "unit", "reference"}


@pytest.fixture(params=NOTEBOOKS, ids=[name_of(path) for path in NOTEBOOKS], scope="module")
def notebook(request):
    book = read(request.param)
    book.path = request.param
    return book


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def python_source(cell) -> str:
    """Return the cell's source with line magics blanked out."""
    return re.sub(r"^(\s*)%.*$", r"\1pass", cell.source, flags=re.M)


def claim_calls(cell) -> list[ast.Call]:
    calls = [node for node in ast.walk(ast.parse(python_source(cell))) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "id", None) == "claim"]


def keyword(call: ast.Call, name: str):
    return next((word.value for word in call.keywords if word.arg == name), None)


def needs_full(call: ast.Call) -> bool:
    value = keyword(call, "needs")
    return value is not None and ast.literal_eval(value) == "full"


def claim_id(call: ast.Call) -> str:
    return ast.literal_eval(call.args[0])


def has_image(cell) -> bool:
    return any(key.startswith("image/") for output in cell.outputs for key in output.get("data", {}))


def test_every_notebook_is_in_the_contents():
    found = {path for path in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts}
    assert found == set(NOTEBOOKS)


def test_first_code_cell_is_the_colab_guard(notebook):
    cells = code_cells(notebook)
    assert cells[0].source == guard(address())
    assert "hide-input" in cells[0].metadata.tags
    assert not [cell.source for cell in cells[1:] if re.search(r"pip\s+install", cell.source)]


def test_set_up_seeds_and_styles(notebook):
    hidden = [cell.source for cell in code_cells(notebook)[1:4] if "hide-input" in cell.metadata.get("tags", [])]
    for call in ("use_style()", "seed_everything("):
        assert call in "\n".join(hidden)


def test_sections_are_complete(notebook):
    text = prose(notebook)
    assert text.startswith("# ")
    assert ":::{tip} In short" in notebook.cells[0].source
    assert "TODO" not in text
    for heading in ("## What we learned", "## Exercises", "## Further reading"):
        assert re.search(rf"^{heading}", text, re.M), f"no section {heading!r}"


def test_directives_are_colon_fenced(notebook):
    assert not re.findall(r"^```+\{.*$", prose(notebook), re.M)


def test_cells_are_short_and_explained(notebook):
    row = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            row = 0
            continue
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= MAX_LINES, f"{len(lines)} lines: {lines[0]}"
        if "hide-input" not in cell.metadata.get("tags", []):
            row += 1
        assert row <= 2, f"three code cells in a row: {lines[0]}"


def test_cells_ran_in_order_without_errors_or_warnings(notebook):
    cells = [cell for cell in code_cells(notebook) if cell.source.strip()]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for output in (output for cell in cells for output in cell.outputs):
        assert output.output_type != "error"
        assert not (output.output_type == "stream" and output.name == "stderr"), output.text
        assert not any("widget" in key for key in output.get("data", {}))


def test_outputs_name_no_folder_and_no_memory_address(notebook):
    for cell in code_cells(notebook):
        text = json.dumps([output for output in cell.outputs if not has_image(cell)])
        assert not re.search(r"0x[0-9a-f]{8,}|/home/|/work/|/root/|/tmp/", text), text[:300]


def test_no_switched_off_code(notebook):
    for cell in code_cells(notebook):
        assert not re.search(r"^\s*if (True|False)\b", cell.source, re.M)


def test_figures_have_alt_text_and_caption(notebook):
    for cell in code_cells(notebook):
        if has_image(cell):
            settings = cell.metadata.get("mystnb", {})
            assert len(settings.get("image", {}).get("alt", "")) > 20, cell.source[:200]
            assert len(settings.get("figure", {}).get("caption", "")) > 20, cell.source[:200]


def test_claims_are_checked_where_they_can_be(notebook):
    ids = []
    for cell in code_cells(notebook):
        calls = claim_calls(cell)
        ids += [claim_id(call) for call in calls]
        tagged = "nbval-check-output" in cell.metadata.get("tags", [])
        if calls:
            assert tagged == (not any(needs_full(call) for call in calls)), ids[-1]
        for call in calls:  # a claim is computed, not asserted by hand
            assert not isinstance(keyword(call, "holds"), ast.Constant), claim_id(call)
        if tagged:
            assert cell.outputs, "a checked cell without stored output passes whatever it prints"
    assert ids and len(ids) == len(set(ids))


def test_skipped_cells_are_skipped_everywhere(notebook):
    for cell in code_cells(notebook):
        tags = cell.metadata.get("tags", [])
        assert ("skip-execution" in tags) == ("nbval-skip" in tags)


def test_exercises_have_solutions(notebook):
    text = prose(notebook)
    topic = notebook.path.stem.split("_")[0]
    exercises = re.findall(r"^:::+\{exercise\}.*\n:label: (\S+)", text, re.M)
    solutions = re.findall(r"^:::+\{solution(?:-start)?\} (\S+)", text, re.M)
    assert len(exercises) >= 2
    assert sorted(exercises) == sorted(solutions)
    assert all(label.startswith(f"ex-{topic}-") for label in exercises), exercises
    starts, ends = text.count("{solution-start}"), text.count("{solution-end}")
    assert starts == ends


def test_normal_form(notebook):
    before = notebook.path.read_bytes()
    assert to_bytes(read(notebook.path)) == before, "run `make full` or tools.measured, which store the normal form"


def test_ledger_is_fresh_and_well_formed(notebook):
    path = ledger_of(notebook.path)
    assert path.is_file(), f"no results: run make full NB={notebook.path.relative_to(ROOT)}"
    ledger = json.loads(path.read_text())
    assert set(ledger) == LEDGER_KEYS
    assert ledger["notebook"] == name_of(notebook.path)
    assert ledger["scale"] == "full"
    assert ledger["code_hash"] == code_hash(notebook), (
        f"the code changed after the results were written: run make full NB={notebook.path.relative_to(ROOT)}"
    )
    written = {claim_id(call) for cell in code_cells(notebook) for call in claim_calls(cell)}
    assert {entry["id"] for entry in ledger["claims"]} == written
    for entry in ledger["claims"]:
        assert set(entry) == CLAIM_KEYS
        assert entry["holds"] is True
        for value in entry["measured"].values():
            assert isinstance(value, int | float) or set(value) == {"mean", "std", "n"}


def test_no_results_without_a_notebook():
    known = {ledger_of(path) for path in NOTEBOOKS}
    assert set((ROOT / "results").rglob("*.json")) <= known


def test_chapter_measures(capsys):
    """The structure of each chapter as the shared checks measure it, where they are at hand."""
    script = ROOT.parent / "shared" / "checks" / "chapters.py"
    if not script.is_file():
        pytest.skip("the shared checks are not beside this checkout")
    namespace: dict = {"__name__": "chapters"}
    exec(compile(script.read_text(), str(script), "exec"), namespace)
    assert namespace["main"](Path(ROOT)) == 0, capsys.readouterr().out
