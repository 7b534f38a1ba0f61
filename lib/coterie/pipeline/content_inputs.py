"""What the job `content` works on: the images to learn from, and what each segment buys of what they show."""

import hashlib
from dataclasses import dataclass

from pyspark.sql import functions as F

from coterie.content.mix import Mix, category_purchases, mixes
from coterie.errors import UserError
from coterie.lake import as_json
from coterie.pipeline.run import Run
from coterie.pipeline.segment_models import CHOSEN, of_date
from coterie.recommend.interactions import effective_purchases

_SHARDS = 16  # files of training data, at least: a process reads every n-th


@dataclass(frozen=True)
class Shelf:
    """The images to learn from. `data`: hash of what they are; `left_out`: categories with too few."""

    categories: tuple[str, ...]
    count: int
    data: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Segment:
    """A segment and what its images are drawn of."""

    segment_id: int
    name: str
    mix: Mix


@dataclass(frozen=True)
class Storage:
    """own: of what this lake exports, trains and draws, apart from other lakes at the same place; models: of weights, which are known by content."""

    own: str
    models: str


def storage_of(run: Run) -> Storage:
    place = run.settings.content.storage or ("" if run.lake.is_catalog else f"{run.lake.place}/_content")
    if not place:
        raise UserError("a lake in a catalog has no folder for training data and weights: set content.storage to a volume's path or an address")
    place = place.rstrip("/")
    lake = f"/lake-{hashlib.sha256(run.lake.place.encode()).hexdigest()[:16]}" if run.settings.content.storage else ""
    return Storage(f"{place}{lake}", f"{place}/models")


def shelf_of(run: Run) -> Shelf:
    """Raises UserError where there is too little to learn from."""
    images, fewest = run.read("item_images"), run.settings.content.min_category_images
    sums = F.sum(F.xxhash64("image_id", "is_test").cast("decimal(38,0)")).cast("string").alias("hash")
    counted = images.groupBy("category").agg(F.count_if(~F.col("is_test")).alias("learned"), F.count_if("is_test").alias("tested"), sums)
    rows = sorted(counted.collect(), key=lambda row: str(row["category"]))  # a row a category
    if not rows:
        raise UserError(f"the lake '{run.lake.place}' has no images to learn from; give their place with --images")
    fit = [row for row in rows if row["learned"] >= fewest and row["tested"]]
    if len(fit) < 2:
        there = ", ".join(f"{row['category']} ({row['learned']} to learn from, {row['tested']} to test)" for row in rows[:5])
        raise UserError(
            f"of {len(rows)} categories of images {len(fit)} can be learned, and quality is measured by telling two or more apart; expected "
            f"content.min_category_images = {fewest} or more to learn from and one to test in each, found: {there}"
        )
    settings = run.settings.content
    if settings.gan.batch < 2 * settings.processes:
        raise UserError(f"content.gan.batch is {settings.gan.batch} for content.processes = {settings.processes}; each needs two images or more of a batch")
    count, batch = sum(row["learned"] for row in fit), run.settings.content.gan.batch
    if count < batch:
        raise UserError(f"there are {count} images to learn from and content.gan.batch is {batch}; give more images or set a smaller batch")
    categories = tuple(row["category"] for row in fit)
    data = hashlib.sha256(as_json([[row["category"], row["learned"], row["tested"], row["hash"]] for row in fit]).encode()).hexdigest()
    return Shelf(categories, count, data, tuple(row["category"] for row in rows if row["category"] not in categories))


def segments_of(run: Run, shelf: Shelf) -> list[Segment]:
    """The segments of the date with their mixes. Raises UserError where there are none."""
    rows = run.read("segments").where(of_date(run.day) & (F.col("segmentation") == CHOSEN))
    names = {row["segment_id"]: row["segment_name"] for row in rows.groupBy("segment_id", "segment_name").count().collect()}  # a row a segment
    if not names:
        raise UserError(f"there are no segments as of {run.as_of}; run `coterie segments --as-of {run.as_of}` first")
    run.step("looking at what each segment buys")
    purchases = effective_purchases(run.read("customer_item_days"), run.read("cancellations"), run.day)
    recent = purchases.where(F.col("purchased_on") > F.date_sub(F.lit(run.as_of), run.settings.content.window_days))
    buyers: dict[int, dict[str, int]] = {}
    for row in category_purchases(rows, recent, run.read("items"), run.settings.content.category_names).collect():  # a row a segment and category
        buyers.setdefault(row["segment_id"], {})[row["category"]] = row["buyers"]
    found = mixes(buyers, sorted(names), shelf.categories)
    return [Segment(segment_id, names[segment_id], found[segment_id]) for segment_id in sorted(names)]


def export(run: Run, shelf: Shelf, storage: Storage) -> None:
    """The images as Parquet files of their own, in an order that does not depend on the cores: what the torch processes read."""
    labels = F.create_map(*(part for number, name in enumerate(shelf.categories) for part in (F.lit(name), F.lit(number).cast("bigint"))))
    files = max(_SHARDS, run.settings.content.processes)
    shard = F.pmod(F.xxhash64("image_id"), F.lit(files)).cast("int").alias("shard")
    images = run.read("item_images").where(F.col("category").isin(list(shelf.categories)))
    sharded = images.select(shard, "image_id", labels[F.col("category")].alias("label"), "is_test", "png").repartition("shard")
    sharded.sortWithinPartitions("shard", "image_id").write.mode("overwrite").partitionBy("shard").parquet(f"{storage.own}/images")
