"""One process at a time: downloads into the same cache take turns."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from specformer._logging import logger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def in_turn(folder: Path) -> Iterator[None]:
    """Wait until no other process is in this block for `folder`; the system ends the turn of one that is killed."""
    if sys.platform == "win32":  # has no locks of folders
        yield
        return
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("waiting for another process that downloads into %s", folder)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:  # a network file system without locks
            logger.debug("no lock on %s: %s", folder, error)
        yield
    finally:
        os.close(descriptor)
