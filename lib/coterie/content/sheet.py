"""A contact sheet: the images made for a segment, a row or more for each category."""

import io
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from coterie.content.pictures import of_png

_ENLARGED, _GAP, _MARGIN, _COLUMNS = 3, 4, 16, 10
_LABEL, _TITLE = 150, 56  # pixels for a row's words and for the title
_INK, _FAINT, _PAPER = "#1b1b1b", "#6a6a6a", "#ffffff"


def contact_sheet(title: str, note: str, images: Mapping[str, Sequence[bytes]], shares: Mapping[str, float], size: int) -> bytes:
    """A PNG: the title, a line below it, and the images (PNG of `size` pixels) of each category with its share."""
    side = size * _ENLARGED
    rows = [(name, pngs[start : start + _COLUMNS], start == 0) for name, pngs in images.items() for start in range(0, len(pngs), _COLUMNS)]
    columns = max((len(part) for _, part, _ in rows), default=1)
    width = max(2 * _MARGIN + _LABEL + columns * (side + _GAP), 2 * _MARGIN + 7 * len(note) + 20, 2 * _MARGIN + 11 * len(title))
    sheet = Image.new("RGB", (width, 2 * _MARGIN + _TITLE + len(rows) * (side + _GAP)), _PAPER)
    pen = ImageDraw.Draw(sheet)
    large, plain = ImageFont.load_default(20), ImageFont.load_default(13)
    pen.text((_MARGIN, _MARGIN), title, _INK, large)
    pen.text((_MARGIN, _MARGIN + 28), note, _FAINT, plain)
    for number, (name, part, is_first) in enumerate(rows):
        top = _MARGIN + _TITLE + number * (side + _GAP)
        if is_first:
            pen.text((_MARGIN, top + side // 2 - 16), name, _INK, plain)
            pen.text((_MARGIN, top + side // 2 + 2), f"{100 * shares.get(name, 0):.0f} %", _FAINT, plain)
        for column, png in enumerate(part):
            picture = Image.fromarray(of_png(png)).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(picture, (_MARGIN + _LABEL + column * (side + _GAP), top))
    target = io.BytesIO()
    sheet.save(target, "PNG")
    return target.getvalue()
