"""Texts that name a place: a path, or an address of an object store or another file system."""

import re


def is_address(place: str) -> bool:
    """Whether a scheme begins it: s3://bucket/x, dbfs:/x, file:/x. A drive's letter, C:/, is none."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", place) is not None
