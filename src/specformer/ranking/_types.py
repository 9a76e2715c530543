"""What the room works on."""

from __future__ import annotations

from typing import Any, TypeAlias

Block: TypeAlias = Any
"""A few samples x all genes: a `numpy.ndarray` or a `scipy.sparse.csr_matrix`, which has no types to check."""
