"""The rules of the house, as tests: layers, signatures, docstrings, keys, and what never lies in the tree."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import specformer as sf
from specformer import _keys

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "specformer"
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = [name for name in sf.__all__ if importlib.util.find_spec(f"specformer.{name}")]
# Rooms whose functions take an AnnData, and document what they read and write with an example.
ANNDATA_ROOMS = ("datasets", "pl", "pp", "tl", "train")


def public(kind, rooms=ROOMS):
    """`pytest.param(object, id="room.name")` for everything of `kind` in the `__all__` of `rooms`."""
    return [
        pytest.param(getattr(module, name), id=f"{room}.{name}")
        for room in rooms
        for module in [getattr(sf, room)]
        for name in getattr(module, "__all__", ())
        if kind(getattr(module, name))
    ]


def parameters(function) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


# Layers


def test_layers_go_one_way():
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            "--no-cache",
            "--no-logo",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


# Signatures

# Figures on arrays that run in parallel (time, event, risk, groups) may take more than the three of other functions.
N_POSITIONAL = {"specformer.metrics": 5}


@pytest.mark.parametrize("function", public(inspect.isfunction))
def test_signature(function):
    params = parameters(function)
    positional = [p for p in params if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_adata = "adata" in (p.name for p in params)
    assert not takes_adata or params[0].name == "adata", "`adata` comes first"
    most = 2 if takes_adata else N_POSITIONAL.get(function.__module__.rpartition(".")[0], 3)
    assert len(positional) <= most, "after that, keywords"
    for p in params:
        if isinstance(p.default, bool) or re.fullmatch(r"bool( \| None)?", str(p.annotation)):
            assert p.kind is p.KEYWORD_ONLY, f"boolean `{p.name}` is keyword-only"
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            assert p.annotation is not p.empty, f"`{p.name}` has a type"
        assert p.name not in ("seed", "random_state", "verbose"), f"`{p.name}`: say `rng`, or `sf.settings.verbosity`"
    assert inspect.signature(function).return_annotation is not inspect.Signature.empty, "the return has a type"
    if "copy" in (p.name for p in params):
        assert params[-1].name == "copy", "`copy` comes last"
        assert params[-1].default is False
        assert inspect.signature(function).return_annotation == "AnnData | None"


# Docstrings


def sections(docstring: str) -> dict[str, str]:
    """The numpydoc sections of a docstring, by title; the text before the first is under ''."""
    parts = re.split(r"^(\w[\w ]+)\n-{3,}\n", inspect.cleandoc(docstring), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@pytest.mark.parametrize("thing", public(lambda x: inspect.isfunction(x) or inspect.isclass(x)))
def test_docstring(thing):
    assert thing.__doc__, "public things have a docstring"
    found = sections(thing.__doc__)
    summary = found[""].strip().splitlines()[0]
    assert summary.endswith((".", ":", "?")), "the first line is a sentence"
    if not inspect.isfunction(thing) or "Parameters" not in found:
        return
    described = {
        name.strip().lstrip("*")
        for line in re.findall(r"^(\S.*)$", found["Parameters"], flags=re.MULTILINE)
        for name in line.split(":")[0].split(",")
    }
    assert described == {p.name for p in parameters(thing)}, "every parameter is described, and no other"
    assert ":" not in "".join(re.findall(r"^\S.*$", found["Parameters"], flags=re.MULTILINE)), (
        "types are in the signature alone"
    )


@pytest.mark.parametrize("function", public(inspect.isfunction, ANNDATA_ROOMS))
def test_docstring_of_functions_on_anndata_is_complete(function):
    found = sections(function.__doc__ or "")
    wanted = {"Parameters", "Returns", "Examples"} if parameters(function) else {"Returns", "Examples"}
    missing = wanted - set(found)
    assert not missing, f"no section {missing}"


@pytest.mark.parametrize("room", ROOMS)
def test_api_page_lists_every_public_name(room):
    page = ROOT / "docs" / "api" / f"{room}.md"
    assert page.is_file(), f"write {page.relative_to(ROOT)}"
    listed = set(re.findall(r"^ +~?([\w.]+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE))
    module = getattr(sf, room)
    names = set(getattr(module, "__all__", ()))
    missing = {name for name in names if callable(getattr(module, name))} - listed
    assert not missing, f"list {sorted(missing)} in {page.relative_to(ROOT)}"
    assert listed <= names, (
        f"{sorted(listed - names)} in {page.relative_to(ROOT)} are not in `specformer.{room}.__all__`"
    )


# Keys

# Words that are also something else than a key: only their use on a slot of an AnnData is a key.
SLOTS = {"layers", "obs", "obsm", "obsp", "uns", "var", "varm", "varp"}
# Files that may spell keys, and why.
MAY_SPELL_KEYS = {
    "_keys.py": "this is where they are spelled",
    "demo.py": "written as a user would, who sees keys and not their constants",
}
# The same word as the name of something else, and what.
HOMONYMS = {
    ("genes/_alias_tables.py", "gene_id"): "column of Ensembl's table",
    ("datasets/_ensembl.py", "gene_id"): "attribute of Ensembl's lines",
    ("datasets/_quantification_tools.py", "gene_id"): "column of what RSEM and the GDC write",
    ("datasets/_transcripts.py", "gene_id"): "column of a table of transcripts",
    ("pp/_split.py", "cancer_type"): "column that the user has, by default",
}


def keys_spelled(path: Path) -> list[str]:
    """Keys of `_keys.py` that a file spells as a literal: distinctive names anywhere, other ones on a slot."""
    names = {key.name for key in _keys.table()}
    distinctive = {name for name in names if "_" in name}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    file = path.relative_to(SOURCE).as_posix() if path.is_relative_to(SOURCE) else path.name
    found = []
    for node in sorted((n for n in ast.walk(tree) if hasattr(n, "lineno")), key=lambda n: n.lineno):
        if isinstance(node, ast.Constant) and node.value in distinctive and id(node) not in documentation:
            if (file, node.value) not in HOMONYMS:
                found.append(f"line {node.lineno}: {node.value!r}")
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr in SLOTS
            and isinstance(node.slice, ast.Constant)
            and node.slice.value in names - distinctive
        ):
            found.append(f"line {node.lineno}: .{node.value.attr}[{node.slice.value!r}]")
    return found


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name not in MAY_SPELL_KEYS], ids=lambda p: str(p.relative_to(SOURCE))
)
def test_keys_are_spelled_in_one_file(path):
    assert not keys_spelled(path), "take the name from specformer._keys"


def test_the_key_rule_sees_both_ways_of_spelling(tmp_path):
    file = tmp_path / "room.py"
    file.write_text(
        '"""tfidf_rank in prose."""\nadata.layers[name] = x\nf("tfidf_rank")\nadata.obs["split"]\ng("split")\n'
    )
    assert keys_spelled(file) == ["line 3: 'tfidf_rank'", "line 4: .obs['split']"]


def test_keys_are_told_apart_and_written_by_functions_that_exist():
    table = _keys.table()
    assert len({(key.slot, key.name) for key in table}) == len(table)
    for key in table:
        room, name = key.written_by.split(".")
        assert name in getattr(sf, room).__all__, f"{key.name} is written by {key.written_by}"


def test_docs_print_every_key():
    spec = importlib.util.spec_from_file_location("keys_table", ROOT / "docs" / "_ext" / "keys_table.py")
    keys_table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(keys_table)
    rows = keys_table.markdown(_keys.table()).splitlines()[2:]
    for key, row in zip(_keys.table(), rows, strict=True):
        assert f'`{key.slot}["{key.name}"]`' in row
        assert key.meaning in row
    assert "{{ keys_table }}" in (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")


# The tree


def test_lowest_txt_holds_the_lower_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = {}
    for requirement in map(Requirement, project["dependencies"]):
        bounds[requirement.name] = next(Version(s.version) for s in requirement.specifier if s.operator == ">=")
    lines = (ROOT / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pins = {
        r.name: Version(next(iter(r.specifier)).version) for r in map(Requirement, [x for x in lines if x[0] != "#"])
    }
    # torch is left free there: see the file's head.
    assert pins == {name: bound for name, bound in bounds.items() if name != "torch"}


# Reading these would run whatever the file says.
UNSAFE = {"joblib.load", "pickle.load", "pickle.loads", "pickle.Unpickler", "torch.load", "yaml.load"}


def unsafe_loads(tree: ast.Module) -> list[str]:
    """Calls that can run code from a file."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        f"line {call.lineno}: {ast.unparse(call)}"
        for call in calls
        if ast.unparse(call.func) in UNSAFE
        or any(k.arg == "allow_pickle" and getattr(k.value, "value", None) is True for k in call.keywords)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_source_file_keeps_the_house_rules(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 400, "one idea per file"
    assert path.name not in ("utils.py", "_utils.py", "helpers.py"), "name the idea"
    assert not unsafe_loads(tree), "nothing that is loaded may run code"
    asserted = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert not asserted, "checks raise, they do not assert"


def test_unsafe_loads_are_seen():
    tree = ast.parse(
        'torch.load(f)\nnp.load(f, allow_pickle=True)\nnp.load(f, allow_pickle=False)\nmsg = "torch.load(f)"'
    )
    assert [line.split(":")[0] for line in unsafe_loads(tree)] == ["line 1", "line 2"]


def tracked_text_files() -> list[Path]:
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        pytest.skip("not a git checkout")
    text = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".cff", ".ipynb", ".txt", ".cfg", ".sh", ".csv", ""}
    return [p for name in run.stdout.split("\0") if name and (p := ROOT / name).suffix in text and p.is_file()]


def test_no_machine_paths_in_the_tree():
    # Put together here, so that this file does not find itself.
    machine = re.compile("|".join(["/" + "work/", "/" + "root/", "/" + "home/[a-z]", "/" + "Users/[A-Za-z]"]))
    guilty = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked_text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if machine.search(line)
    ]
    assert not guilty, "\n".join(guilty)
