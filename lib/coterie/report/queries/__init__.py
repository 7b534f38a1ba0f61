"""Tables -> small frames: each query says what bounds its rows, and that is never the number of customers, events or items.

A query is a function of the tables it needs and the as-of date. The pipeline runs those whose tables are there.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame

from coterie.report.queries import features, offers, segments, shop

Frames = Mapping[str, DataFrame]


@dataclass(frozen=True)
class Query:
    """`needs`: tables it reads; `rows`: what bounds its rows; `run(tables, as_of)`: the small frame."""

    needs: tuple[str, ...]
    rows: str
    run: Callable[[Frames, datetime.date], DataFrame]


QUERIES: dict[str, Query] = {
    "months": Query(("daily_activity",), "a month", lambda t, day: shop.months(t["daily_activity"], day)),
    "cohorts": Query(("daily_activity",), "a month of first purchase and a month since", lambda t, day: shop.cohorts(t["daily_activity"], day)),
    "catalogue": Query(("items",), "1", lambda t, day: shop.catalogue(t["items"])),
    "totals": Query(("customer_features",), "1", lambda t, day: features.totals(t["customer_features"], day)),
    "sample": Query(
        ("customer_features", "segments"),
        f"{features.SAMPLE:,}",
        lambda t, day: features.sampled(t["customer_features"], t["segments"], day),
    ),
    "profiles": Query(("segment_profiles",), "a segment", lambda t, day: segments.of_date(t["segment_profiles"], day)),
    "sizes": Query(("segment_profiles",), f"a segment and as-of date, {segments.DATES} dates", lambda t, day: segments.sizes(t["segment_profiles"], day)),
    "middles": Query(
        ("customer_features", "segments"),
        "a segment",
        lambda t, day: segments.middles(t["customer_features"], t["segments"], day),
    ),
    "candidates": Query(("segment_candidates",), "a candidate", lambda t, day: segments.newest(t["segment_candidates"], day)),
    "agreement": Query(("segment_agreement",), "a pair of candidates", lambda t, day: segments.newest(t["segment_agreement"], day)),
    "projection": Query(("segment_projection",), f"{segments.POINTS:,}", lambda t, day: segments.points(segments.newest(t["segment_projection"], day))),
    "flows": Query(("segment_flows",), "a pair of segments", lambda t, day: segments.of_date(t["segment_flows"], day)),
    "moves": Query(("segment_moves",), "a pair of segments and cause", lambda t, day: segments.moves(t["segment_moves"], day)),
    "clustering": Query(("models",), "1", lambda t, day: segments.clustering(t["models"], day)),
    "segment_offers": Query(
        ("segment_recommendations", "items"),
        "a segment, list and rank",
        lambda t, day: offers.segment_offers(t["segment_recommendations"], t["items"], day),
    ),
    "quality": Query(("recommendation_quality",), "a measure and model", lambda t, day: segments.of_date(t["recommendation_quality"], day)),
    "exposure": Query(("recommendations",), "a number of offers", lambda t, day: offers.exposure(t["recommendations"], day)),
    "sources": Query(("recommendations",), "a recommender and model", lambda t, day: offers.sources(t["recommendations"], day)),
    "served": Query(("recommendations", "models"), "a model that serves", lambda t, day: offers.served(t["recommendations"], t["models"], day)),
    "best_offers": Query(("recommendations", "items"), f"{offers.MOST}", lambda t, day: offers.best_offers(t["recommendations"], t["items"], day)),
    "examples": Query(
        ("recommendations", "items", "segment_profiles"),
        "a segment and rank",
        lambda t, day: offers.examples(t["recommendations"], t["items"], t["segment_profiles"], day),
    ),
    "images": Query(("generated_images",), "a segment and image", lambda t, day: offers.images(t["generated_images"], day)),
    "content_quality": Query(
        ("content_quality", "generated_images"), "a measure", lambda t, day: offers.content_quality(t["content_quality"], t["generated_images"], day)
    ),
}
