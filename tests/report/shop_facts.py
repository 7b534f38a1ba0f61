"""Facts of a small shop, written out: what the sections and the page are made from, and titles that somebody wrote to do harm."""

import datetime
from typing import Any

from coterie.report.blocks import Facts
from coterie.report.queries import QUERIES

DAY, BEFORE = datetime.date(2024, 5, 31), datetime.date(2024, 4, 30)
HOSTILE = [
    "<script>window.hacked = 1</script>",
    "\"><img src=x onerror='window.hacked = 1'>",
    "</script><script>window.hacked = 1</script>",
    "{{ 7 * 7 }} %{hovertext} ${7 * 7}",
    "مرحبا بالعالم שלום",
    "白色 🎁 <b>mug</b>",
    "x" * 10_000,
]


def profile(segment_id: int, name: str, size: int, revenue: float, as_of: datetime.date = DAY, buyers: int = 100) -> dict[str, Any]:
    is_buyer = segment_id != 0
    return {
        "as_of": as_of,
        "segmentation": "chosen",
        "segment_id": segment_id,
        "segment_name": name,
        "description": "",
        "size": size,
        "share": size / buyers if is_buyer else None,
        "revenue": revenue,
        "revenue_share": revenue / 1000,
        "traits": [{"feature": "recency", "direction": "less", "strength": -0.8, "segment_mean": 4.0, "shop_mean": 20.0}],
        "typical_customers": ["c1", "c2"],
        "favourite_categories": [{"category": "<i>Mugs</i>", "lift": 2.5, "customers": 7}],
    }


def quality(model: str, hit_rate: float) -> list[dict[str, Any]]:
    common = {"as_of": DAY, "window": "2024-05-18..2024-05-31", "protocol": "new", "population": "warm", "model": model, "k": 10, "customers": 60}
    return [
        {**common, "measure": measure, "value": value, "low": value - 0.02, "high": value + 0.02}
        for measure, value in (("hit_rate", hit_rate), ("ndcg", hit_rate / 4))
    ]


def run(job: str, **values: Any) -> dict[str, Any]:
    at = datetime.datetime(2024, 6, 1, 9, 30, tzinfo=datetime.UTC)
    empty = dict.fromkeys(
        (
            "rows_read",
            "rows_accepted",
            "rows_rejected",
            "rows_duplicate",
            "revenue_read",
            "revenue_accepted",
            "revenue_rejected",
            "revenue_duplicate",
            "rejected_by_reason",
            "as_of",
            "message",
            "measures",
        )
    )
    return {
        **empty,
        "job": job,
        "state": "finished",
        "at": at,
        "seconds": 3.5,
        "is_stale": False,
        "version": "0.1.0",
        "tables_written": {"events": 3},
        **values,
    }


SMALL: dict[str, list[dict[str, Any]]] = {
    "months": [
        {"month": "2024-04", "orders": 90, "bought": 420.0, "given_back": -20.0, "revenue": 400.0},
        {"month": "2024-05", "orders": 110, "bought": 610.0, "given_back": -10.0, "revenue": 600.0},
    ],
    "cohorts": [
        {"cohort": "2024-04", "month": "2024-04", "buyers": 60, "seen": 60},
        {"cohort": "2024-04", "month": "2024-05", "buyers": 30, "seen": 45},
        {"cohort": "2024-05", "month": "2024-05", "buyers": 40, "seen": 40},
        {"cohort": None, "month": "2024-05", "buyers": 0, "seen": 10},
    ],
    "catalogue": [{"items": 50, "sellable": 45, "categories": 5}],
    "totals": [
        {"customers": 110, "buyers": 100, "orders": 200, "revenue": 1000.0, "recency": 9.0, "frequency": 2.0, "monetary": 8.0, "average_order_value": 4.0}
    ],
    "sample": [
        {"segment_id": 1 + i % 2, "recency": float(i % 30), "frequency": float(1 + i % 5), "monetary": 5.0 + i, "web_share": None, "tenure": float(60 - i % 30)}
        for i in range(100)
    ],
    "profiles": [
        profile(1, "Frequent buyers <b>", 30, 760.0),
        profile(2, "Quiet buyers", 70, 240.0),
        profile(0, "Has not bought yet", 10, 0.0),
    ],
    "sizes": [
        {"as_of": as_of, "segment_id": segment_id, "segment_name": name, "size": size}
        for as_of, segment_id, name, size in (
            (BEFORE, 1, "Frequent buyers", 40), (BEFORE, 2, "Quiet buyers", 60),
            (DAY, 1, "Frequent buyers <b>", 30), (DAY, 2, "Quiet buyers", 70), (DAY, 0, "Has not bought yet", 10),
        )
    ],
    "middles": [
        {"segment_id": one, "customers": size, "recency": 4.0, "frequency": 3.0, "monetary": 25.0, "average_order_value": 8.0}
        for one, size in ((1, 30), (2, 70))
    ],
    "candidates": [
        {
            "as_of": DAY,
            "candidate": f"rank(recency) kmeans k={k}",
            "feature_set": "rank(recency)",
            "method": "kmeans",
            "k": k,
            "parameters": "{}",
            "measures": {"davies_bouldin": 0.9, "sample_customers": 100.0},
            "silhouette": silhouette,
            "smallest_share": 0.3,
            "is_chosen": k == 2,
            "verdict": "why",
        }
        for k, silhouette in ((2, 0.41), (3, 0.35))
    ],
    "flows": [
        {
            "previous_as_of": BEFORE,
            "as_of": DAY,
            "segmentation": "chosen",
            "from_segment_id": start,
            "to_segment_id": end,
            "customers": count,
            "revenue": 10.0 * count,
        }
        for start, end, count in ((1, 1, 28), (1, 2, 12), (2, 2, 58), (2, 1, 2), (None, 0, 10))
    ],
    "moves": [{"segmentation": "chosen", "cause": "customer", "from_segment_id": 1, "to_segment_id": 2, "customers": 14}],
    "clustering": [{"measures": {}, "k": "[4,10]", "names": '["recency"]', "dropped": '{"tenure": "says what recency says"}'}],
    "segment_offers": [
        {
            "segment_id": 1,
            "list": "lift",
            "rank": rank,
            "item_id": str(rank),
            "title": title,
            "category": title,
            "lift": 2.0,
            "support": 6,
            "segment_buyers": 30,
        }
        for rank, title in enumerate(HOSTILE, 1)
    ],
    "quality": [*quality("popular", 0.2), *quality("blend", 0.5)],
    "exposure": [{"offers": 100, "items": 2}, {"offers": 10, "items": 40}],
    "sources": [{"source": "als", "model_id": "b", "offers": 400}, {"source": "popular", "model_id": "b", "offers": 200}],
    "served": [{"model_id": "p", "kind": "popular"}, {"model_id": "b", "kind": "blend"}],
    "best_offers": [{"item_id": str(i), "title": title, "category": None, "customers": 100 - i} for i, title in enumerate(HOSTILE)],
    "examples": [
        {"segment_id": 1, "customer_id": title[:50], "rank": rank, "title": title, "source": "als", "reason": f"goes with {title}"}
        for rank, title in enumerate(HOSTILE, 1)
    ],
}
RUNS = [
    run("recommend", as_of=DAY, message="all <b>served</b>"),
    run(
        "ingest",
        rows_read=500,
        rows_accepted=480,
        rows_rejected=15,
        rows_duplicate=5,
        revenue_read=1100,
        revenue_accepted=1000,
        revenue_rejected=80,
        revenue_duplicate=20,
        rejected_by_reason={"price_unreadable": 15},
    ),
]


def facts(**small: list[dict[str, Any]] | None) -> Facts:
    """The shop's facts, those named replaced; None: their tables are not there."""
    given = {name: small.get(name, SMALL.get(name)) for name in QUERIES} | small
    absent = {name: QUERIES[name].needs for name, rows in given.items() if rows is None and name in QUERIES}
    return Facts(DAY, "EUR", given, absent, RUNS)
