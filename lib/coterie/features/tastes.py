"""What a customer buys: categories, and how dear within them."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_PRICE = "decimal(20,8)"  # of a unit: fixed, so that spend at mean prices adds up alike in any order


def taste_totals(state: DataFrame, items: DataFrame) -> DataFrame:
    """`customer_state` of one as-of date and `items` -> one row a customer who bought an item.

    category_count, favourite_category (null: no item with a category), favourite_line_count and category_line_count (purchase lines of it,
    and of all categories), spend and usual_spend: revenue of the items, and what as many units of the same categories cost at the mean unit
    price of all customers of `state`. Items without a category are one category for the prices, and none for the tastes.
    """
    lines = (
        state.select("customer_id", "items")
        .repartition("customer_id")  # serves both groupings, and moves fewer bytes than the items one by one would
        .select("customer_id", F.explode("items").alias("item"))
        .select("customer_id", "item.*")
        .join(items.select("item_id", "category"), on="item_id", how="left")
    )
    bought = (
        lines.groupBy("customer_id", "category")
        .agg(*(F.sum(name).alias(name) for name in ("purchase_count", "quantity", "revenue")))
    )
    prices = (
        lines.groupBy("category")
        .agg(F.try_divide(F.sum("revenue").cast("double"), F.sum("quantity").cast("double")).cast(_PRICE).alias("mean_price"))
        .withColumnRenamed("category", "priced_category")
    )
    has_category = F.col("category").isNotNull()
    order = F.struct((-F.col("purchase_count")).alias("lines"), (-F.col("revenue")).alias("revenue"), "category")
    return (
        bought.join(F.broadcast(prices), on=F.col("category").eqNullSafe(F.col("priced_category")), how="left")
        .groupBy("customer_id")
        .agg(
            F.count("category").alias("category_count"),
            F.min(F.when(has_category, order)).alias("favourite"),
            F.sum(F.when(has_category, F.col("purchase_count"))).alias("category_line_count"),
            F.sum("revenue").alias("spend"),
            F.sum(F.col("quantity").cast("decimal(18,4)") * F.col("mean_price")).alias("usual_spend"),
        )
        .select(
            "customer_id",
            "category_count",
            F.col("favourite.category").alias("favourite_category"),
            (-F.col("favourite.lines")).alias("favourite_line_count"),
            "category_line_count",
            "spend",
            "usual_spend",
        )
    )
