"""Silence while hundreds of calls are made that each have something to say."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from specformer._settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quiet() -> Iterator[None]:
    """Log errors alone and draw no progress bars."""
    before = settings.verbosity, settings.progress
    settings.verbosity, settings.progress = "error", False
    try:
        yield
    finally:
        settings.verbosity, settings.progress = before
