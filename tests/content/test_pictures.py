"""One picture: what it becomes, and why it is refused."""

import io
import struct

import numpy as np
import pytest
from tests.content.image_files import Image, idx, png

from coterie.content.pictures import PictureError, as_png, decoded, fitted, idx_images, idx_labels, image_id, of_png


def test_grey_becomes_three_equal_channels() -> None:
    pixels, channels = decoded(png(np.array([[0, 50], [100, 255]], np.uint8)), 2)
    assert channels == 1
    assert pixels.tolist() == [[[0, 0, 0], [50, 50, 50]], [[100, 100, 100], [255, 255, 255]]]


def test_sixteen_bits_become_eight_by_dividing() -> None:
    pixels, _ = decoded(png(np.array([[0, 257], [25700, 65535]], np.uint16)), 2)
    assert pixels[:, :, 0].tolist() == [[0, 1], [100, 255]]


def test_what_is_transparent_becomes_white() -> None:
    clear, red = (9, 9, 9, 0), (200, 0, 0, 255)
    pixels, channels = decoded(png(np.array([[clear, red], [red, clear]], np.uint8)), 2)
    assert channels == 4
    assert pixels.tolist() == [[[255, 255, 255], [200, 0, 0]], [[200, 0, 0], [255, 255, 255]]]


def test_a_wide_picture_is_fitted_whole_with_its_first_pixels_colour_around_it() -> None:
    wide = np.zeros((2, 4, 3), np.uint8)
    wide[:] = (10, 20, 30)
    wide[:, 2:] = (200, 200, 200)
    square = fitted(wide, 4)
    assert square[0].tolist() == [[10, 20, 30]] * 4
    assert square[3].tolist() == [[10, 20, 30]] * 4
    assert square[1, 0].tolist() == [10, 20, 30]
    assert square[1, 3].tolist() == [200, 200, 200]


@pytest.mark.parametrize("damaged", [False, True])
def test_a_jpeg_is_turned_as_its_exif_says_and_kept_as_it_lies_where_that_is_damaged(damaged: bool) -> None:
    # TIFF, little-endian, of two fields: orientation 6 (a quarter to the right), and a resolution that is the ratio at byte 38, or a text.
    resolution = struct.pack("<HHI4s", 0x11A, 2, 4, b"abc") if damaged else struct.pack("<HHII", 0x11A, 5, 1, 38)
    fields = struct.pack("<HHII", 0x112, 3, 1, 6) + resolution
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + fields + struct.pack("<III", 0, 72, 1)
    picture, target = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8).repeat(8, 1), 16, 0)), io.BytesIO()
    picture.save(target, "JPEG", exif=exif)
    pixels, channels = decoded(target.getvalue(), 16)
    assert channels == 1
    assert (pixels[0, 15, 0] > 200) == damaged  # turned to the right, what was on the left is above
    assert pixels[15, 15, 0] > 200


def test_a_png_comes_back_as_it_was() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert of_png(as_png(pixels)).tolist() == pixels.tolist()


def test_an_image_is_known_by_category_and_pixels() -> None:
    one, other = np.zeros((2, 2, 3), np.uint8), np.ones((2, 2, 3), np.uint8)
    assert image_id("bag", one) == image_id("bag", one.copy())
    assert len({image_id("bag", one), image_id("bag", other), image_id("coat", one)}) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty: the file has no bytes"),
        (b"GIF89a and so on", "unknown_format: the file begins with b'GIF89a a'"),
        (png(np.random.default_rng(1).integers(0, 255, (40, 40), np.uint8))[:700], "broken: "),
    ],
    ids=["empty", "another format", "truncated"],
)
def test_what_is_no_picture_is_refused_with_its_reason(content: bytes, said: str) -> None:
    with pytest.raises(PictureError, match=f"^{said.replace('[', '.')}"):
        decoded(content, 4)


def test_idx_files_are_read_and_a_short_one_is_refused(tmp_path) -> None:
    pictures = np.arange(12).reshape(3, 2, 2)
    idx(pictures, tmp_path, "images")
    idx(np.array([7, 0, 2]), tmp_path, "labels")
    content = (tmp_path / "images").read_bytes()
    assert idx_images(content).tolist() == pictures.tolist()
    assert idx_labels((tmp_path / "labels").read_bytes()).tolist() == [7, 0, 2]
    with pytest.raises(PictureError, match="expected 00000801 of IDX"):
        idx_labels(content)
    with pytest.raises(PictureError, match=r"^broken"):
        idx_images(content[:-4])
    plain = b"\0\0\x08\x01\0\0\0\x05\x01\x02"
    with pytest.raises(PictureError, match="2 bytes of pixels or labels, expected 5"):
        idx_labels(plain)
