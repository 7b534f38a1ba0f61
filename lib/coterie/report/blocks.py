"""What a section of the page is made of."""

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from coterie.report import words

Kind = Literal["text", "number", "share", "money", "day", "duration"]


_WRITTEN: dict[Kind, Callable[[Any], str]] = {
    "share": words.percent,
    "money": lambda value: f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}",
    "duration": words.duration,
}


def cell(value: Any, kind: Kind) -> str:
    """A value of a table as a reader sees it."""
    if value is None or not isinstance(value, int | float | Decimal):
        return "" if value is None else str(value)
    return "" if math.isnan(value) else _WRITTEN.get(kind, words.plain)(value)


@dataclass(frozen=True)
class Column:
    """A column of a table; `kind` decides how a value is written and sorted. `wide`: may take several lines."""

    title: str
    kind: Kind = "text"
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of plain values under columns. `note`: date, window and unit of what it shows."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    marked: frozenset[int] = frozenset()  # rows that stand out

    kind = "table"

    def texts(self) -> list[list[str]]:
        """The rows as they are read."""
        return [[cell(value, column.kind) for value, column in zip(row, self.columns, strict=True)] for row in self.rows]


@dataclass(frozen=True)
class Chart:
    """A chart and the table of what it shows. `figure` is Plotly's: data and layout, colours as var(--name) of the style sheet."""

    id: str
    title: str
    note: str
    figure: Mapping[str, Any]
    table: Table
    height: int = 320

    kind = "chart"


@dataclass(frozen=True)
class Picker:
    """Several charts of one shape, of which one is shown: (name, words, figure) each. Their numbers stand in a table of the section."""

    id: str
    title: str
    note: str
    label: str
    options: Sequence[tuple[str, str, Mapping[str, Any]]]
    height: int = 320

    kind = "picker"


@dataclass(frozen=True)
class Figure:
    """A number to be seen from afar."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Figures:
    figures: Sequence[Figure]

    kind = "figures"


@dataclass(frozen=True)
class Text:
    """A paragraph; `is_missing`: it says what is not there."""

    text: str
    is_missing: bool = False

    kind = "text"


@dataclass(frozen=True)
class Points:
    """A few sentences, each with what it is about in bold."""

    points: Sequence[tuple[str, str]]

    kind = "points"


@dataclass(frozen=True)
class Cards:
    cards: Sequence[Mapping[str, Any]]

    kind = "cards"


@dataclass(frozen=True)
class Folded:
    """Blocks that are there when asked for."""

    title: str
    blocks: Sequence[Any]

    kind = "folded"


@dataclass(frozen=True)
class Section:
    """`short`: its name in the table of contents; `lead`: what it says, in a sentence or two."""

    id: str
    title: str
    short: str
    lead: str
    blocks: Sequence[Any] = field(default=())


@dataclass(frozen=True)
class Facts:
    """What sections are made from: the small frames by name (None: a table or column of it is not there), and whose and when.

    `absent`: for each frame that is None the tables that it lacked.
    """

    as_of: datetime.date
    currency: str
    small: Mapping[str, list[dict[str, Any]] | None]
    absent: Mapping[str, Sequence[str]]
    runs: Sequence[Mapping[str, Any]]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a small frame; none where it is not there."""
        return self.small.get(name) or []

    def missing(self, name: str, job: str, what: str) -> Text | None:
        """A sentence where a small frame has no rows, and why; None where it has some."""
        if self.rows(name):
            return None
        lacking = self.absent.get(name)
        if lacking:
            tables = " and ".join(lacking)
            return Text(f"{what} cannot be shown: the lake has no table {tables}. The job that writes it is `coterie {job}`.", is_missing=True)
        return Text(f"{what} cannot be shown: there are no rows as of {self.as_of}. The job that writes them is `coterie {job}`.", is_missing=True)
