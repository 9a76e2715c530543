"""`import specformer` is light, and every room opens on first use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import specformer as sf

HEAVY = ("torch", "transformers", "scanpy", "sksurv", "matplotlib", "numba", "sklearn")

# Notes, for each heavy library, the stack of files that was importing when it was first asked for.
WATCH = """
import json, sys, traceback
heavy, chains = set(sys.argv[1].split(",")), {{}}

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in heavy and name not in chains:
            frames = [f for f in traceback.extract_stack() if "importlib" not in f.filename]
            chains[name] = [f"{{f.filename}}:{{f.lineno}}: {{f.line}}" for f in frames[:-1]]

sys.meta_path.insert(0, Watch())
{statement}
print(json.dumps({{name: chain for name, chain in chains.items() if name in sys.modules}}))
"""


def heavy_imports(statement: str, heavy: tuple[str, ...] = HEAVY) -> dict[str, list[str]]:
    """Which of `heavy` a fresh interpreter loads for `statement`, and through which chain of files."""
    code = WATCH.format(statement=statement)
    run = subprocess.run([sys.executable, "-c", code, ",".join(heavy)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def explain(loaded: dict[str, list[str]]) -> str:
    return "\n".join(f"{name} was loaded through\n    " + "\n    ".join(chain) for name, chain in loaded.items())


def test_import_specformer_is_light():
    loaded = heavy_imports("import specformer")
    assert not loaded, explain(loaded)


@pytest.mark.parametrize("room", ["genes", "ranking", "pp", "datasets", "metrics"])
def test_rooms_below_the_model_do_without_torch(room):
    loaded = heavy_imports(f"import specformer.{room}", ("torch", "transformers", "sksurv", "matplotlib.pyplot"))
    assert not loaded, explain(loaded)


def test_the_watch_names_the_guilty_file(tmp_path):
    (tmp_path / "greedy.py").write_text("import colorsys\nimport sklearn\n")
    loaded = heavy_imports(f"sys.path.insert(0, {str(tmp_path)!r}); import greedy")
    assert "greedy.py:2: import sklearn" in explain(loaded)


@pytest.mark.parametrize("room", [name for name in sf.__all__ if name != "settings"])
def test_every_room_opens(room):
    assert getattr(sf, room).__name__ == f"specformer.{room}"


def test_an_unknown_room_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'elbow'"):
        sf.elbow  # noqa: B018
