# Databricks notebook source
# MAGIC %md
# MAGIC # The report, and one customer explained
# MAGIC
# MAGIC This notebook writes the page that a marketing lead opens, and tells of one customer. It reads the lake that notebook 01 makes, and
# MAGIC makes it where it is not there yet.
# MAGIC
# MAGIC On Databricks `place` must be a folder of a volume. Anywhere else it runs as a plain script: `python notebooks/03_report.py`.

# COMMAND ----------

import os
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame

import coterie
from coterie.synth import make_shop

place = Path(os.environ.get("COTERIE_PLACE", "demo/notebook")).absolute()  # on Databricks: /Volumes/catalog/schema/volume/coterie
customers, days = int(os.environ.get("COTERIE_CUSTOMERS", "500")), int(os.environ.get("COTERIE_DAYS", "365"))
show = globals().get("display", partial(DataFrame.show, truncate=60))

shop = coterie.open(f"{place}/lake", layers=[{"segments": {"feature_sets": ["behaviour"]}}])
if not (place / "raw").exists():
    make_shop(shop.spark, f"{place}/raw", customers=customers, days=days)
shop.run(source="coterie", input=f"{place}/raw")

# COMMAND ----------

# MAGIC %md
# MAGIC ## The page
# MAGIC
# MAGIC One file that holds all it shows and asks no network. On Databricks it is shown here; elsewhere open it in a browser.

# COMMAND ----------

page = shop.report(out=f"{place}/report.html")
print(f"{page}: {page.stat().st_size / 1e6:.1f} MB")  # noqa: T201 - a script says where it is
if "displayHTML" in globals():
    globals()["displayHTML"](page.read_text())

# COMMAND ----------

# MAGIC %md
# MAGIC ## One customer
# MAGIC
# MAGIC The most typical customer of the segment with most revenue: what they did, who is like them, what is offered to them and why, and
# MAGIC what would move them.

# COMMAND ----------

best = shop.table("segment_profiles").where("segmentation = 'chosen' and size > 0").orderBy("revenue", ascending=False).first()
title, sections = shop.explain(best["typical_customers"][0])
tables = [block for section in sections for block in section.blocks if block.kind == "table"]
print(title)  # noqa: T201 - a script tells of the customer
for table in tables:
    show(shop.spark.createDataFrame(table.texts(), [column.title for column in table.columns]))
