"""A source mapping: a TOML file that says which column of a shop's files is which column of an event, an item, a customer."""

import re
import zoneinfo
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from coterie.errors import MappingError, SettingsError, one_of
from coterie.schemas import EVENT_TYPES
from coterie.settings import conf_folder, is_file, read_toml, shown

# What a mapping can fill, and as what each is read: the names are those of the tables, item_title and item_category aside.
TARGETS: dict[str, dict[str, str]] = {
    "events": {
        "source_event_id": "text", "customer_id": "text", "item_id": "text", "event_type": "text", "occurred_at": "instant",
        "quantity": "number", "unit_price": "number", "revenue": "number", "currency": "text", "order_id": "text", "session_id": "text",
        "channel": "text", "country": "text", "query": "text", "rating": "number", "text": "text",
        "item_title": "text", "item_category": "text",
    },
    "items": {
        "item_id": "text", "title": "text", "category": "text", "price": "number", "first_listed_on": "date", "is_sellable": "boolean",
    },
    "customers": {
        "customer_id": "text", "valid_from": "date", "country": "text", "birth_year": "whole", "gender": "text", "joined_on": "date",
    },
}  # fmt: skip
REQUIRED = {"events": ("customer_id", "event_type", "occurred_at"), "items": ("item_id",), "customers": ("customer_id",)}
ENCODINGS = ("UTF-8", "UTF-16", "UTF-16BE", "UTF-16LE", "UTF-32", "ISO-8859-1", "US-ASCII")  # those that Spark decodes
Texts = Annotated[tuple[str, ...], Field(strict=False)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Files(_Model):
    """Which files, and how they are written. `folder` lies in the input folder; a pattern is matched against a file's name."""

    folder: str = ""
    pattern: str = "*"
    format: Literal["auto", "csv", "json", "parquet", "delta"] = "auto"  # auto: by the ending of each file's name
    encoding: str = "UTF-8"
    delimiter: str = ","  # "whitespace": any run of blanks
    quote: str = '"'
    header: bool = True
    columns: Texts = ()  # names, in order, where there is no header


class Entry(_Model):
    """Where one target comes from: a source column, a constant, or a Spark SQL expression over the source columns.

    An expression fails the job where it raises: use try_cast and try_divide. `_source_file` is a column too.
    """

    column: str | None = None
    value: str | int | float | bool | None = None
    expression: str | None = None
    optional: bool = False  # files without the column are right: it is null there
    default: str | int | float | bool | None = None  # in place of a null
    trim: bool = False
    upper: bool = False
    lower: bool = False
    strip_suffix: str = ""
    formats: Texts = ()  # of dates: Spark's datetime patterns, tried in turn; none: ISO 8601
    decimal: Literal[".", ","] = "."  # "," reads 1.234,50


class TypeRule(_Model):
    """Rows for which the SQL condition holds are events of this type; the first rule that holds decides."""

    when: str
    is_: str = Field(alias="is")


class Rejection(_Model):
    """Rows for which the SQL condition holds are rejected for this reason."""

    when: str
    reason: str


class Part(_Model):
    """Files of one kind and their columns."""

    files: Files = Files()
    columns: dict[str, Entry]


class Mapping(_Model):
    """The whole. `key` names the source columns that make a row the same event where the source has no id: none means all of them."""

    name: str
    description: str
    shop: dict[str, str] = {}  # the settings of section [shop] that go with the source
    time_zone: str = ""  # of timestamps that carry no offset; "" is the shop's
    identical_rows: Literal["separate", "repeats"] = "separate"  # equal rows within one file, where the source has no id
    signs: Literal["as_read", "by_event_type"] = "as_read"  # by_event_type: quantities of returns and cancels are made negative
    key: Texts = ()
    files: Files = Files()
    columns: dict[str, Entry]
    event_type: Annotated[tuple[TypeRule, ...], Field(strict=False)] = ()
    reject: Annotated[tuple[Rejection, ...], Field(strict=False)] = ()
    items: Part | None = None
    customers: Part | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """The kinds of files there are, events first."""
        found = {"events": Part(files=self.files, columns=self.columns), "items": self.items, "customers": self.customers}
        return {kind: part for kind, part in found.items() if part is not None}

    def conditions(self, kind: str) -> list[str]:
        """The SQL of the rules, which are about events only."""
        return [*(rule.when for rule in self.event_type), *(rule.when for rule in self.reject)] if kind == "events" else []

    def needed_columns(self, kind: str) -> list[str]:
        """Source columns without which a file of this kind is refused."""
        named = [entry.column for entry in self.parts[kind].columns.values() if entry.column is not None and not entry.optional]
        return list(dict.fromkeys([*named, *(self.key if kind == "events" else ())]))

    def possible_columns(self, kind: str) -> list[str]:
        """Every name that may be a source column: those named, and each word of the expressions. JSON is read by these."""
        entries = self.parts[kind].columns.values()
        sql = " ".join([*(entry.expression or "" for entry in entries), *self.conditions(kind)])
        words = re.findall(r"`([^`]+)`|\b([A-Za-z_]\w*)", re.sub(r"'(?:[^'\\]|\\.)*'", "''", sql))
        named = [entry.column for entry in entries if entry.column is not None]
        return list({name.lower(): name for name in [*(quoted or bare for quoted, bare in words), *self.key, *named]}.values())


def load_mapping(place: str | Path | Traversable) -> Mapping:
    """The mapping in a TOML file: a path, or the name of one in `conf/sources`. Raises MappingError for whatever is wrong with it."""
    source = _file_of(place)
    try:
        values = read_toml(source)
    except SettingsError as error:
        hint = "; each key, and so each target, may be given once" if "annot " in str(error) else ""
        raise MappingError(f"{error}{hint}") from None
    try:
        mapping = Mapping.model_validate(values)
    except pydantic.ValidationError as error:
        raise MappingError(f"mapping '{place}': " + "; ".join(_explained(dict(found)) for found in error.errors())) from None
    problems = list(_problems(mapping))
    if problems:
        raise MappingError(f"mapping '{place}': " + "; ".join(problems))
    return mapping


def _file_of(place: str | Path | Traversable) -> Path | Traversable:
    source = Path(place) if isinstance(place, str) else place
    if isinstance(place, str) and not is_file(source):
        folder = conf_folder() / "sources"
        known = [entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")]
        if place not in known:
            raise MappingError(f"there is no mapping '{place}': neither a TOML file, nor one of conf/sources; {one_of(place, known)}")
        return folder / f"{place}.toml"
    return source


def _explained(error: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {shown(where)}; {one_of(str(error['loc'][-1]), _keys_beside(error['loc'][:-1]))}"
    if error["type"] == "missing":
        return f"{shown(where)} is missing"
    return f"{shown(where)} is {shown(error['input'])}; expected: {error['msg']}"


def _keys_beside(parents: tuple[str | int, ...]) -> list[str]:
    """The keys known below `parents`."""
    names = [str(part) for part in parents]
    model: type[BaseModel] = Mapping
    if "files" in names:
        model = Files
    elif "columns" in names:
        model = Entry
    elif names:
        rules: dict[str, type[BaseModel]] = {"event_type": TypeRule, "reject": Rejection}
        model = rules.get(names[0], Part)
    return [field.alias or name for name, field in model.model_fields.items()]


def _file_problems(files: Files, where: str) -> Iterator[str]:
    if files.encoding.upper().replace("_", "-") not in ENCODINGS:
        yield f"{where}.encoding is {shown(files.encoding)}; {one_of(files.encoding, ENCODINGS)}"
    if files.delimiter != "whitespace" and (len(files.delimiter) != 1 or files.delimiter in f"\r\n\0\\{files.quote}"):
        yield f"{where}.delimiter is {shown(files.delimiter)}; expected one character that is neither the quote nor a backslash or newline, or 'whitespace'"
    if len(files.quote) > 1 or files.quote in {"\r", "\n", "\0"}:
        yield f"{where}.quote is {shown(files.quote)}; expected one character, or none"
    if ".." in files.folder.split("/") or files.folder.startswith("/") or "\0" in files.folder:
        yield f"{where}.folder is {shown(files.folder)}; expected a folder in the input folder"
    if not files.pattern or any(files.pattern.count(opening) != files.pattern.count(closing) for opening, closing in ("[]", "{}")) or "\0" in files.pattern:
        yield f"{where}.pattern is {shown(files.pattern)}; expected a pattern of file names, such as *.csv, with its brackets closed"


def _problems(mapping: Mapping) -> Iterator[str]:
    """What the types alone cannot tell."""
    for kind, part in mapping.parts.items():
        prefix = "columns" if kind == "events" else f"{kind}.columns"
        for target, entry in part.columns.items():
            if target not in TARGETS[kind]:
                yield f"unknown target {shown(f'{prefix}.{target}')}; {one_of(target, TARGETS[kind])}"
                continue
            given = [name for name in ("column", "value", "expression") if getattr(entry, name) is not None]
            if len(given) != 1:
                yield f"'{prefix}.{target}' has {' and '.join(given) or 'none'} of column, value and expression; expected exactly one"
        missing = [target for target in REQUIRED[kind] if target not in part.columns]
        if missing:
            yield f"{kind} need {', '.join(f'{prefix}.{target}' for target in missing)}"
        yield from _file_problems(part.files, "files" if kind == "events" else f"{kind}.files")
        if not part.files.header and not part.files.columns:
            yield f"files of {kind} have no header: give their names in files.columns"
    for rule in mapping.event_type:
        if rule.is_ not in EVENT_TYPES:
            yield f"event_type rule makes {shown(rule.is_)}; {one_of(rule.is_, EVENT_TYPES)}"
    if "source_event_id" in mapping.columns and (mapping.key or mapping.identical_rows == "repeats"):
        yield "columns.source_event_id says which rows are the same event: leave out key and identical_rows"
    if mapping.time_zone and mapping.time_zone not in zoneinfo.available_timezones():
        yield f"time_zone is {shown(mapping.time_zone)}; expected an IANA name such as Europe/London"
