"""The notebooks are what a newcomer meets first: they must be whole and clean."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parent.parent
NAMES = [
    "gallery-of-silent-failures",
    "good-and-bad-astrometry",
    "mean-proper-motion",
    "the-gd1-stream",
]
#: What the gallery shows: cell, the card it announces, whether the cell raises an exception.
GALLERY = {
    "kernel-kills-an-executor": ("executor-oom-killed", False),
    "python-worker-dies": ("python-worker-died", False),
    "heap-too-small": ("executor-heap-oom", False),
    "executor-is-lost": ("executor-lost", False),
    "shuffle-files-disappear": ("shuffle-fetch-failed", False),
    "third-try-works": ("task-retries", False),
    "result-too-large": ("result-too-large", True),
}


@pytest.fixture(params=NAMES)
def notebook(request):
    return nbformat.read(FOLDER / f"{request.param}.ipynb", as_version=nbformat.NO_CONVERT)


def test_there_are_exactly_the_notebooks_that_we_know():
    assert sorted(file.stem for file in FOLDER.glob("*.ipynb")) == NAMES


def test_a_notebook_is_valid_nbformat_4_5(notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"


def test_no_outputs_or_execution_counts_are_committed(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id


def test_cell_ids_are_words_that_stay_when_cells_move(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert [i for i in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", i)] == []
    assert [i for i in ids if re.fullmatch(r"[0-9a-f]{8}(-.*)?", i)] == []  # what Jupyter makes up


def test_a_notebook_begins_with_its_title_and_names_its_sources(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "Hipparcos" in text or "ESA/Gaia/DPAC" in text


def test_spark_is_taken_from_the_kernel_never_started(notebook):
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert "spark.table(" in code
    assert "SparkSession" not in code


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_has_no_complaint(check):
    command = [sys.executable, "-m", "ruff", *check, "--no-cache", str(FOLDER)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_gallery_announces_each_card_before_the_cell_that_provokes_it():
    cells = nbformat.read(FOLDER / "gallery-of-silent-failures.ipynb", as_version=4).cells
    before = {
        cell.id: cells[place - 1] for place, cell in enumerate(cells) if cell.cell_type == "code"
    }
    assert set(before) == {*GALLERY, "still-alive"}
    for cell_id, (code, _) in GALLERY.items():
        assert before[cell_id].cell_type == "markdown", cell_id
        assert f"`{code}`" in before[cell_id].source, cell_id


def test_only_a_cell_that_fails_on_purpose_is_allowed_to_raise():
    cells = nbformat.read(FOLDER / "gallery-of-silent-failures.ipynb", as_version=4).cells
    allowed = {cell.id for cell in cells if "raises-exception" in cell.metadata.get("tags", [])}
    assert allowed == {cell_id for cell_id, (_, raises) in GALLERY.items() if raises}
