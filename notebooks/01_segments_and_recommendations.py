# Databricks notebook source
# MAGIC %md
# MAGIC # From raw files to segments and recommendations
# MAGIC
# MAGIC This notebook makes a small seeded shop, reads its files into Delta tables, finds the groups among its customers, and decides what
# MAGIC to offer each of them. It calls Coterie and shows what came of it.
# MAGIC
# MAGIC It runs on a Databricks cluster with Coterie's wheel installed, where `place` must be a folder of a volume, and as a plain script
# MAGIC anywhere else: `python notebooks/01_segments_and_recommendations.py`. To use a shop of your own, leave out `make_shop`, and name
# MAGIC its files and their mapping in `shop.run`. Run it again, and nothing changes: what is done is not done twice.

# COMMAND ----------

import os
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import coterie
from coterie.synth import make_shop

place = Path(os.environ.get("COTERIE_PLACE", "demo/notebook")).absolute()  # on Databricks: /Volumes/catalog/schema/volume/coterie
customers, days = int(os.environ.get("COTERIE_CUSTOMERS", "500")), int(os.environ.get("COTERIE_DAYS", "365"))
show = globals().get("display", partial(DataFrame.show, truncate=60))

# COMMAND ----------

# MAGIC %md
# MAGIC ## A shop
# MAGIC
# MAGIC Events, one file a day: six kinds of customers, and one dirty row in a hundred. Customers are grouped by the features that the
# MAGIC kinds were planted in; without that setting it is recency, frequency and monetary value.

# COMMAND ----------

shop = coterie.open(f"{place}/lake", layers=[{"segments": {"feature_sets": ["behaviour"]}}])
truth = make_shop(shop.spark, f"{place}/raw", customers=customers, days=days)
show(shop.spark.createDataFrame(sorted(truth.dirty.items()), "kind string, planted bigint"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## All jobs
# MAGIC
# MAGIC `run` does what `coterie run` does. Each job is a method of its own too: `ingest`, `features`, `segments`, `recommend`.
# MAGIC Every row read is an event, or was rejected with its reasons, or repeats an event.

# COMMAND ----------

shop.run(source="coterie", input=f"{place}/raw")
finished = shop.table("runs").where("event = 'finished'").orderBy("at")
show(finished.select("job", "as_of", "rows_read", "rows_accepted", "rows_rejected", "rows_duplicate"))
show(finished.where("job = 'ingest'").select(F.explode("rejected_by_reason").alias("reason", "rows")).orderBy("reason"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The groups
# MAGIC
# MAGIC The segments as of the last day, largest share of the revenue first, and which kinds of customers are in each.

# COMMAND ----------

profiles = shop.table("segment_profiles").where("segmentation = 'chosen'")
show(profiles.select("segment_id", "segment_name", "size", "share", "revenue_share").orderBy(F.col("revenue_share").desc()))

# COMMAND ----------

personas = shop.spark.read.parquet(f"{place}/raw/truth/personas")
segments = shop.table("segments").where("segmentation = 'chosen'")
known = segments.join(personas, on="customer_id", how="inner")
show(known.groupBy("segment_id", "segment_name").pivot("persona").count().fillna(0).orderBy("segment_id"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What to offer
# MAGIC
# MAGIC The first three offers to some customers, with the reason in words, and how good the lists were on the last two weeks, beside
# MAGIC the list of popular items.

# COMMAND ----------

offers = shop.table("recommendations").join(shop.table("items").select("item_id", "title"), on="item_id", how="inner")
show(offers.where("rank <= 3").select("customer_id", "rank", "title", "source", "reason").orderBy("customer_id", "rank").limit(15))

# COMMAND ----------

quality = shop.table("recommendation_quality").where("measure = 'ndcg' and k = 10")
show(quality.select("protocol", "population", "model", "value", "low", "high", "customers").orderBy("protocol", "population", "model"))
