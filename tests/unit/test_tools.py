"""The small tools: new chapters, the repository's address, the task runner, the normal form of notebooks."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from pbdl_utils.data import repository_url as installed_url
from tools import new_chapter, notebooks, repository_url
from tools.__main__ import TASKS
from tools.environment import ROOT


@pytest.fixture
def copy(tmp_path):
    """A copy of the files that carry the repository's address, and of the contents."""
    for name in [*repository_url.PLACES, "pyproject.toml", "_toc.yml"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for folder in ("notebooks", "tools/template"):
        shutil.copytree(ROOT / folder, tmp_path / folder, dirs_exist_ok=True)
    return tmp_path


def test_address_is_the_same_everywhere():
    url = repository_url.address()
    assert installed_url() == url
    for name, before in repository_url.PLACES.items():
        found = re.findall(before + repository_url.ADDRESS.pattern, (ROOT / name).read_text())
        assert found and set(found) == {url}, name


def test_a_new_address_reaches_every_place(copy):
    old, new = repository_url.address(), "https://github.com/some-lab/new-name.v2"
    changed = repository_url.propagate(new, copy)
    assert {str(path.relative_to(copy)) for path in changed} >= {*repository_url.PLACES, "pyproject.toml"}
    left = [path for path in copy.rglob("*") if path.is_file() and old in path.read_text(errors="ignore")]
    assert left == []
    for path in copy.rglob("*.ipynb"):
        assert f"git+{new}" in path.read_text()
    assert repository_url.propagate(new, copy) == []


@pytest.mark.parametrize(
    "url", ["", "github.com/a/b", "https://github.com/a", "https://github.com/a/b.git", "https://x/a b/c"]
)
def test_malformed_addresses_are_refused(copy, url):
    before = (copy / "README.md").read_text()
    with pytest.raises(ValueError, match="is no repository address"):
        repository_url.propagate(url, copy)
    assert (copy / "README.md").read_text() == before


def test_a_lost_place_is_named(copy):
    (copy / "CITATION.cff").write_text("nothing here")
    with pytest.raises(ValueError, match=r"CITATION\.cff has no line"):
        repository_url.propagate("https://github.com/a/b", copy)


def test_new_chapter_enters_the_contents(copy):
    path = new_chapter.create("introduction/my_topic", copy)
    toc = (copy / "_toc.yml").read_text()
    introduction = toc.split("  - caption: ")[1]
    assert introduction.startswith("Introduction\n")
    assert introduction.endswith("      - file: notebooks/introduction/my_topic\n")
    assert ":label: ex-my-topic-code" in path.read_text()
    before, _, after = toc.partition("  - caption: Beyond\n")  # as long as the part does not exist, it is made
    (copy / "_toc.yml").write_text(before + after[after.index("  - caption: Reference") :])
    new_chapter.create("beyond/other", copy)
    toc = (copy / "_toc.yml").read_text()
    assert "  - caption: Beyond\n    chapters:\n      - file: notebooks/beyond/other\n  - caption: Reference" in toc


@pytest.mark.parametrize(
    "name", ["topic", "nowhere/topic", "introduction/My Topic", "introduction/", "introduction/../x"]
)
def test_malformed_chapter_names_are_refused(copy, name):
    with pytest.raises(ValueError, match="is no chapter name"):
        new_chapter.create(name, copy)


def test_an_existing_chapter_is_never_overwritten(copy):
    new_chapter.create("beyond/topic", copy)
    toc = (copy / "_toc.yml").read_text()
    with pytest.raises(ValueError, match="exists already"):
        new_chapter.create("beyond/topic", copy)
    assert (copy / "_toc.yml").read_text() == toc


def test_the_template_runs(tmp_path):
    """A newcomer's first notebook passes before it is changed (quick scale, nbval, like all others)."""
    shutil.copy(new_chapter.TEMPLATE, tmp_path / "chapter.ipynb")
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--nbval-lax",
            "--rootdir",
            str(tmp_path),
            ".",
        ],
        cwd=tmp_path,
        env=__import__("os").environ | {"PBDL_SCALE": "quick", "PBDL_QUIET": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-3000:]
    assert re.search(r"\d+ passed", result.stdout)


def test_code_hash_sees_code_only():
    def book(code, text="# T", outputs=()):
        return nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell(code, outputs=list(outputs))]
        )

    first = notebooks.code_hash(book("a = 1"))
    assert notebooks.code_hash(book("a = 1", "# Other", [nbformat.v4.new_output("stream", text="x")])) == first
    assert notebooks.code_hash(book("a = 2")) != first


def test_normal_form_is_stable_and_merges_streams():
    outputs = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in ("a\n", "b\n")]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)])
    content = notebooks.to_bytes(book)
    again = nbformat.reads(content.decode(), as_version=4)
    assert again.cells[0].outputs[0].text == "a\nb\n"
    assert notebooks.to_bytes(again) == content


def test_tasks_are_those_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+): +;", (ROOT / "Makefile").read_text(), re.M)) - {"help"}
    assert targets == set(TASKS) - {"environment"}


def test_the_task_runner_needs_nothing_but_python():
    """Help and unknown tasks work with the plain interpreter, without the environment's packages."""
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tools.__main__ import main",
    ]
    for arguments, status in ((["help"], 0), (["nonsense"], 2)):
        code = command[-1] + f"; sys.exit(main({arguments!r}))"
        result = subprocess.run([*command[:-1], code], capture_output=True, text=True)
        assert result.returncode == status
        assert "repository-url" in result.stdout


def test_ci_calls_the_test_command_and_nothing_else():
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "make test"
    assert all(line.startswith(("set ", "cd ", "make test")) for line in lines)


def test_requirements_are_exact_pins():
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        name = line.split("#")[0].strip()
        assert not name or re.fullmatch(r"[\w-]+==[\w.]+", name), line
