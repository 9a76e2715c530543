"""The package's logger: silent until used, its level taken from `sf.settings.verbosity`."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from specformer._settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("specformer")


class _StderrHandler(logging.Handler):
    """Writes to whatever `sys.stderr` is now, so that notebooks and tests capture it."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")


def _follow_settings(record: logging.LogRecord) -> bool:
    return record.levelno >= getattr(logging, settings.verbosity.upper())


_handler = _StderrHandler()
_handler.addFilter(_follow_settings)
logger.addHandler(_handler)
logger.setLevel(logging.DEBUG)


@contextmanager
def timed(what: str) -> Iterator[list[str]]:
    """Log `what`, then how long it took and the notes appended to the list that this yields."""
    logger.info(what)
    notes: list[str] = []
    start = perf_counter()
    yield notes
    logger.info("    finished (%.1f s)%s", perf_counter() - start, "".join(f"\n    {note}" for note in notes))
