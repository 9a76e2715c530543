"""Ctrl-C in the right moment: before a few assignments that belong together, or after all of them."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def undivided() -> Iterator[None]:
    """Let an interrupt wait until the block is done; for blocks that compute nothing."""
    before = signal.getsignal(signal.SIGINT)
    # Only the main thread gets interrupts, and only a handler of Python's can be put back and called.
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    waiting: list[Any] = []
    signal.signal(signal.SIGINT, lambda *arguments: waiting.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if waiting:
            before(*waiting[-1])
