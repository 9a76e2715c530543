"""The command line: ``specformer serve``, ``specformer demo``, ``specformer pretrain``."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

COMMANDS = {
    "serve": ("specformer.serve.__main__", "a page in the browser to drop a file of expression on"),
    "demo": ("specformer.demo", "embed a cohort, cluster it, draw its UMAP"),
    "pretrain": ("specformer.train.__main__", "pretrain a model on your own cohorts"),
}

NEEDS = {"serve": {"streamlit": "serve"}, "demo": {"igraph": "demo"}}
"""Libraries that are no dependencies, and the extra that brings them."""


def main(arguments: list[str] | None = None) -> None:
    """Hand the rest of the command line to one command."""
    first, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if first in ("-h", "--help"):
        print("usage: specformer COMMAND [...]      (specformer COMMAND --help says more)\n")
        print("\n".join(f"  {name:<10}{what}" for name, (_, what) in COMMANDS.items()))
    elif first == "--version":
        from importlib.metadata import version

        print(version("specformer"))
    elif first in COMMANDS:
        for library, extra in NEEDS.get(first, {}).items():
            if find_spec(library) is None and not {"-h", "--help"} & set(rest):
                sys.exit(
                    f"error: `specformer {first}` needs {library}, which is not installed. "
                    f'Run `pip install "specformer[{extra}]"`, or `pip install ".[{extra}]"` in a clone.'
                )
        import_module(COMMANDS[first][0]).main(rest)
    else:
        sys.exit(f"error: there is no command {first!r}. There are: {', '.join(COMMANDS)}.")


if __name__ == "__main__":
    main()
