"""A page in the browser to drop a file of expression on: ``specformer serve``. Needs the extra ``serve``."""

from __future__ import annotations

from specformer.serve._annotate import annotate, embedded_file, results
from specformer.serve._describe import Description, describe
from specformer.serve._nearest import nearest_profiles
from specformer.serve._read_upload import read_upload

__all__ = ["Description", "annotate", "describe", "embedded_file", "nearest_profiles", "read_upload", "results"]
