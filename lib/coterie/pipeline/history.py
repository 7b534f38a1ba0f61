"""What ran, from the rows of `runs`: a row a run with its state, the as-of dates there are, and the versions that the newest runs left."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

_DATED = ("features", "segments", "recommend", "content")  # jobs whose results are of a date


def runs_summary(found: Sequence[Mapping[str, Any]], is_lease_held: Callable[[], bool]) -> list[dict[str, Any]]:
    """A row a run, newest first: its state (finished, failed, interrupted, running) and whether late data made its results stale.

    A run that started and neither finished nor failed is running while the lease is held and it is the newest, else it died; only then is
    the lease asked for.
    """
    ends = {row["run_id"]: row for row in found if row["event"] != "started"}
    starts = {row["run_id"]: row for row in found if row["event"] == "started"}
    rows = []
    for run_id in {**starts, **ends}:
        start, end = starts.get(run_id), ends.get(run_id)
        row = dict(end or start or {})
        row["state"] = row["event"] if end else "interrupted"
        row["seconds"] = (end["at"] - start["at"]).total_seconds() if start and end else None
        rows.append(row)
    rows.sort(key=lambda row: row["at"], reverse=True)
    if rows and rows[0]["state"] == "interrupted" and is_lease_held():
        rows[0]["state"] = "running"
    _mark_stale(rows)
    return rows


def _mark_stale(rows: Sequence[dict[str, Any]]) -> None:
    """Sets `is_stale` of rows that come newest first, by what finished after them: runs of one instant do not come after each other.

    Only what finished with results of a date can be stale: of others there is nothing to do again.
    """
    redone: set[tuple[str, datetime.date | None]] = set()
    touched = datetime.date.max
    for _, same in groupby(rows, key=lambda row: row["at"]):
        at_once = list(same)
        for row in at_once:
            has_results = row["state"] == "finished" and row["job"] in _DATED and row["as_of"]
            row["is_stale"] = bool(has_results and (row["job"], row["as_of"]) not in redone and touched <= row["as_of"])
        for row in at_once:
            if row["state"] == "finished":
                redone.add((row["job"], row["as_of"]))
                touched = min(touched, row["touched_from"] or touched)


def versions(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The version of each table that the newest finished run which wrote it left; rows as `runs_summary` gives them."""
    found: dict[str, int] = {}
    for row in rows:
        if row["state"] == "finished":
            found = {**(row["tables_written"] or {}), **found}
    return found


def as_of_dates(rows: Sequence[Mapping[str, Any]]) -> list[datetime.date]:
    """The as-of dates with results, oldest first."""
    return sorted({row["as_of"] for row in rows if row["state"] == "finished" and row["job"] in _DATED and row["as_of"]})
