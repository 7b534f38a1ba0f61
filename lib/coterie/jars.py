"""Delta's JARs of a local session: found by Spark's package resolver once, then started from where they lie, which is seconds sooner."""

import contextlib
import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from coterie.java import cache_folder

fcntl = None if sys.platform == "win32" else importlib.import_module("fcntl")  # Windows has no such locks: nobody waits there


@contextlib.contextmanager
def known_jars(packages: str) -> Iterator[str]:
    """The JARs that the resolver once found for these Maven coordinates, as `spark.jars` wants them; empty where they are not all there.

    Then the resolver is asked within the context, by one process at a time: two that fill its cache at once spoil each other's downloads.
    Whoever waited is given what the other found.
    """
    note = _note(packages)
    jars = _noted(note)
    if note is None or jars:
        yield jars
        return
    with note.with_suffix(".lock").open("w") as lock:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a home on a store without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield _noted(note)


def remember_jars(packages: str, jars: str) -> None:
    """Notes what the resolver found, whole or not at all."""
    note = _note(packages)
    if note is None or not jars:
        return
    part = note.with_suffix(".part")
    part.write_text(jars)
    part.replace(note)


def _noted(note: Path | None) -> str:
    if note is None or not note.exists():
        return ""
    jars = note.read_text().split(",")
    return ",".join(jars) if all(Path(jar.removeprefix("file://")).is_file() for jar in jars) else ""


def _note(packages: str) -> Path | None:
    cache = cache_folder()
    return None if cache is None else cache / f"jars-{hashlib.sha256(packages.encode()).hexdigest()[:12]}.txt"
