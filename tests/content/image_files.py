"""Small pictures in files, for the tests of this room."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image", reason="Pillow is missing: install the extra `content`")


def png(pixels: object, mode: str | None = None) -> bytes:
    target = io.BytesIO()
    picture = Image.fromarray(np.asarray(pixels))
    (picture.convert(mode) if mode else picture).save(target, "PNG")
    return target.getvalue()


def idx(numbers: np.ndarray, folder: Path, name: str) -> None:
    """An IDX file: bytes with the shape before them."""
    head = (0x800 + numbers.ndim).to_bytes(4, "big") + b"".join(size.to_bytes(4, "big") for size in numbers.shape)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(gzip.compress(head + numbers.astype(np.uint8).tobytes()))


def striped(count: int, across: bool, seed: int, size: int = 8) -> np.ndarray:
    """(count, size, size) grey pictures of one bright stripe on black, across or down, with some noise."""
    chance = np.random.default_rng(seed)
    pictures = chance.integers(0, 60, (count, size, size))
    for picture, at in zip(pictures, chance.integers(1, size - 2, count), strict=True):
        picture[at : at + 2] = 220
    return (pictures if across else pictures.transpose(0, 2, 1)).astype(np.uint8)


def stripes_by_folder(folder: Path, count: int) -> None:
    """So many pictures of each of two categories, `across` and `down`."""
    for number, name in enumerate(("across", "down")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index, picture in enumerate(striped(count, name == "across", number)):
            (folder / name / f"{index:04d}.png").write_bytes(png(picture))
