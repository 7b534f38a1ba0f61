"""From the scratch table to the tables. Any of these writes may be the last before a crash: doing all of them again converges.

What was read is recorded last, so that a file counts as read only when its rows are in.
"""

import datetime
from functools import partial, reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.events import customers, resolve
from coterie.events.accounting import OUTCOMES, Account
from coterie.events.declared import declared_rows, judged_rows
from coterie.events.items import derived_items, still_seen
from coterie.pipeline.run import Run
from coterie.pipeline.staging import Batch, limits_of, read_through
from coterie.schemas import CUSTOMERS, INGESTED_FILES, ITEMS
from coterie.sources.apply import mapped
from coterie.sources.files import SourceFile
from coterie.sources.mapping import TARGETS, Mapping
from coterie.sources.read import read_rows, united

_DECLARED = {"items": ITEMS, "customers": CUSTOMERS}
WRITTEN = ("rejected_events", "events", "items", "customers", "ingested_files")


def land(run: Run, mapping: Mapping, batch: Batch, account: Account) -> None:
    """Writes rejected rows, events, items, customers and the files read, in this order."""
    settled = resolve.settled(run.read("staged_events"))
    counts, declared = account.by_file(), {}
    for kind in _DECLARED:
        judged = read_through(run, mapping, batch, kind, partial(_counted, run, mapping, kind))
        if judged is not None:
            declared[kind], counted = judged
            counts |= counted
    run.step("writing rejected rows and events")
    _write_rejected(run, mapping, batch, [settled, *declared.values()], counts)
    first_day = _write_events(run, mapping, batch, settled, account.first_day()) if batch.files.get("events") or batch.suspects else None
    run.step("writing items and customers")
    _write_items(run, batch, settled, declared.get("items"))
    _write_customers(run, batch, settled, declared.get("customers"))
    _write_files(run, mapping, batch, counts)
    empty_scratch(run)
    record(run, account, first_day)
    run.say(_said(batch, account))


def empty_scratch(run: Run) -> None:
    """Once the run counts as finished: until then the scratch table is what tells the next that this one died."""
    run.afterwards.append(lambda: run.delete("staged_events", "true"))


def _counted(run: Run, mapping: Mapping, kind: str, files: list[SourceFile]) -> tuple[DataFrame, dict[str, dict[str, int]]]:
    """The rows of all files of the kind, judged, and their number by outcome, by file."""
    found = read_rows(run.spark, files, mapping.parts[kind].files, mapping.possible_columns(kind))
    frames = [declared_rows(mapped(rows, mapping, kind, run.settings.shop.time_zone), TARGETS[kind], limits_of(run)) for rows in found]
    judged = judged_rows(united(frames), _DECLARED[kind].key)
    counts: dict[str, dict[str, int]] = {}
    for row in judged.groupBy("source_file", "outcome").count().collect():
        counts.setdefault(row["source_file"], dict.fromkeys(OUTCOMES, 0))[row["outcome"]] = row["count"]
    return judged, counts


def _write_rejected(run: Run, mapping: Mapping, batch: Batch, judged: list[DataFrame], counts: dict[str, dict[str, int]]) -> None:
    """The batch's rejected rows, in the place of those that its files left earlier."""
    names = run.spark.createDataFrame([(name,) for name in {*batch.names("events", *_DECLARED), *batch.suspects}], "source_file string")
    before = run.read("rejected_events").join(F.broadcast(names), on="source_file", how="left_semi")
    has_some = any(found["rejected"] for found in counts.values())
    rejected = reduce(DataFrame.unionByName, [resolve.rejected_rows(rows, mapping.name) for rows in judged])
    if before.limit(1).collect():
        stale = before.join(rejected, on=["source_file", "row_hash", "occurrence"], how="left_anti")
        marked = rejected.withColumn("is_gone", F.lit(False)).unionByName(stale.withColumn("is_gone", F.lit(True)))
        run.merge("rejected_events", marked, delete="is_gone")
    elif has_some:
        run.append("rejected_events", rejected.coalesce(1))


def _write_events(run: Run, mapping: Mapping, batch: Batch, settled: DataFrame, first_day: datetime.date | None) -> datetime.date | None:
    """Appends the accepted rows; where the lake has some of these events already, or has some that are to go, merges instead.

    Gives the first day with a change.
    """
    accepted = resolve.accepted_events(settled, mapping.name)
    staged = run.read("staged_events")
    is_known = bool(staged.where(F.col("is_verdict") & F.col("is_known")).limit(1).collect())
    if not is_known and not batch.suspects:
        # As few files as the months allow, none of them large.
        run.append("events", accepted.hint("rebalance", F.col("event_month")))
        return first_day
    events = run.read("events")
    changed = accepted.unionByName(resolve.extended_events(staged, events)).withColumn("is_gone", F.lit(False))
    if batch.suspects:
        forsaken = resolve.forsaken_events(events, changed.select("event_id"), batch.suspects)
        first_gone = forsaken.where("is_gone").agg(F.min("event_date")).collect()[0][0]
        first_day = min((day for day in (first_day, first_gone) if day is not None), default=None)
        changed = changed.unionByName(forsaken)
    run.merge("events", changed, delete="is_gone")
    return first_day


def _write_items(run: Run, batch: Batch, settled: DataFrame, declared: DataFrame | None) -> None:
    existing = run.read("items")
    if batch.suspects:
        existing = still_seen(existing, run.read("events"))
    names = ("item_id", "title", "category", "price", "first_listed_on", "is_sellable")
    told = declared.where("outcome = 'accepted'") if declared is not None else existing.limit(0)
    items = derived_items(existing, settled, told.select(*names)).withColumn("is_gone", F.lit(False))
    if not run.lake.exists("items"):
        run.append("items", items.drop("is_gone"))
        return
    if batch.suspects:
        gone = run.read("items").join(items, on="item_id", how="left_anti")
        items = items.unionByName(gone.withColumn("is_gone", F.lit(True)))
    run.merge("items", items, delete="is_gone")


def _write_customers(run: Run, batch: Batch, settled: DataFrame, declared: DataFrame | None) -> None:
    """Periods of the customers that this batch may change. After a crash or a replaced file that is anyone, else those with new events."""
    existing = run.read("customers")
    days = customers.customer_days(settled.where("outcome = 'accepted'"))
    if batch.was_interrupted or batch.suspects:
        days = customers.customer_days(run.read("events"))
        renewed = existing.where(~F.col("is_declared")).select("customer_id")
    elif run.lake.exists("customers"):
        unsettled = customers.unsettled_customers(days, existing)
        if declared is None and not unsettled.limit(1).collect():
            return
        stale = unsettled.where(~F.col("is_new")).select("customer_id")
        new_days = days.join(unsettled.where("is_new"), on="customer_id", how="left_semi")
        if stale.limit(1).collect():
            named = run.read("events").join(stale, on="customer_id", how="left_semi")
            new_days = new_days.unionByName(customers.customer_days(named))
        days, renewed = new_days, stale
    else:
        renewed = existing.select("customer_id")
    periods = customers.derived_periods(days)
    if declared is not None:
        periods = periods.unionByName(customers.declared_periods(declared.where("outcome = 'accepted'")))
    if run.lake.exists("customers"):
        run.merge("customers", customers.customer_changes(existing, periods, renewed), delete="is_gone")
    else:
        run.append("customers", customers.customer_changes(existing, periods, renewed).where(~F.col("is_gone")).drop("is_gone"))


def _write_files(run: Run, mapping: Mapping, batch: Batch, counts: dict[str, dict[str, int]]) -> None:
    """One row for each file read or set aside; the former content of a replaced file is marked as such."""
    none = dict.fromkeys(OUTCOMES, 0)
    read = [file for kind in ("events", *_DECLARED) for file in batch.files.get(kind, [])]
    rows = [_file_row(file, mapping.name, "read", counts.get(file.source_file, none)) for file in read]
    rows += [_file_row(file, mapping.name, "quarantined", None) for file in batch.quarantined]
    kinds = ", ".join(f"{c.name} {'bigint' if c.name == 'modified_at' else c.type}" for c in INGESTED_FILES.columns)
    found = run.spark.createDataFrame(rows, kinds).withColumn("modified_at", F.timestamp_micros("modified_at"))
    if not run.lake.exists("ingested_files"):
        run.append("ingested_files", found.coalesce(1))
        return
    known = run.read("ingested_files")
    former = run.spark.createDataFrame(list(batch.replaced.items()), "source_file string, content_hash string")
    replaced = known.join(F.broadcast(former), on=["source_file", "content_hash"], how="left_semi").withColumn("status", F.lit("replaced"))
    run.merge("ingested_files", found.unionByName(replaced.select(*found.columns)))


def _file_row(file: SourceFile, source: str, status: str, counts: dict[str, int] | None) -> tuple[object, ...]:
    rows = (None, None, None, None) if counts is None else (sum(counts.values()), *(counts[outcome] for outcome in OUTCOMES))
    place = (file.source_file, file.content_hash, source, file.size_bytes, file.modified_micros)
    return (*place, status, file.findings.problem, *rows)


def record(run: Run, account: Account, first_day: datetime.date | None) -> None:
    """The accounting, in the columns of `runs`."""
    values = {f"rows_{outcome}": account.rows(outcome) for outcome in OUTCOMES}
    money = {f"revenue_{outcome}": account.revenue(outcome) for outcome in OUTCOMES}
    run.record(rows_read=account.rows(), revenue_read=account.revenue(), **values, **money)
    run.record(rejected_by_reason=account.by_reason, by_month=account.by_month(), touched_from=first_day)


def _said(batch: Batch, account: Account) -> str:
    files = sum(len(found) for found in batch.files.values())
    parts = [f"{account.rows(outcome):,} {outcome}" for outcome in OUTCOMES]
    aside = f"; {len(batch.quarantined)} file(s) set aside: {', '.join(file.source_file for file in batch.quarantined[:5])}" if batch.quarantined else ""
    return f"{files} file(s), {account.rows():,} rows: {', '.join(parts)}{aside}"
