"""The place that training data, checkpoints and weights lie at: a folder or an object store, seen by the driver and every worker."""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import fs

from coterie.errors import UserError
from coterie.places import is_address


@dataclass(frozen=True)
class Place:
    """A folder of a file system that pyarrow reaches: `address` is a path, or an address such as s3://bucket/folder."""

    address: str

    def _found(self) -> tuple[Any, str]:
        if not is_address(self.address):
            return fs.LocalFileSystem(), str(Path(self.address).absolute())
        try:
            found, path = fs.FileSystem.from_uri(self.address.replace("s3a://", "s3://"))
        except ValueError as error:
            raise UserError(f"'{self.address}' is no address that pyarrow reaches ({error}): name a folder, or an address such as s3://bucket/folder") from None
        return found, path

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None where it is not there."""
        system, folder = self._found()
        if system.get_file_info(f"{folder}/{name}").type != fs.FileType.File:
            return None
        with system.open_input_stream(f"{folder}/{name}") as file:
            content: bytes = file.read()
        return content

    def write(self, name: str, content: bytes) -> None:
        """Puts the bytes in the file's place, in one move at the end: whatever fails before leaves what was there. Raises OSError."""
        system, folder = self._found()
        system.create_dir(folder, recursive=True)
        try:
            with system.open_output_stream(f"{folder}/{name}.part") as file:
                file.write(content)
            if isinstance(system, fs.LocalFileSystem):  # else a power cut could leave the new name with nothing behind it
                with Path(folder, f"{name}.part").open("rb+") as written:
                    os.fsync(written.fileno())
        except OSError:
            if system.get_file_info(f"{folder}/{name}.part").type == fs.FileType.File:
                system.delete_file(f"{folder}/{name}.part")
            raise
        system.move(f"{folder}/{name}.part", f"{folder}/{name}")

    def remove(self, name: str) -> None:
        system, folder = self._found()
        if system.get_file_info(f"{folder}/{name}").type == fs.FileType.File:
            system.delete_file(f"{folder}/{name}")

    def read_json(self, name: str) -> Any:
        content = self.read(name)
        return None if content is None else json.loads(content)

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, ensure_ascii=False).encode())

    def write_table(self, name: str, table: pa.Table) -> None:
        """One Parquet file."""
        target = io.BytesIO()
        pq.write_table(table, target)
        self.write(name, target.getvalue())

    def batches(self, part: int, parts: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """The rows of every `parts`-th Parquet file below the folder, from number `part` on, files by name."""
        system, folder = self._found()
        listed = system.get_file_info(fs.FileSelector(folder, recursive=True))
        names = sorted(info.path for info in listed if info.type == fs.FileType.File and info.path.endswith(".parquet"))
        for name in names[part::parts]:
            yield from pq.ParquetFile(name, filesystem=system).iter_batches(columns=columns)


def read_pixels(place: Place, part: int, parts: int, is_test: bool | None = False) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(n, 3, size, size) pixels and (n,) labels of a part's images, in the order of its files. `is_test` None: of all."""
    from coterie.content.pictures import of_png  # noqa: PLC0415 - Pillow is the extra's

    pixels, labels = [], []
    for batch in place.batches(part, parts, ["label", "is_test", "png"]):
        for label, kept, png in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if is_test is None or kept == is_test:
                pixels.append(of_png(png).transpose(2, 0, 1))
                labels.append(label)
    return (np.stack(pixels) if pixels else np.zeros((0, 3, 1, 1), np.uint8)), np.array(labels, np.int64)
