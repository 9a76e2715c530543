"""Sphinx configuration; `make docs` builds with warnings as errors."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import version as installed
from pathlib import Path
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import keys_table
import settings_table

from specformer._keys import table
from specformer._settings import Settings

project = "specformer"
author = "The specformer developers"
copyright = "2026, the specformer developers"
release = installed("specformer")
version = release.partition(".dev")[0]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_autodoc_typehints",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
nitpicky = True
# The base that the models share has no page of its own.
nitpick_ignore = [("py:class", "specformer.model._encoder.SpecformerPreTrainedModel")]
# transformers annotates its own config with names that it imports for type checkers alone.
suppress_warnings = ["sphinx_autodoc_typehints.forward_reference"]

# Notebooks are executed by `make tutorials`, their outputs are in the tree; Sphinx reads only what lies in its own folder.
for notebook in (Path(__file__).parents[1] / "tutorials").glob("*.ipynb"):
    shutil.copy(notebook, Path(__file__).parent / "tutorials")
nb_execution_mode = "off"
myst_enable_extensions = ["alert", "amsmath", "colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
myst_substitutions = {"keys_table": keys_table.markdown(table()), "settings_table": settings_table.markdown(Settings)}

# `x` in a docstring is code, and quotes in it are those of Python: only dashes are set as such.
default_role = "code"
smartquotes_action = "D"
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = True
napoleon_use_param = True
typehints_defaults = "braces"
always_use_bars_union = True

bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

intersphinx_mapping = {
    "anndata": ("https://anndata.readthedocs.io/en/stable/", None),
    "matplotlib": ("https://matplotlib.org/stable/", None),
    "mudata": ("https://mudata.readthedocs.io/stable/", None),
    "numpy": ("https://numpy.org/doc/stable/", None),
    "pandas": ("https://pandas.pydata.org/docs/", None),
    "python": ("https://docs.python.org/3/", None),
    "scanpy": ("https://scanpy.readthedocs.io/en/stable/", None),
    "scipy": ("https://docs.scipy.org/doc/scipy/", None),
    "torch": ("https://docs.pytorch.org/docs/stable/", None),
}
# Without internet (a cluster, a closed CI) other packages' names cannot be linked; ours must still resolve.
try:
    urlopen("https://docs.python.org/3/objects.inv", timeout=10).close()
    nitpick_ignore_regex = [(r"py:.*", r"transformers\..*")]
except OSError:
    intersphinx_mapping = {}
    nitpick_ignore_regex = [(r"py:.*", r"(?!specformer\b).*")]

html_theme = "sphinx_book_theme"
html_title = "specformer"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_theme_options = {"show_toc_level": 2, "show_navbar_depth": 1, "path_to_docs": "docs"}


def named_fields(app, what, name, obj, options, lines: list[str]) -> None:
    """Fields that a function writes are named in backticks, which napoleon would print: it sets the names in bold."""
    for i, line in enumerate(lines):
        lines[i] = re.sub(r"^`([.][^`]+)`( :|$)", r"\1\2", line)


def setup(app) -> None:
    """Before napoleon, whose priority is 500."""
    app.connect("autodoc-process-docstring", named_fields, priority=400)
