"""Dirty rows, planted by kind and counted: what a shop's files hold and ingest must find.

Dirty rows come on top of the clean ones, so that the truth about the customers stays the truth. Each stands in the file of the
event that it was made from, under an id of its own. Duplicates and conflicts have that event's id: with the same content, or
with another, a second later, so that the clean event comes first. How many there are follows from the plan alone.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.random import default_rng

from coterie.synth.behaviour import expected_events
from coterie.synth.profiles import CHUNK, Plan

DUPLICATE, CONFLICT = "duplicate", "conflicting_id"
# Kind (the code of the reason for which ingest rejects it): the column spoilt, and the values put into it in turn.
SPOILT: dict[str, tuple[str, tuple[str | None, ...]]] = {
    "date_unreadable": ("occurred_at", ("soon", "2025-02-30T10:00:00Z", "2025-13-01T00:00:00Z")),
    "date_out_of_range": ("occurred_at", ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")),
    "quantity_unreadable": ("quantity", ("two", "1,5x", "--")),
    "price_unreadable": ("unit_price", ("NaN", "Infinity", "-Infinity")),
    "currency_other": ("currency", ("USD", "GBP")),
    "event_type_unknown": ("event_type", ("teleport", "purchase?")),
    "item_missing": ("item_id", (None,)),
    "customer_id_too_long": ("customer_id", ("C" + "0" * 600, "顾客" * 300)),
}
KINDS_OF_DIRT = (DUPLICATE, CONFLICT, *SPOILT)
_CONFLICTING_CHANNEL = "phone"  # no clean event has it


def planted(plan: Plan) -> dict[str, int]:
    """Dirty rows of each kind in the whole shop: equal shares of `dirty_share`, one of each at least."""
    each = max(1, round(plan.dirty_share * expected_events(plan) / len(KINDS_OF_DIRT))) if plan.dirty_share > 0 else 0
    return dict.fromkeys(KINDS_OF_DIRT, each)


def planted_in(plan: Plan, chunk: int) -> dict[str, int]:
    """Those of one chunk, by its part of the customers; the chunks add up to `planted`."""
    low, high = chunk * CHUNK, min((chunk + 1) * CHUNK, plan.customers)
    return {kind: count * high // plan.customers - count * low // plan.customers for kind, count in planted(plan).items()}


def dirty_rows(plan: Plan, chunk: int, clean: pa.Table) -> pa.Table:
    """The dirty rows of a chunk, made from its clean ones."""
    rng = default_rng([plan.seed, 3, chunk])
    counts = planted_in(plan, chunk)
    repeated = rng.choice(len(clean), counts[DUPLICATE] + counts[CONFLICT], replace=False)  # no event is both, or accounts would blur
    conflicts = clean.take(repeated[counts[DUPLICATE] :])
    later = [f"{np.datetime64(text[:-1]) + 1}Z" for text in conflicts["occurred_at"].to_pylist()]
    conflicts = _with(_with(conflicts, "occurred_at", later), "channel", [_CONFLICTING_CHANNEL] * len(conflicts))
    parts = [clean.take(repeated[: counts[DUPLICATE]]), conflicts]
    purchases = np.flatnonzero(pc.equal(clean["event_type"], "purchase").to_numpy())
    used = len(clean)
    for kind, (column, values) in SPOILT.items():
        rows = clean.take(purchases[rng.integers(0, len(purchases), counts[kind])])
        ids = [f"D{10**12 + chunk * 10**7 + used + place}" for place in range(len(rows))]
        used += len(rows)
        parts.append(_with(_with(rows, "event_id", ids), column, [values[place % len(values)] for place in range(len(rows))]))
    return pa.concat_tables(parts)


def _with(rows: pa.Table, column: str, values: list[str] | list[str | None]) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(column), column, pa.array(values, pa.string()))
