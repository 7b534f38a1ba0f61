"""A mapping applied: the source's columns become the columns of events, items or customers, not typed yet."""

import re

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from coterie.errors import MappingError, first_line, one_of
from coterie.sources.mapping import TARGETS, Entry, Mapping
from coterie.sources.read import FILE, MALFORMED, RAW, quoted

KEY, REASONS = "_key", "_reasons"
# Types that a number, a date or a truth may come in; of all others the text is taken, which may be none.
_READ_AS: dict[str, tuple[type[T.DataType], ...]] = {
    "number": (T.NumericType, T.BooleanType),
    "whole": (T.NumericType, T.BooleanType),
    "boolean": (T.NumericType, T.BooleanType),
    "date": (T.DateType, T.TimestampType, T.TimestampNTZType),
}
_FAR = 9_000_000_000_000_000_000  # microseconds from 1970: beyond it Spark's arithmetic on instants ends the job
_TO_INSTANT = re.compile(r"\bto_timestamp(_ltz)?\s*\(", re.IGNORECASE)
_HAS_ZONE = r":\d{1,2}(\.\d+)?\s*([A-Za-z]|[+-]\d)"  # Z, +01:00, UTC, GMT+1, Europe/Paris


def mapped(rows: DataFrame, mapping: Mapping, kind: str, shop_time_zone: str) -> DataFrame:
    """Rows of `read_rows` as `_source_file`, `_raw`, `_is_malformed`, `_key` (what makes the row the same event, where the mapping
    names key columns; else null), `_reasons` (array of the mapping's own reasons to reject it) and every target of the kind.

    Texts are strings; instants are timestamps, beside them as `_occurred_at` the text they were read from; numbers, dates and
    booleans are what the source has, or strings with a decimal point; the date of an instant is the shop's. A target that the mapping does
    not fill is a null string.
    Raises MappingError for an expression that Spark cannot resolve over the columns found.
    """
    entries = mapping.parts[kind].columns
    kinds = {field.name.lower(): field.dataType for field in rows.schema.fields}
    zone = mapping.time_zone or shop_time_zone
    columns: list[Column] = [F.col(FILE), F.col(RAW), F.col(MALFORMED), _key(mapping, kind), _reasons(mapping, kind)]
    for target, what in TARGETS[kind].items():
        value, type_ = _value(rows, mapping, target, entries.get(target), kinds)
        if what == "date" and isinstance(type_, T.TimestampType):
            value, type_ = F.from_utc_timestamp(_near(value), shop_time_zone).cast("date"), T.DateType()
        if target == "event_type" and mapping.event_type:
            value = _typed_by_rules(mapping, value)
        if what == "instant":
            _refuse_bare_times(mapping, target, entries.get(target), zone)
            columns += [instant(value, type_, entries[target].formats, zone).alias(target), value.cast("string").alias(f"_{target}")]
        elif what == "date" and target in entries and entries[target].formats:
            columns.append(instant(value, type_, entries[target].formats, "UTC").cast("date").alias(target))
        else:
            is_text = what == "text" or not isinstance(type_, _READ_AS[what])
            columns.append((_blank_to_null(value, type_) if is_text else value).alias(target))
    return _resolved(rows, columns, mapping)


def _resolved(rows: DataFrame, columns: list[Column], mapping: Mapping) -> DataFrame:
    try:
        frame = rows.select(*columns)
        frame.schema  # noqa: B018 - Spark Connect resolves names only when asked
    except AnalysisException as error:
        found = [name for name in rows.columns if name not in (RAW, MALFORMED)]
        missing = re.search(r"with name `?([^`]+)`? cannot", str(error))
        hint = one_of(missing[1], found) if missing else f"the columns are: {', '.join(found)}"
        raise MappingError(f"mapping '{mapping.name}': {first_line(error)} ({hint})") from None
    return frame


def _value(
    rows: DataFrame, mapping: Mapping, target: str, entry: Entry | None, kinds: dict[str, T.DataType]
) -> tuple[Column, T.DataType]:
    """The target's value, cleaned, and its type."""
    if entry is None or (entry.column is not None and entry.column.lower() not in kinds):
        value: Column = F.lit(None).cast("string")
        type_: T.DataType = T.StringType()
    elif entry.column is not None:
        value, type_ = F.col(quoted(entry.column)), kinds[entry.column.lower()]
    elif entry.expression is not None:
        value = F.expr(entry.expression)
        type_ = _resolved(rows, [value.alias("value")], mapping).schema["value"].dataType
    else:
        value, type_ = F.lit(str(entry.value)), T.StringType()
    if entry is None or (isinstance(type_, T.TimestampType) and entry.default is None):  # there is nothing to clean in an instant
        return value, type_
    is_number = isinstance(type_, T.NumericType)
    if isinstance(type_, T.TimestampType):
        value = F.concat(value.cast("string"), F.lit("Z"))  # as text it would lose its zone, which is the session's
    cleans = entry.trim or entry.upper or entry.lower or entry.strip_suffix or entry.decimal == "," or entry.default is not None
    if cleans:
        value, type_ = value.cast("string"), T.StringType()
    if entry.trim:
        value = F.trim(value)
    if entry.strip_suffix:
        end = F.length(value) - len(entry.strip_suffix)
        value = F.when(value.endswith(entry.strip_suffix), F.substring(value, F.lit(1), end)).otherwise(value)
    if entry.upper or entry.lower:
        value = F.upper(value) if entry.upper else F.lower(value)
    if entry.decimal == "," and not is_number:
        value = F.translate(F.translate(value, ".", ""), ",", ".")
    if entry.default is not None:
        value = F.coalesce(_blank_to_null(value, type_), F.lit(str(entry.default)))
    return value, type_


def _refuse_bare_times(mapping: Mapping, target: str, entry: Entry | None, zone: str) -> None:
    if zone != "UTC" and entry is not None and entry.expression is not None and _TO_INSTANT.search(entry.expression):
        raise MappingError(
            f"mapping '{mapping.name}': {target} is read with to_timestamp, which takes a time without an offset for one of UTC and not of {zone}; "
            "use to_timestamp_ntz, or name the column and its formats"
        )


def _blank_to_null(value: Column, type_: T.DataType) -> Column:
    text = value if isinstance(type_, T.StringType) else value.cast("string")
    return F.when(F.trim(text) != "", text)


def instant(value: Column, type_: T.DataType, formats: tuple[str, ...], zone: str) -> Column:
    """The instant that a value means, null where it cannot be read. Without an offset of its own it is a time in `zone`.

    Texts are read by Spark's datetime patterns `formats`, tried in turn; without any, as ISO 8601 with a date (a bare time of day,
    which Spark would take for today's, is not read).
    """
    if isinstance(type_, T.TimestampType):
        return _near(value)
    if isinstance(type_, T.DateType):
        value = F.when(F.abs(F.unix_date(value)) < _FAR // 86_400_000_000, value)
    if isinstance(type_, (T.TimestampNTZType, T.DateType)):
        return _in_zone(_near(value.cast("timestamp")), zone)
    text = F.trim(value.cast("string"))
    if not formats:
        read = _near(F.when(text.rlike(r"^[+-]?\d{4,7}-\d"), text).try_cast("timestamp"))
        return read if zone == "UTC" else F.when(text.rlike(_HAS_ZONE), read).otherwise(_in_zone(read, zone))
    # A pattern with a letter of a zone in it (outside quotes) reads the offset itself.
    bare = {pattern: re.sub(r"'[^']*'", "", pattern) for pattern in formats}
    tried = [(_near(F.try_to_timestamp(text, F.lit(pattern))), bool(re.search("[VzOXxZ]", letters))) for pattern, letters in bare.items()]
    return F.coalesce(*(read if has_zone else _in_zone(read, zone) for read, has_zone in tried))


def _near(read: Column) -> Column:
    """The instant, null where it is hundreds of thousands of years away."""
    return F.when(F.unix_micros(read).between(-_FAR, _FAR), read)


def _in_zone(read: Column, zone: str) -> Column:
    return read if zone == "UTC" else F.to_utc_timestamp(read, zone)


def _typed_by_rules(mapping: Mapping, otherwise: Column) -> Column:
    first, *others = mapping.event_type
    rules = F.when(F.expr(first.when), F.lit(first.is_))
    for rule in others:
        rules = rules.when(F.expr(rule.when), F.lit(rule.is_))
    return rules.otherwise(otherwise)


def _key(mapping: Mapping, kind: str) -> Column:
    if kind != "events" or not mapping.key:
        return F.lit(None).cast("string").alias(KEY)
    return F.to_json(F.struct(*(F.col(quoted(name)) for name in mapping.key))).alias(KEY)


def _reasons(mapping: Mapping, kind: str) -> Column:
    rules = mapping.reject if kind == "events" else ()
    found = [F.when(~F.col(MALFORMED) & F.expr(rule.when), F.lit(rule.reason)) for rule in rules]
    return (F.array_compact(F.array(*found)) if found else F.array().cast("array<string>")).alias(REASONS)
