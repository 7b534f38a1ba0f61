# Databricks notebook source
# MAGIC %md
# MAGIC # What is known of each customer
# MAGIC
# MAGIC This notebook looks at the features that the segments are made from: what each means, how it is spread, and which say the same.
# MAGIC It reads the lake that notebook 01 makes, and makes it where it is not there yet.
# MAGIC
# MAGIC On Databricks `place` must be a folder of a volume. Anywhere else it runs as a plain script: `python notebooks/02_features.py`.

# COMMAND ----------

import os
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

import coterie
from coterie.catalogue import FEATURES
from coterie.synth import make_shop

place = Path(os.environ.get("COTERIE_PLACE", "demo/notebook")).absolute()  # on Databricks: /Volumes/catalog/schema/volume/coterie
customers, days = int(os.environ.get("COTERIE_CUSTOMERS", "500")), int(os.environ.get("COTERIE_DAYS", "365"))
show = globals().get("display", partial(DataFrame.show, truncate=60))

shop = coterie.open(f"{place}/lake", layers=[{"segments": {"feature_sets": ["behaviour"]}}])
if not (place / "raw").exists():
    make_shop(shop.spark, f"{place}/raw", customers=customers, days=days)
shop.ingest(source="coterie", input=f"{place}/raw")
shop.features()

# COMMAND ----------

# MAGIC %md
# MAGIC ## The dictionary
# MAGIC
# MAGIC Every feature with its unit, its window, and what it means when it is missing. `coterie describe features` prints the same.

# COMMAND ----------

dictionary = [(f.name, f.unit, f.window, f.meaning, f.missing or "never null") for f in FEATURES]
show(shop.spark.createDataFrame(dictionary, "feature string, unit string, window string, measures string, null_means string"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## How the features are spread
# MAGIC
# MAGIC Quantiles over all customers of the newest date, and the share of those of whom a value is not known.

# COMMAND ----------

features = shop.table("customer_features")
newest = features.where(F.col("as_of") == features.agg(F.max("as_of")).first()[0])
numbers = [f.name for f in FEATURES if f.type not in {"string", "date"}]
long = newest.select("customer_id", *(F.col(name).cast("double") for name in numbers)).unpivot("customer_id", numbers, "feature", "value")
quantiles = F.percentile_approx("value", [0.05, 0.5, 0.95], 1000)
show(long.groupBy("feature").agg(quantiles.alias("low, middle, high"), F.avg(F.isnull("value").cast("double")).alias("missing")).orderBy("feature"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Features that say the same
# MAGIC
# MAGIC Pearson correlations of net revenue with all others, over the customers of whom both are known, the strongest first.

# COMMAND ----------

money = F.col("monetary").cast("double")
both = {name: (F.when(F.col(name).isNotNull(), money), F.col(name).cast("double")) for name in numbers if name != "monetary"}
measured = newest.agg(*(F.try_divide(F.covar_pop(a, b), F.stddev_pop(a) * F.stddev_pop(b)).alias(name) for name, (a, b) in both.items()))
pairs = measured.unpivot([], measured.columns, "feature", "correlation").where("correlation is not null")
show(pairs.orderBy(F.abs("correlation").desc()))
