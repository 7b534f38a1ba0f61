"""What the job `segments` writes of what the segments are like: profiles, rules in words, the picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from coterie.catalogue import FEATURES
from coterie.features.vector import drawn_raw
from coterie.pipeline.segment_models import CHOSEN, RULES, Current, Work, of_date, small_frame, write
from coterie.segments.names import described
from coterie.segments.origins import border_customers, months_of_origin, rule_overlap
from coterie.segments.placing import NOT_BOUGHT, SEGMENT, ClusterSegmentation, has_bought
from coterie.segments.plan import rule_columns
from coterie.segments.profiles import favourite_categories, typical_customers
from coterie.segments.projection import projected
from coterie.segments.rule_tree import RuleTree, grown
from coterie.segments.rules import AXES, Rules
from coterie.segments.statistics import Portrait

_MONTHS = 3  # months of origin that are named
_WHOLE = [feature.name for feature in FEATURES if feature.type in ("int", "bigint")]


def members_of(work: Work, placed: DataFrame, columns: Sequence[str]) -> DataFrame:
    """The customers of each segmentation with columns of their features."""
    return placed.join(work.features.select("customer_id", *columns), on="customer_id", how="inner")


def write_profiles(
    work: Work, current: Current, found: Sequence[Portrait], names: Mapping[str, Mapping[int, str]], rules: Rules, tree: RuleTree | None
) -> None:
    """Rows of `segment_profiles`, a segment each; `current` and `tree` have the model and the rules of the chosen segments."""
    settings, currency = work.run.settings.segments, work.run.settings.shop.currency
    written = work.run.read("segments").where(of_date(work.as_of))
    members = members_of(work, written, ["recency", "frequency", "monetary", "favourite_category", "days_since_first_order"])
    model = current.segmentation.model if isinstance(current.segmentation, ClusterSegmentation) else None
    has_middles = model is None or model.has_middles
    frame = typical_customers(members if has_middles else members.withColumn("distance", F.lit(None).cast("double")), settings.typical_customers)
    for beside in (
        favourite_categories(members, settings.favourite_categories, settings.min_category_customers),
        border_customers(members, settings.typical_customers),
        months_of_origin(members, _MONTHS),
        rule_overlap(written, RULES),
    ):
        frame = frame.join(beside, on=SEGMENT, how="left")
    extras = {(row["segmentation"], row["segment_id"]): row for row in frame.collect()}  # a row a segment
    rows = [
        {
            **one.row(),
            "as_of": work.as_of,
            "segment_name": names[one.segmentation][one.segment_id],
            "description": described(one, currency, rules.descriptions.get(one.segment_id, "") if one.segmentation == RULES else ""),
            **_extras(extras[one.segmentation, one.segment_id].asDict()),
            **_rule(tree if one.segmentation == CHOSEN else None, one.segment_id),
        }
        for one in found
    ]
    write(work, "segment_profiles", small_frame(work.run, "segment_profiles", rows))


def rule_tree(work: Work, placed: DataFrame, current: Current) -> RuleTree | None:
    """The shallow tree that says in words who is in which chosen segment, learned from a sample of those who have bought."""
    columns = _columns(current)
    if not columns:
        return None
    clustered = placed.where((F.col("segmentation") == CHOSEN) & (F.col("segment_id") != NOT_BOUGHT))
    members = members_of(work, clustered, columns).withColumn("segment_id", F.col("segment_id").cast("double"))
    settings = work.run.settings.segments
    raw = drawn_raw(members, [*columns, "segment_id"], settings.rule_sample, settings.seed)
    labels = raw.pop("segment_id").astype(np.int64)
    return grown({name: raw[name] for name in rule_columns(columns, raw)}, labels, _WHOLE) if len(labels) else None


def write_projection(work: Work, current: Current) -> None:
    """Rows of `segment_projection`; none where nothing tells the customers apart."""
    chosen, none = current.segmentation, small_frame(work.run, "segment_projection", [])
    if not isinstance(chosen, ClusterSegmentation) or chosen.vectoriser is None or not chosen.vectoriser.names or not work.buyers:
        write(work, "segment_projection", none)
        return
    bought = work.features.where(has_bought()).select("customer_id", *chosen.vectoriser.columns)
    placed = work.run.read("segments").where(of_date(work.as_of) & (F.col("segmentation") == CHOSEN) & (F.col("segment_id") != NOT_BOUGHT))
    vectors = chosen.vectoriser.transform(bought).select("customer_id", "features")
    seen = projected(vectors, placed.select("customer_id", "segment_id", "confidence"), work.run.settings.segments.projection_sample)
    write(work, "segment_projection", seen.select(F.lit(work.as_of).alias("as_of"), F.lit(CHOSEN).alias("segmentation"), "*"))


def _columns(current: Current) -> list[str]:
    chosen = current.segmentation
    if not isinstance(chosen, ClusterSegmentation) or chosen.vectoriser is None:
        return []
    return list(dict.fromkeys([*AXES, *chosen.vectoriser.columns]))


def _extras(row: Mapping[str, Any]) -> dict[str, Any]:
    lists = ("favourite_categories", "months_of_origin", "rfm_overlap")
    return {name: row[name] for name in ("typical_customers", "border_customers")} | {name: row[name] or [] for name in lists}


def _rule(tree: RuleTree | None, segment_id: int) -> dict[str, Any]:
    rule = tree.rules.get(segment_id) if tree is not None else None
    if rule is None:
        return {"rule": None, "rule_precision": None, "rule_recall": None}
    return {"rule": rule.words, "rule_precision": rule.precision, "rule_recall": rule.recall}
