"""What many customers bought lately: the list for customers of whom nothing is known, and what every other list is measured against."""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.recommend.blocks import beside_all_items
from coterie.recommend.kernels import order_block
from coterie.recommend.verbs import LISTS, Model, Request, Training, fitted, side

_WINDOWS = (1, 3, 12, 60)  # times popular_days: where the first window has too few items the next goes on, to five years at 30 days


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

    def learns_from(self, training: Training) -> DataFrame:
        return training.purchases

    def fit(self, training: Training, model_id: str) -> Model:
        """Factors of an item: the shortest window that holds a purchase of it, in days, then its buyers and units there.

        Window `days` holds the days as_of - days + 1 to as_of. As float these counts are exact up to 16.7 million.
        """
        windows = [times * self.popular_days for times in _WINDOWS]
        age = F.datediff(F.lit(training.as_of), F.col("purchased_on"))
        units = [F.sum(F.when(age < days, F.col("quantity"))).alias(f"units_{days}") for days in windows]
        by_customer = training.purchases.groupBy("item_id", "customer_id").agg(F.min(age).alias("age"), *units)
        counted = by_customer.groupBy("item_id").agg(
            F.min("age").alias("age"),
            *(F.count(F.when(F.col("age") < days, F.lit(1))).alias(f"buyers_{days}") for days in windows),
            *(F.sum(f"units_{days}").alias(f"units_{days}") for days in windows),
        )
        found = [F.when(F.col("age") < days, F.array(F.lit(days).cast("float"), _float(f"buyers_{days}"), _float(f"units_{days}"))) for days in windows]
        factors = counted.select(F.lit("item").alias("side"), F.col("item_id").alias("id"), F.coalesce(*found).alias("factors"))
        return fitted(self, training, model_id, factors.where(F.col("factors").isNotNull()))

    def recommend(self, model: Model, request: Request) -> DataFrame:
        """Score: the buyers within `popular_days`; 0 for the items that follow after those."""
        known = side(model, "item", "item_id").select(
            "item_id", *(F.col("factors")[place].alias(name) for place, name in enumerate(("window_days", "buyers", "units")))
        )
        joined = request.items.where("is_sellable").join(known, "item_id", how="left")
        score = F.when(F.col("window_days") == self.popular_days, F.col("buyers").cast("double")).otherwise(F.lit(0.0))
        items = joined.select("item_id", "window_days", "buyers", "units", score.alias("score"), _reason().alias("reason"))
        return beside_all_items(request.customers, items, functools.partial(order_block, count=request.count), LISTS, request.blocks)


def _float(column: str) -> Column:
    return F.col(column).cast("float")


def _reason() -> Column:
    buyers, days = F.col("buyers").cast("int"), F.col("window_days").cast("int").cast("string")
    who = F.concat(buyers.cast("string"), F.when(buyers == 1, F.lit(" customer")).otherwise(F.lit(" customers")))
    bought = F.concat(F.lit("bought by "), who, F.lit(" in the last "), days, F.lit(" days"))
    listed = F.concat(F.lit("in the shop since "), F.col("first_listed_on").cast("string"))
    return F.coalesce(bought, listed, F.lit("in the shop"))
