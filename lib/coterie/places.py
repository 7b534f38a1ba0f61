"""Texts that name a place: a path, an address of an object store or another file system, or a catalog's schema. Files that are written to one."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from coterie.errors import StorageError, UserError


def is_address(place: str) -> bool:
    """Whether a scheme begins it: s3://bucket/x, dbfs:/x, file:/x. A drive's letter, C:/, is none."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", place) is not None


def is_catalog(place: str) -> bool:
    """Whether it is `catalog.schema`; a file or folder of that name comes first."""
    return re.fullmatch(r"\w+\.\w+", place) is not None and not Path(place).exists()


def checked_file(out: Path, option: str, example: str) -> Path:
    """The file as it is given, where it can be written. Raises UserError where its folder is not there, or it is a folder itself."""
    with _writing(out):
        if out.is_dir():
            raise UserError(f"{option} '{out}' is a folder; give the name of the file to write, such as {out / example}")
        if not out.parent.is_dir():
            raise UserError(f"{option} '{out}': there is no folder '{out.parent}'; make it first, or give a file in one that is there")
    return out


def written_file(text: str, out: Path) -> Path:
    """Writes the file whole or not at all. Raises StorageError where the disk does not take it."""
    part = out.with_name(f".{out.name}.part")
    with _writing(out):
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(out)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise
    return out


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"'{out}' cannot be written ({error.strerror or error}); mend that, or give another file") from error
