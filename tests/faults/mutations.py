"""Bad input by name: what can be wrong with a value, with the bytes of a text file, and with the name of a file.

Each table is name -> function of a seeded generator and what is good, so that a campaign with the same seed makes the same files.
"""

import bz2
import csv
import gzip
import io
import json
import random
from collections.abc import Callable

Row = dict[str, str]
COLUMNS = ("event_id", "customer_id", "item_id", "event_type", "occurred_at", "quantity", "unit_price", "currency", "country", "text")
NEEDED = ("event_id", "customer_id", "event_type", "occurred_at")  # without these the mapping of the package refuses a file
_KINDS = {"purchase": "1", "view": "", "cart": "", "return": "-1", "cancel": "-2", "review": ""}

STRANGE = (
    "", " ", "\t", "null", "NULL", "None", "nan", "NaN", "Infinity", "-inf", "0", "-0", "00", "1e400", "1e-400", "0x1F", "1_000", "1,5", "1.234,50",
    "１２", "½", "9" * 20, "9" * 400, "-" + "9" * 38, "1" + "0" * 13, "1.00005", "true", "[]", "{}", '{"a":{"b":[1,{"c":null}]}}', "=1+1", "+49", "@x",
    "'; DROP TABLE events; --", "`", "``", "$.x", "%s%n", "%20", "../../etc", "C:\\x\\", "\\", "\\N", '"', '""', '"""', "'", "a,b;c|d", "a\nb", "a\r\nb", "\n",
    "\ufeffx", "\u200b", "\u202eabc", "a\u0301", "Zoë", "灯", "🐟👩‍👩‍👧", "\u0001\u0007", "\u2028", "\ufffd", "ﬀ", "İ", "<script>", "#", "//", "x" * 600,
)  # fmt: skip
MOMENTS = (
    "2024-02-30", "2024-13-01T00:00:00Z", "2024-01-01T25:00:00Z", "0000-00-00", "0001-01-01", "9999-12-31T23:59:59.999999999Z", "10000-01-01", "1969-12-31",
    "294247-01-10T04:00:54Z", "-290308-12-21T19:59:06Z", "+294247-01-10", "9999999-01-01", "-0044-03-15", "2024-03-31T02:30:00", "2024-01-01T00:00:00+19:00",
    "2024-01-01T00:00:00 Europe/Berlin", "2024-01-01T00:00:00 Nowhere/Land", "12:00", "now", "today", "epoch", "1704067200", "20240101", "01/02/2024",
    "2024-1-1", "2024-01-01T00:00:60Z", "2024-01-01 00:00:00 ", " 2024-01-01", "２０２４-01-01", "2024–01–01", "2024-W01-1", "2024-01-01T00:00:00Zjunk",
)  # fmt: skip


def good_row(rng: random.Random, name: str) -> Row:
    """An event that is accepted."""
    kind = rng.choice(sorted(_KINDS))
    at = f"2024-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:00:00Z"
    values = (name, f"c{rng.randint(1, 50)}", f"i{rng.randint(1, 20)}", kind, at, _KINDS[kind], "2.50" if _KINDS[kind] else "", "EUR", "DE", "fine")
    return dict(zip(COLUMNS, values, strict=True))


def _huge(rng: random.Random, value: str) -> str:
    return rng.choice("x,\"\n é") * rng.choice((1_000, 20_000, 100_000))


def _deep(rng: random.Random, value: str) -> str:
    depth = rng.choice((3, 90, 1100))
    return '{"a":' * depth + "1" + "}" * depth


def _noise(rng: random.Random, value: str) -> str:
    return "".join(chr(rng.choice((rng.randint(1, 126), rng.randint(0xA0, 0xD7FF), rng.randint(0x10000, 0x10FFFF)))) for _ in range(rng.randint(1, 30)))


VALUES: dict[str, Callable[[random.Random, str], str]] = {
    "strange": lambda rng, value: rng.choice(STRANGE),
    "moment": lambda rng, value: rng.choice(MOMENTS),
    "around": lambda rng, value: rng.choice(STRANGE) + value,
    "behind": lambda rng, value: value + rng.choice(STRANGE),
    "missing": lambda rng, value: "",
    "huge": _huge,
    "deep": _deep,
    "noise": _noise,
    "case": lambda rng, value: value.upper() if rng.random() < 0.5 else value.title(),
    "number": lambda rng, value: str(rng.choice((rng.uniform(-1e9, 1e9), rng.randint(-(10**20), 10**20), rng.random() * 10.0 ** rng.randint(-30, 300)))),
}


def bad_row(rng: random.Random, name: str) -> Row:
    """An event with one to three values changed."""
    row = good_row(rng, name)
    for _ in range(rng.randint(1, 3)):
        column = rng.choice(COLUMNS)
        row[column] = VALUES["moment" if column == "occurred_at" and rng.random() < 0.7 else rng.choice(sorted(VALUES))](rng, row[column])
    return row


def as_csv(rows: list[Row]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_json(rows: list[Row]) -> bytes:
    """Numbers as numbers, where they are; nothing for an empty value."""

    def value(name: str, text: str) -> object:
        return int(text) if name == "quantity" and text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 4000 else text

    lines = [json.dumps({name: value(name, text) for name, text in row.items() if text}, ensure_ascii=len(row["text"]) % 2 == 0) for row in rows]
    return "".join(line + "\n" for line in lines).encode()


def _cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randint(0, max(len(content) - 1, 0))]


def _bytes(rng: random.Random, content: bytes) -> bytes:
    found = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        if found:
            found[rng.randrange(len(found))] = rng.randint(1, 255)
    return bytes(found)


def _inserted(*pieces: bytes) -> Callable[[random.Random, bytes], bytes]:
    """One of the pieces somewhere."""

    def mutate(rng: random.Random, content: bytes) -> bytes:
        place = rng.randint(0, len(content))
        return content[:place] + rng.choice(pieces) + content[place:]

    return mutate


def _lines(change: Callable[[random.Random, list[bytes]], list[bytes]]) -> Callable[[random.Random, bytes], bytes]:
    return lambda rng, content: b"\n".join(change(rng, content.split(b"\n")))


def _recoded(encoding: str) -> Callable[[random.Random, bytes], bytes]:
    return lambda rng, content: content.decode("utf-8", "replace").encode(encoding, "replace")


def _line_added(rng: random.Random, lines: list[bytes]) -> list[bytes]:
    place = rng.randint(0, len(lines))
    return [*lines[:place], rng.choice((b"", b"   ", b"\t", b",,,", lines[0], b"# note", b"null", b"[]", b'"', b"\x1a")), *lines[place:]]


def _glued(rng: random.Random, lines: list[bytes]) -> list[bytes]:
    """Two lines become one: the newline between them was lost."""
    place = rng.randrange(max(len(lines) - 1, 1))
    return [*lines[:place], rng.choice((b"", b" ", b",", b"\t")).join(lines[place : place + 2]), *lines[place + 2 :]]


def _endings(rng: random.Random, content: bytes) -> bytes:
    ending = rng.choice((b"\r\n", b"\r", b"mixed", b"\n\n", b"\xe2\x80\xa8"))
    if ending != b"mixed":
        return content.replace(b"\n", ending)
    return b"".join(line + rng.choice((b"\n", b"\r\n")) for line in content.split(b"\n"))


TEXT: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "untouched": lambda rng, content: content,
    "cut": _cut,
    "empty": lambda rng, content: rng.choice((b"", b"\n", b" \r\n", b"\xef\xbb\xbf")),
    "bytes": _bytes,
    "zeros": _inserted(b"\0", b"\0" * 100),
    "broken utf-8": _inserted(b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x90"),
    "quote": _inserted(b'"', b'""', b"'", b'\\"', b'",', b',"', b'"\n', b"`"),
    "delimiter": _inserted(b",", b";", b"\t", b"," * 300, b"," * 30_000),
    "long": _inserted(b"x" * 70_000, b"\xc3\xa9" * 300_000),
    "mark": lambda rng, content: b"\xef\xbb\xbf" + content,
    "latin-1": _recoded("latin-1"),
    "utf-16": _recoded("utf-16"),
    "utf-16-le": _recoded("utf-16-le"),
    "utf-7": _recoded("utf-7"),
    "endings": _endings,
    "line added": _lines(_line_added),
    "line lost": _lines(lambda rng, lines: [line for place, line in enumerate(lines) if place != rng.randrange(len(lines))]),
    "lines shuffled": _lines(lambda rng, lines: rng.sample(lines, len(lines))),
    "lines glued": _lines(_glued),
    "line broken": _inserted(b"\n", b"\r", b"\r\n"),
    "repeated": lambda rng, content: content * rng.randint(2, 3),
    "nested": _inserted(b'{"a":', b"[" * 2000, b'{"a":' * 1500, b"}", b"]}", b'{"a":1}', b'}{"event_id":"x"}'),
    "semicolons": lambda rng, content: content.replace(b",", rng.choice((b";", b"\t", b"|"))),
}

PACKED: dict[str, Callable[[random.Random, bytes], bytes]] = {
    ".gz": lambda rng, content: rng.choice((_same, _cut, _bytes))(rng, gzip.compress(content, mtime=0)),
    ".bz2": lambda rng, content: rng.choice((_same, _cut, _bytes))(rng, bz2.compress(content)),
}


def _same(rng: random.Random, content: bytes) -> bytes:
    return content


# Changes to the first line of a CSV file. Each makes one of few headers: a tree whose every file had columns of its own would be no input of a shop.
HEADERS: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "in quotes": lambda header: ",".join(f'"{name}"' for name in header.split(",")),
    "blank around": lambda header: header.replace(",", " , "),
    "column lost": lambda header: header.replace(",event_type", ""),
    "column twice": lambda header: header.replace("country", "currency"),
    "column renamed": lambda header: header.replace("currency", "Währung"),
    "column more": lambda header: header + ",more",
    "names empty": lambda header: header.replace("quantity", "").replace("text", ""),
    "name empty": lambda header: header.replace("text", ""),
    "own names": lambda header: header.replace("country", "_raw").replace("text", "_source_file").replace("currency", "_is_malformed"),
    "inner names": lambda header: header.replace("country", "_broken").replace("text", "_metadata").replace("currency", "_c8"),
    "sql names": lambda header: header.replace("country", "a`b.c").replace("text", "'; DROP TABLE x --"),
    "one letter": lambda header: header.replace("country", "ſ").replace("text", "S"),
    "lost": lambda header: "",
}

NAMES = (
    "plain", "with blank", "100%", "a%20b", "a+b", "#1", "q?x=1", "[1]", "{a,b}", "star*", "back\\slash", "quo'te", 'dou"ble', "tick`", "semi;colon", "Zoë",
    "灯", "🐟", "..x", "a..b", "-rf", "10:30", "line\nbreak", "tab\tin", "x=1", "~", "$HOME", "&amp;", "<b>", "^", "=cmd",
)  # fmt: skip
