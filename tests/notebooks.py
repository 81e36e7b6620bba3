"""Code run as the cell of a notebook, where the packages for that are installed."""

import os
from pathlib import Path

import pytest


def outputs_of(code, monkeypatch):
    """Return the outputs of a notebook's only cell, which sees this checkout."""
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient and ipykernel")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel")
    pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel")
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=300).execute()
    return notebook.cells[0].outputs
