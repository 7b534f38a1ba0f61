"""The features job: daily tables of the days that changed, running totals, customer features as of a date.

Whatever a run that died has done is done again by the next: what changed is counted from the last finished run on, and running totals are
taken away before the days under them are rewritten.
"""

import datetime
import json
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie import __version__
from coterie.errors import UserError
from coterie.events.cancellations import match_cancellations
from coterie.features.activity import customer_item_days, daily_activity
from coterie.features.calendar import public_holidays
from coterie.features.customer import customer_features
from coterie.features.state import advance_state, customers_to_rebuild, state_from_scratch
from coterie.features.touched import customers_to_match, fresh_states, touched_days
from coterie.pipeline.run import Run, finished_run, was_interrupted
from coterie.rows import travelling

_MANY_DAYS = 45  # above it whole months are rewritten: a condition on months alone deletes files without reading them


@dataclass(frozen=True)
class _Change:
    """What is to be recomputed: everything (`touched` None), or the (customer_id, activity_date) of `touched` on `days`."""

    touched: DataFrame | None
    days: list[datetime.date]


def run_features(run: Run) -> None:
    """Writes `daily_activity`, `customer_item_days`, `cancellations`, `customer_state` and `customer_features`.

    Raises UserError for an as-of date before the first event.
    """
    as_of = run.as_of
    assert as_of is not None, "the features job has an as-of date"
    first, last = run.read("events").agg(F.min("event_date"), F.max("event_date")).collect()[0]  # one row
    if first is None:
        raise UserError(f"the lake '{run.lake.place}' has no events yet; run `coterie ingest` first")
    if as_of < first:
        raise UserError(f"the as-of date {as_of} is before the first event; the lake has events from {first} to {last}")
    run.step("finding the days that changed")
    change = _changed(run)
    if change.days:
        _take_away_stale(run, change)
        _write_days(run, change)
        _write_cancellations(run, change)
        run.record(touched_from=change.days[0])
    _write_state(run, as_of, public_holidays(run.settings.shop.country, first, as_of))
    _write_features(run, as_of)
    run.measure(touched_days=len(change.days))


def _changed(run: Run) -> _Change:
    """What changed in the events since the last finished run; everything, where nobody knows."""
    since = _events_known(run)
    changes = None if since is None else run.lake.changes("events", since)
    if changes is None:
        all_events = run.read("events").where(F.col("customer_id").isNotNull())
        return _Change(None, _distinct_days(all_events, "event_date"))
    touched = touched_days(changes, is_net=not was_interrupted(run))  # one that died may have added up what has gone since
    return _Change(touched, _distinct_days(touched, "activity_date"))


def _events_known(run: Run) -> int | None:
    """The version of `events` that the daily tables were made from; None where they were not, or not with the settings of now."""
    previous = finished_run(run.lake, "features", has_written=True)
    if previous is None or previous["version"] != __version__:
        return None
    shop = json.loads(previous["settings"])["shop"]
    if (shop["time_zone"], shop["country"]) != (run.settings.shop.time_zone, run.settings.shop.country):
        return None
    version: int | None = (previous["tables_read"] or {}).get("events")
    return version


def _distinct_days(rows: DataFrame, day: str) -> list[datetime.date]:
    return sorted(row[day] for row in rows.groupBy(day).agg(F.count("*")).collect())  # a row a day


def _take_away_stale(run: Run, change: _Change) -> None:
    """Running totals that know nothing of the change. A customer without one is added up anew."""
    if change.touched is None:
        run.delete("customer_state", "true")
        return
    first, state = change.days[0], run.read("customer_state")
    is_late = F.col("as_of") >= F.lit(first)
    if not state.where(is_late).isEmpty():
        run.step("taking away running totals that late events made stale")
        run.replace("customer_state", fresh_states(state.where(is_late), change.touched), f"as_of >= DATE'{first}'")


def _write_days(run: Run, change: _Change) -> None:
    run.step(f"adding up {len(change.days)} days")
    events, where, condition = run.read("events"), None, F.lit(True)
    if change.touched is not None:
        where, condition = _on_days(change.days)
    touched = events.where(condition)
    run.replace("daily_activity", daily_activity(touched, run.settings.shop.time_zone), where)
    run.replace("customer_item_days", customer_item_days(touched), where)


def _on_days(days: list[datetime.date]) -> tuple[str, Column]:
    """The days (their whole months, where there are many) as a condition on the daily tables in SQL, and as one on the events."""
    months = sorted({f"{day:%Y-%m}" for day in days})
    where = f"activity_month IN ({', '.join(repr(month) for month in months)})"
    condition = F.col("event_month").isin(*months)
    if len(days) > _MANY_DAYS:
        return where, condition
    return (
        f"{where} AND activity_date IN ({_dates(days)})",
        condition & F.col("event_date").isin(*days),
    )


def _dates(days: list[datetime.date]) -> str:
    return ", ".join(f"DATE'{day}'" for day in days)


def _write_cancellations(run: Run, change: _Change) -> None:
    """Matches purchases and cancels of the touched customers anew; pairs of all others stay."""
    days, pairs = run.read("daily_activity").where(F.col("cancel_count") > 0), run.read("cancellations")
    if change.touched is None:
        customers = days.groupBy("customer_id").agg(F.count("*")).select("customer_id")
    else:
        after = days.where((F.col("activity_month") >= f"{change.days[0]:%Y-%m}") & (F.col("activity_date") >= F.lit(change.days[0])))
        customers = customers_to_match(after, pairs, change.touched)
        count = customers.count()
        if not count:
            return
        customers = travelling(customers, count)
    run.step("matching cancels with purchases")
    events = run.read("events").where(F.col("event_type").isin("purchase", "cancel"))
    matched = match_cancellations(events.join(customers, on="customer_id", how="left_semi"))
    if change.touched is not None:
        matched = matched.unionByName(pairs.join(customers, on="customer_id", how="left_anti"))
    run.replace("cancellations", matched)


def _write_state(run: Run, as_of: datetime.date, holidays: list[datetime.date]) -> None:
    """Running totals as of the date, from the newest ones up to it and the days since; older ones are dropped."""
    run.step("carrying the running totals on")
    all_states = run.read("customer_state")
    known = sorted(row["as_of"] for row in all_states.groupBy("as_of").agg(F.count("*")).collect())  # a row an as-of date
    since = max((day for day in known if day <= as_of), default=None)
    days, item_days, pairs = run.read("daily_activity"), run.read("customer_item_days"), run.read("cancellations")
    where = f"as_of = DATE'{as_of}'"
    if since is None:
        run.replace("customer_state", state_from_scratch(days, item_days, pairs, as_of=as_of, holidays=holidays), where)
    else:
        state = all_states.where(F.col("as_of") == F.lit(since))
        missing, cancelled = customers_to_rebuild(state, days, pairs, since, as_of)
        parts = [part for part in (missing, cancelled) if not part.isEmpty()]
        if since == as_of and not parts:
            return
        rebuild = parts[0].union(parts[-1]).dropDuplicates() if parts else None
        advanced = advance_state(state, days, item_days, pairs, rebuild, since=since, as_of=as_of, holidays=holidays)
        run.replace("customer_state", advanced, where)
    dropped = sorted({*known} - {as_of}, reverse=True)[run.settings.features.keep_states - 1 :]
    if dropped:
        run.delete("customer_state", f"as_of IN ({_dates(dropped)})")


def _write_features(run: Run, as_of: datetime.date) -> None:
    run.step("computing features")
    features = customer_features(
        run.read("customer_state").where(F.col("as_of") == F.lit(as_of)),
        run.read("daily_activity"),
        run.read("cancellations"),
        run.read("customers"),
        run.read("items"),
        as_of=as_of,
        age_bands=run.settings.features.age_bands,
        has_holidays=bool(run.settings.shop.country),
    )
    run.replace("customer_features", features, f"as_of = DATE'{as_of}'")
    written = run.read("customer_features").where(F.col("as_of") == F.lit(as_of))
    customers, buyers = written.agg(F.count("*"), F.count("recency")).collect()[0]  # one row
    run.measure(customers=customers, buyers=buyers)
    run.say(f"{customers:,} customers as of {as_of}, {buyers:,} of them buyers")
