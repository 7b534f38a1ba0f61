"""Texts that name a place: a path, an address of an object store or another file system, or a catalog's schema."""

import re
from pathlib import Path


def is_address(place: str) -> bool:
    """Whether a scheme begins it: s3://bucket/x, dbfs:/x, file:/x. A drive's letter, C:/, is none."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", place) is not None


def is_catalog(place: str) -> bool:
    """Whether it is `catalog.schema`; a file or folder of that name comes first."""
    return re.fullmatch(r"\w+\.\w+", place) is not None and not Path(place).exists()
