"""The scratch table of ingest: every row of the new files, typed and judged, before anything else is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from coterie.errors import MappingError
from coterie.events import accounting, resolve
from coterie.events.accounting import Account, Line
from coterie.events.stage import Limits, staged_rows
from coterie.pipeline.run import Run
from coterie.rows import travelling
from coterie.sources.apply import mapped
from coterie.sources.files import SourceFile, refuse_bad
from coterie.sources.mapping import Mapping
from coterie.sources.read import read_rows, united
from coterie.sources.unreadable import unreadable

T = TypeVar("T")
_RAISED_BY_SQL = ("CAST_INVALID_INPUT", "DIVIDE_BY_ZERO", "ARITHMETIC_OVERFLOW", "CANNOT_PARSE", "NUMERIC_VALUE_OUT_OF_RANGE", "CAST_OVERFLOW")


@dataclass
class Batch:
    """What there is to do. `files`: to be read, by kind; `suspects`: names, also of files not in it, whose earlier rows may be in the lake."""

    files: dict[str, list[SourceFile]] = field(default_factory=dict)
    quarantined: list[SourceFile] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)  # source_file -> its former content hash
    suspects: list[str] = field(default_factory=list)
    held: frozenset[str] = frozenset()  # names of files read before
    was_interrupted: bool = False

    @property
    def is_empty(self) -> bool:
        return not any(self.files.values()) and not self.quarantined and not self.suspects

    def names(self, *kinds: str) -> list[str]:
        return [file.source_file for kind in kinds for file in self.files.get(kind, [])]


def stage(run: Run, mapping: Mapping, batch: Batch) -> Account:
    """Reads, types and judges every row into the scratch table, and adds them up."""
    read = read_through(run, mapping, batch, "events", lambda files: _read(run, mapping, files))
    if read is None:
        run.delete("staged_events", "true")  # a run that died may have left rows
        return Account((), {})
    run.step("finding repeats")
    _judge(run, mapping, batch, read["rows"])
    return _checked(run, read["rows"], read["revenue"])


def _read(run: Run, mapping: Mapping, files: list[SourceFile]) -> dict[str, Any]:
    """Writes the rows of the files, typed, to the scratch table and gives their number and revenue."""
    run.step(f"reading {len(files)} files")
    counted, observed = _typed(run, mapping, files)
    run.replace("staged_events", counted)
    return observed.get


def read_through(run: Run, mapping: Mapping, batch: Batch, kind: str, read: Callable[[list[SourceFile]], T]) -> T | None:
    """What `read` makes of the batch's files of the kind; None where there is none.

    A file that turns out to be damaged is set aside where the settings say so, and the others are read again.
    """
    while files := batch.files.get(kind, []):
        try:
            return read(files)
        except Exception as error:  # a failed task is no PySparkException on Spark Classic
            _set_aside(run, mapping, batch, kind, error)
    return None


def _set_aside(run: Run, mapping: Mapping, batch: Batch, kind: str, error: Exception) -> None:
    """Takes the damaged files that made reading those of the kind fail out of the batch, where the settings say so.

    Raises MappingError or InputError where a person has to mend something, and the error itself where it is about something else.
    """
    raised = next((name for name in _RAISED_BY_SQL if name in str(error)), None)
    if raised:
        raise MappingError(f"an expression of mapping '{mapping.name}' fails on a row ({raised}); use try_cast, try_divide") from None
    files = batch.files[kind]
    damaged = unreadable(run.spark, error, files)
    if not damaged:
        raise error
    good, bad = refuse_bad([*damaged, *without(files, damaged)], kind, mapping.name, run.settings.ingest.on_bad_file == "quarantine")
    names = {file.source_file for file in bad}
    batch.files[kind], batch.quarantined = good, [*batch.quarantined, *bad]
    stay = names & batch.held  # what they held before stays in the lake
    batch.suspects = [name for name in batch.suspects if name not in stay]
    batch.replaced = {name: content for name, content in batch.replaced.items() if name not in stay}


def without(files: Sequence[SourceFile], others: Sequence[SourceFile]) -> list[SourceFile]:
    """The files that the others do not name."""
    names = {file.source_file for file in others}
    return [file for file in files if file.source_file not in names]


def _typed(run: Run, mapping: Mapping, files: list[SourceFile]) -> tuple[DataFrame, Observation]:
    part, shop = mapping.parts["events"], run.settings.shop
    has_ids = "source_event_id" in mapping.columns
    frames = [
        staged_rows(
            mapped(rows, mapping, "events", shop.time_zone),
            source=mapping.name,
            time_zone=shop.time_zone,
            currency=shop.currency,
            limits=limits_of(run),
            has_ids=has_ids,
            has_items="item_id" in mapping.columns,
            signs=mapping.signs,
            keep_raw=has_ids or bool(mapping.key),
        )
        for rows in read_rows(run.spark, files, part.files, mapping.possible_columns("events"))
    ]
    observed = Observation()
    # Each frame counts its rows from 0: they are numbered again where they are together, or a verdict would meet rows of several frames.
    together = united(frames).withColumn("row_id", F.monotonically_increasing_id())
    counted = together.observe(observed, F.count(F.lit(1)).alias("rows"), F.sum("revenue").alias("revenue"))
    return counted, observed


def limits_of(run: Run) -> Limits:
    ingest = run.settings.ingest
    return Limits(ingest.earliest_date, min(ingest.latest_date, run.last_day()), ingest.max_id_length, ingest.max_quantity, ingest.max_unit_price)


def _judge(run: Run, mapping: Mapping, batch: Batch, rows_read: int) -> None:
    """Appends verdicts for rows that share an event with another row or with the lake; none where no row does."""
    rows, events = run.read("staged_events"), run.read("events")
    has_ids, repeats = "source_event_id" in mapping.columns, mapping.identical_rows == "repeats"
    repeated = resolve.repeated_matches(rows)
    repeated_count = repeated.count()
    hashes = travelling(repeated, repeated_count)
    event_ids = rows.select("event_id").where("event_id IS NOT NULL")
    if repeated_count:
        later = resolve.numbered(resolve.candidates(rows, hashes), has_ids, repeats)
        event_ids = event_ids.union(later.select("event_id").where("event_id IS NOT NULL"))
    months = _months_with(events, travelling(event_ids, rows_read)) if run.lake.exists("events") else []
    if not repeated_count and not months:
        return
    there = events.where(F.col("event_month").isin(*months)) if months else events.limit(0)
    existing = resolve.existing_events(there, travelling(event_ids, rows_read), [*batch.names("events"), *batch.suspects])
    if months:
        hashes = hashes.union(existing.select(F.xxhash64("event_id").alias("match_hash")))
    shared = resolve.numbered(resolve.candidates(rows, travelling(hashes, rows_read)), has_ids, repeats)
    run.append("staged_events", resolve.verdicts(shared, existing, repeats))


def _months_with(events: DataFrame, event_ids: DataFrame) -> list[str]:
    """The months of the lake's events with one of the ids."""
    return [row[0] for row in events.join(event_ids, on="event_id", how="left_semi").groupBy("event_month").count().collect()]


def _accounted(run: Run) -> Account:
    """The rows of the scratch table added up."""
    settled = resolve.settled(run.read("staged_events"))
    lines = tuple(Line(*row) for row in accounting.lines_of(settled).collect())  # files times months
    has_rejected = any(line.outcome == "rejected" for line in lines)
    return Account(lines, {row["code"]: row["rows"] for row in accounting.reasons_of(settled).collect()} if has_rejected else {})


def _checked(run: Run, rows_read: int, revenue_read: object) -> Account:
    """The account of the batch. Raises where it does not balance, or where too much is rejected."""
    run.step("adding up")
    account = _accounted(run)
    accounting.check_balance(account, rows_read, revenue_read)  # type: ignore[arg-type]
    settled = resolve.settled(run.read("staged_events"))
    first = settled.where("outcome = 'rejected'").orderBy("source_file", "row_hash").select("source_file", "reasons").limit(5)
    accounting.check_share(account, run.settings.ingest.max_rejected_share, first.collect() if account.by_reason else [])
    return account
