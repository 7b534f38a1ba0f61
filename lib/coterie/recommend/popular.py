"""What many customers bought lately: the list for customers of whom nothing is known, and what every other list is measured against."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from coterie.recommend.tasks.block import ITEM_FACTS
from coterie.recommend.tasks.scorers import Order, Scorer
from coterie.recommend.verbs import Training

_WINDOWS = (1, 3, 12, 60)  # times popular_days: where the first window has too few items the next goes on, to five years at 30 days

_PRIOR_BUYERS = 10  # of the shop's repeat rate, so that an item with one loyal buyer is not the most loyal one


@dataclass(frozen=True)
class PopularRecommender:
    """Serves everybody. The order: items bought in the last `popular_days`, by distinct buyers, then units, then id; after them those
    bought in the last 3, 12 and 60 times as many days, each window by its own counts; last those nobody bought, by id.
    """

    popular_days: int

    @property
    def kind(self) -> str:
        return "popular"

    @property
    def settings(self) -> Mapping[str, Any]:
        return asdict(self)

    @property
    def scorer(self) -> Scorer:
        return Order(self.kind)

    def fit(self, training: Training) -> DataFrame:
        """Side "item": ITEM_FACTS of each item that was ever bought.

        recent_buyers: distinct buyers in the last popular_days (as_of itself is the last of them), buyers: of all time; window_...: the days of
        the shortest window with a purchase, its buyers and units, 0 where there is none; last_sold_age, first_sold_age: days; price: revenue
        by units over all time; repeat_rate: of its buyers those who bought it on two days or more, with ten buyers of the shop's rate added.
        As float these counts are exact up to 16.7 million.
        """
        windows = [times * self.popular_days for times in _WINDOWS]
        age = F.datediff(F.lit(training.as_of), F.col("purchased_on"))
        units = [F.sum(F.when(age < days, F.col("quantity"))).alias(f"units_{days}") for days in windows]
        totals = [F.sum(name).alias(name) for name in ("quantity", "revenue")]
        ages = [F.min(age).alias("age"), F.max(age).alias("oldest"), F.count(F.lit(1)).alias("days")]
        by_customer = training.purchases.groupBy("item_id", "customer_id").agg(*ages, *units, *totals)
        counted = by_customer.groupBy("item_id").agg(
            F.min("age").alias("age"),
            F.max("oldest").alias("oldest"),
            F.count(F.lit(1)).alias("buyers"),
            F.count(F.when(F.col("days") > 1, F.lit(1))).alias("repeaters"),
            *(F.count(F.when(F.col("age") < days, F.lit(1))).alias(f"buyers_{days}") for days in windows),
            *(F.sum(f"units_{days}").alias(f"units_{days}") for days in windows),
            *(F.sum(name).alias(name) for name in ("quantity", "revenue")),
        )
        of_shop = Window.partitionBy()  # a row an item: few
        shop_rate = F.sum("repeaters").over(of_shop) / F.sum("buyers").over(of_shop)
        facts = {
            "recent_buyers": F.col(f"buyers_{self.popular_days}"),
            "buyers": F.col("buyers"),
            "repeat_rate": (F.col("repeaters") + _PRIOR_BUYERS * shop_rate) / (F.col("buyers") + _PRIOR_BUYERS),
            "window_days": _shortest(windows, F.lit),
            "window_buyers": _shortest(windows, lambda days: F.col(f"buyers_{days}")),
            "window_units": _shortest(windows, lambda days: F.col(f"units_{days}")),
            "last_sold_age": F.col("age"),
            "first_sold_age": F.col("oldest"),
            "price": F.when(F.col("quantity") > 0, F.col("revenue") / F.col("quantity")),
        }
        factors = F.array(*(F.coalesce(facts[name].cast("float"), F.lit(0.0).cast("float")) for name in ITEM_FACTS))
        return counted.select(F.lit("item").alias("side"), F.col("item_id").alias("id"), F.array().cast("array<string>").alias("ids"), factors.alias("factors"))


def _shortest(windows: list[int], value: Any) -> Column:
    return F.coalesce(*(F.when(F.col("age") < days, value(days).cast("float")) for days in windows))
