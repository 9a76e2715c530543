"""What is written down twice says the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Names that differ between PyPI and conda-forge.
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


@pytest.fixture(scope="module")
def recipe():
    return yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8"))


def test_the_recipe_has_the_dependencies_of_the_package(recipe):
    wanted = {
        CONDA.get(r.name, r.name): sorted(map(str, r.specifier)) for r in map(Requirement, PROJECT["dependencies"])
    }
    found = {}
    for line in recipe["requirements"]["run"]:
        name, _, bounds = line.partition(" ")
        found[name] = sorted(bounds.split(","))
    found.pop("python")
    assert found == wanted


def test_the_recipe_has_the_commands_of_the_package(recipe):
    found = dict(line.split(" = ") for line in recipe["build"]["python"]["entry_points"])
    assert found == PROJECT["scripts"]


def test_every_supported_python_is_tested():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yaml").read_text(encoding="utf-8"))
    tested = set(workflow["jobs"]["test"]["strategy"]["matrix"]["python"])
    named = {match[1] for line in PROJECT["classifiers"] if (match := re.search(r":: (3\.\d+)$", line))}
    assert tested == named
    assert min(named, key=lambda v: int(v[2:])) == PROJECT["requires-python"].removeprefix(">=")


def test_the_registry_entry_is_complete_but_for_addresses():
    entry = yaml.safe_load((ROOT / ".github" / "scverse" / "meta.yaml").read_text(encoding="utf-8"))
    empty = {name for name, value in entry.items() if not value}
    assert empty == {"project_home", "documentation_home", "tutorials_home", "contact"}
    assert entry["license"] == PROJECT["license"]
    assert entry["install"]["pypi"] == PROJECT["name"]
    assert 1 <= len(entry["tags"]) <= 10


def test_docs_are_built_alike_here_and_there():
    there = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text(encoding="utf-8"))
    assert there["sphinx"] == {"configuration": "docs/conf.py", "fail_on_warning": True}
    assert there["python"]["install"][0]["extra_requirements"] == ["docs"]
    assert "sphinx -W" in (ROOT / "Makefile").read_text(encoding="utf-8")
