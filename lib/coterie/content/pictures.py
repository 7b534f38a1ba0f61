"""One picture at a time: files to pixels, pixels to PNG. No Spark, no torch."""

import gzip
import hashlib
import io
import math
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from coterie.errors import first_line

Pixels = NDArray[np.uint8]

_FORMATS = ("PNG", "JPEG")
_LABELS, _IMAGES = 0x801, 0x803  # of IDX: bytes in one and in three dimensions
_MOST_PIXELS = 50_000_000  # a picture above it would take a task's memory


class PictureError(Exception):
    """The bytes are no picture that can be used: a code, a colon, what was found."""


def decoded(content: bytes, size: int) -> tuple[Pixels, int]:
    """(size, size, 3) pixels of a PNG or JPEG, and the channels that it had.

    Fitted as `fitted` does it. Grey becomes three equal channels, 16 bits
    become 8, transparency becomes white. Raises PictureError.
    """
    if not content:
        raise PictureError("empty: the file has no bytes")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if math.prod(image.size) > _MOST_PIXELS:
                raise PictureError(f"too_large: {image.size[0]} x {image.size[1]} pixels, at most {_MOST_PIXELS} in all")
            image.load()
            channels, upright = len(image.getbands()), _upright(image)
            colour = _in_colour(upright)
    except UnidentifiedImageError:
        raise PictureError(f"unknown_format: the file begins with {content[:8]!r}, expected PNG or JPEG") from None
    except (OSError, SyntaxError, ValueError, zlib.error, Image.DecompressionBombError) as error:
        raise PictureError(f"broken: {first_line(error)[:200]}") from None
    return fitted(np.asarray(colour), size), channels


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; as it lies in the file where its EXIF is damaged."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow passes on whatever its reading and writing of damaged fields comes to: struct.error, TypeError, ...
        return image


def fitted(pixels: Pixels, size: int) -> Pixels:
    """(height, width, 3) pixels fitted whole into a square; what is left over has the colour of the first pixel."""
    if pixels.shape[:2] == (size, size):
        return pixels
    corner = tuple(int(value) for value in pixels[0, 0])
    return np.asarray(ImageOps.pad(Image.fromarray(pixels), (size, size), Image.Resampling.LANCZOS, corner))


def _in_colour(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits; Pillow would cut off what is above 255
        return Image.fromarray((np.asarray(image, np.uint32).clip(0, 65535) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    return image.convert("RGB")


def as_png(pixels: Pixels) -> bytes:
    """(height, width, 3) pixels as PNG."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", compress_level=6)
    return target.getvalue()


def of_png(content: bytes) -> Pixels:
    """(height, width, 3) pixels of what `as_png` gave."""
    return np.asarray(Image.open(io.BytesIO(content)))


def image_id(category: str, pixels: Pixels) -> str:
    """SHA-256 of both: the same picture of the same category is the same image."""
    return hashlib.sha256(category.encode() + b"\0" + pixels.tobytes()).hexdigest()


def idx_images(content: bytes) -> Pixels:
    """(n, height, width) grey pixels of an IDX file, compressed or not. Raises PictureError."""
    return _idx(content, _IMAGES, 3)


def idx_labels(content: bytes) -> Pixels:
    """(n,) labels of an IDX file, compressed or not. Raises PictureError."""
    return _idx(content, _LABELS, 1)


def _idx(content: bytes, magic: int, dimensions: int) -> Pixels:
    try:
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise PictureError(f"broken: {error}") from None
    start = 4 + 4 * dimensions
    if len(plain) < start or int.from_bytes(plain[:4], "big") != magic:
        raise PictureError(f"unknown_format: the file begins with {plain[:4].hex()}, expected {magic:08x} of IDX")
    shape = tuple(int(part) for part in np.frombuffer(plain, ">u4", dimensions, 4))
    if len(plain) != start + math.prod(shape):
        raise PictureError(f"broken: {len(plain) - start} bytes of pixels or labels, expected {' x '.join(map(str, shape))}")
    return np.frombuffer(plain, np.uint8, offset=start).reshape(shape)
