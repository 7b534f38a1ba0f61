"""What is offered: to each segment, by whom, how often each item, and to a few customers by name."""

import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from coterie.report.queries.segments import of_date

MOST = 12  # items in the list of those offered most
IMAGES = 6  # pictures a segment
_TITLE = 400  # characters of a title that leave the table


def titled(frame: DataFrame, items: DataFrame) -> DataFrame:
    """The frame with `title` (the item's id where nobody said) and `category`."""
    known = items.select("item_id", F.substring("title", 1, _TITLE).alias("title"), "category")
    return frame.join(known, on="item_id", how="left").withColumn("title", F.coalesce("title", "item_id"))


def segment_offers(table: DataFrame, items: DataFrame, as_of: datetime.date, most: int = 5) -> DataFrame:
    """The first `most` items of each list of each segment of the chosen segmentation, with title and category."""
    rows = of_date(table, as_of).where((F.col("segmentation") == "chosen") & (F.col("rank") <= most))
    return titled(rows, items).orderBy("segment_id", "list", "rank")


def exposure(recommendations: DataFrame, as_of: datetime.date) -> DataFrame:
    """(offers, items): how many items are in so many customers' lists; adds up to all items offered."""
    of_item = of_date(recommendations, as_of).groupBy("item_id").agg(F.count(F.lit(1)).alias("offers"))
    return of_item.groupBy("offers").agg(F.count(F.lit(1)).alias("items"))


def sources(recommendations: DataFrame, as_of: datetime.date) -> DataFrame:
    """(source, model_id, offers): how many offers each recommender speaks for, in lists that the model ranked."""
    return of_date(recommendations, as_of).groupBy("source", "model_id").agg(F.count(F.lit(1)).alias("offers"))


def served(recommendations: DataFrame, models: DataFrame, as_of: datetime.date) -> DataFrame:
    """(model_id, kind) of the models that ranked lists of the date."""
    ranked = of_date(recommendations, as_of).select("model_id").distinct()
    return models.select("model_id", "kind").join(ranked, on="model_id", how="left_semi")


def best_offers(recommendations: DataFrame, items: DataFrame, as_of: datetime.date) -> DataFrame:
    """(item_id, title, category, customers): the items in most customers' lists."""
    of_item = of_date(recommendations, as_of).groupBy("item_id").agg(F.count(F.lit(1)).alias("customers"))
    first = of_item.orderBy(F.col("customers").desc(), "item_id").limit(MOST)
    return titled(first, items).orderBy(F.col("customers").desc(), "item_id")


def examples(recommendations: DataFrame, items: DataFrame, profiles: DataFrame, as_of: datetime.date, most: int = 3) -> DataFrame:
    """(segment_id, customer_id, rank, title, source, reason): the first offers to the most typical customer of each chosen segment."""
    typical = (
        of_date(profiles, as_of)
        .where((F.col("segmentation") == "chosen") & (F.size("typical_customers") > 0))
        .select("segment_id", F.element_at("typical_customers", 1).alias("customer_id"))
    )
    rows = of_date(recommendations, as_of).where(F.col("rank") <= most).join(F.broadcast(typical), on="customer_id", how="inner")
    shown = titled(rows, items).select("segment_id", "customer_id", "rank", "title", "source", F.substring("reason", 1, _TITLE).alias("reason"))
    return shown.orderBy("segment_id", "rank")


def images(generated: DataFrame, as_of: datetime.date) -> DataFrame:
    """(segment_id, category, uri): as an address that holds the picture, the best IMAGES pictures of each segment, by the discriminator, then by id."""
    best = Window.partitionBy("segment_id").orderBy(F.col("discriminator_score").desc(), "image_id")
    first = of_date(generated, as_of).withColumn("place", F.row_number().over(best)).where(F.col("place") <= IMAGES)
    return first.select("segment_id", "category", F.concat(F.lit("data:image/png;base64,"), F.base64("png")).alias("uri"))


def content_quality(quality: DataFrame, generated: DataFrame, as_of: datetime.date) -> DataFrame:
    """(measure, value, reference) over all categories of the model that made the pictures of the date; reference: the same of real images."""
    made = of_date(generated, as_of).select("model_id").distinct()
    over_all = quality.where("category = ''").join(F.broadcast(made), on="model_id", how="left_semi")
    return over_all.select("measure", "value", "reference").orderBy("measure")
