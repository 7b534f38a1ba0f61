"""Delta's JARs of a local session: found by Spark's package resolver once, then started from where they lie, which is seconds sooner."""

import hashlib
from pathlib import Path

from coterie.java import cache_folder


def known_jars(packages: str) -> str:
    """The JARs that the resolver once found for these Maven coordinates, as `spark.jars` wants them; empty where they are not all there."""
    note = _note(packages)
    if note is None or not note.exists():
        return ""
    jars = note.read_text().split(",")
    return ",".join(jars) if all(Path(jar.removeprefix("file://")).is_file() for jar in jars) else ""


def remember_jars(packages: str, jars: str) -> None:
    """Notes what the resolver found, whole or not at all."""
    note = _note(packages)
    if note is None or not jars:
        return
    part = note.with_suffix(".part")
    part.write_text(jars)
    part.replace(note)


def _note(packages: str) -> Path | None:
    cache = cache_folder()
    return None if cache is None else cache / f"jars-{hashlib.sha256(packages.encode()).hexdigest()[:12]}.txt"
