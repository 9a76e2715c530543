"""The notebooks in the tree: run from top to bottom, without an error, and linked to what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "tutorials").glob("*.ipynb"))


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_was_run_from_top_to_bottom(path):
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "run `make tutorials`"
    errors = [output["ename"] for cell in code for output in cell["outputs"] if output["output_type"] == "error"]
    assert not errors


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_has_one_title_and_leads_on(path):
    text = "\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    assert len(re.findall(r"^# ", text, flags=re.MULTILINE)) == 1
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert all((path.parent / link).exists() for link in links if "://" not in link), links


@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda p: p.stem)
def test_notebook_takes_the_readers_own_file(path):
    code = "\n".join("".join(cell["source"]) for cell in cells(path, "code"))
    assert re.search(r"^DATA = None\b", code, flags=re.MULTILINE)
    assert "read_h5ad(DATA)" in code
