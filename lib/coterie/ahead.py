"""Modules loaded while something else is waited for."""

import contextlib
import importlib
import threading
from collections.abc import Sequence


def load_ahead(*names: str) -> threading.Thread:
    """Begins to load modules beside what is done next: Java takes seconds to start, in which Python only waits.

    What cannot be loaded is left to whoever needs it, who says why.
    """
    thread = threading.Thread(target=_load, args=(names,), daemon=True)
    thread.start()
    return thread


def _load(names: Sequence[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
