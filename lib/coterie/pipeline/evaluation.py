"""The job `evaluate`: the recommenders measured on a split of one's own, as a shop whose only events are the rows of two files."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from coterie.errors import UserError
from coterie.pipeline.contest import Contest
from coterie.pipeline.run import Run
from coterie.schemas import TABLES
from coterie.settings import Settings, load_settings
from coterie.sources.table import read_table, reading

# What a column may be called in the files, in small letters.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "user": ("user", "user_id", "userid", "customer", "customer_id", "customerid"),
    "item": ("item", "item_id", "itemid", "product", "product_id", "productid"),
    "weight": ("weight", "rating", "quantity", "count"),
    "time": ("time", "timestamp", "date", "day", "occurred_at"),
    "title": ("title", "name", "description"),
    "category": ("category",),
}
_UNTIMED = datetime.date(2000, 1, 1)  # the first of the days that rows without a time are put on
_FOREVER = 100_000  # days, about 270 years
_UNFADING = 1e9  # days after which half of a weight is left, where there are no times


def run_evaluate(run: Run) -> None:
    """Writes `recommendation_quality` for the files run.options["train"] and ["test"]: CSV or Parquet with user, item, and, where they have
    them, weight (more than 0), time (a date, an ISO 8601 text or seconds since 1970), title and category.

    The last window of TRAIN, as long as TEST's, chooses and trains; TEST is only measured on. Without times a fifth of TRAIN, drawn by a hash,
    stands for such a window. Figures of a split that the lake held before are taken out.

    Raises UserError where a file is not there or not readable, lacks a column, or holds a row that cannot be used, and for a shop's lake, whose
    items and customers' days it would replace.
    """
    if run.lake.exists("events"):
        raise UserError(
            f"the lake '{run.lake.place}' holds a shop's events, and evaluate needs a lake of its own, since it replaces items and what customers did: "
            "leave --lake away, or give an empty place"
        )
    run.step("reading the two files")
    (train, train_notes), (test, test_notes) = (_read(run, str(run.options[name]), name.upper()) for name in ("train", "test"))
    train_rows, test_rows = _checked(train, str(run.options["train"])), _checked(test, str(run.options["test"]))
    timed = _timed(train, test, train_rows, test_rows)
    given = run.settings
    run.settings = _settings_for(given, timed, "weight" in train.columns, "title" in train.columns)
    mean = float(train_rows["mean_weight"] or 1.0)
    run.replace("customer_item_days", _item_days(timed.train, mean).unionByName(_item_days(timed.test, mean)))
    run.replace("items", _items(train.unionByName(test, allowMissingColumns=True)))
    contest = Contest(run, timed.tested_from + datetime.timedelta(days=timed.window_days))
    run.step("weighing what users did")
    contest.weigh(contest.validated_from, contest.tested_from)
    verdict = contest.held()
    if verdict is None:
        raise UserError("no row of TRAIN comes before TEST's: there is nothing to learn from")
    run.delete("recommendation_quality", f"as_of <> DATE '{contest.as_of}'")  # of another split, whose items and days are gone too
    notes = [f"TRAIN {train_rows['rows']:,} rows, {train_rows['users']:,} users, {train_rows['items']:,} items; TEST {test_rows['rows']:,} rows"]
    notes += [*train_notes, *test_notes, *timed.notes, *_overruled(given, run.settings)]
    if train_rows["rows"] > train_rows["pairs"]:
        notes.append(f"{train_rows['rows'] - train_rows['pairs']:,} rows of TRAIN repeat a user and item: they add up, once a day")
    overlap = test.select("user", "item").distinct().join(train.select("user", "item").distinct(), ["user", "item"], how="left_semi").count()
    if overlap:
        notes.append(f"{overlap:,} pairs of TEST are in TRAIN too: they count under 'all', and are left out under 'new'")
    strangers = test.select("user").distinct().join(train.select("user").distinct(), "user", how="left_anti").count()
    if strangers:
        notes.append(f"{strangers:,} users of TEST are not in TRAIN: population 'cold', measured apart")
    at = contest.headline_at()
    run.measure(**{f"{model}_ndcg_at_{at}": values[f"ndcg_at_{at}"] for model, values in verdict.measures.items()})
    notes.append(f"chosen, before TEST was looked at: {verdict.chosen}, since {contest.reason_for(verdict)}")
    run.say("\n".join(notes))


@dataclass(frozen=True)
class _Timed:
    """The rows of both files with a `day`, the day that TEST comes after, and how many days it lasts; `notes`: times that say nothing."""

    train: DataFrame
    test: DataFrame
    tested_from: datetime.date
    window_days: int
    has_times: bool
    notes: tuple[str, ...] = ()


def _read(run: Run, path: str, called: str) -> tuple[DataFrame, list[str]]:
    """(user, item text; weight double, time date, title, category text where the file has them), and which of several columns was taken."""
    raw = read_table(run.spark, path, infers=False, otherwise="csv")
    there = {name.strip().lower(): name for name in raw.columns}
    fitting = {name: [there[spelling] for spelling in spellings if spelling in there] for name, spellings in _NAMES.items()}
    found = {name: columns[0] for name, columns in fitting.items() if columns}
    notes = [f"{called}'s {name} is its column '{columns[0]}', not {' or '.join(columns[1:])}" for name, columns in fitting.items() if len(columns) > 1]
    missing = [name for name in ("user", "item") if name not in found]
    if missing:
        raise UserError(f"'{path}' has the columns {raw.columns}; expected one for {' and '.join(missing)}, such as {missing[0]}")
    kinds: dict[str, Column] = {
        "weight": F.expr(f"try_cast(`{found['weight']}` as double)") if "weight" in found else F.lit(None),
        "time": _day(raw, found["time"]) if "time" in found else F.lit(None),
    }
    return raw.select(*(kinds.get(name, F.col(f"`{column}`").cast("string")).alias(name) for name, column in found.items())), notes


def _day(raw: DataFrame, column: str) -> Column:
    quoted = f"`{column}`"
    if dict(raw.dtypes)[column] in ("date", "timestamp", "timestamp_ntz"):
        return F.col(quoted).cast("date")
    seconds = F.expr(f"try_cast({quoted} as double)")
    is_number = seconds.isNotNull() & F.col(quoted).cast("string").rlike(r"^\d{9,11}(\.\d+)?$")
    return F.when(is_number, F.to_date(F.timestamp_seconds(seconds))).otherwise(F.expr(f"try_cast(cast({quoted} as string) as date)"))


def _checked(rows: DataFrame, path: str) -> Row:
    """Counts of a file, in one pass. Raises UserError naming what a row lacks."""
    def wrong(condition: Column) -> Column:
        return F.count(F.when(condition, F.lit(1)))

    has_time = "time" in rows.columns
    weight = F.col("weight") if "weight" in rows.columns else F.lit(1.0)
    time = F.col("time") if has_time else F.lit(None).cast("date")
    counted = rows.agg(
        F.count(F.lit(1)).alias("rows"),
        F.count_distinct("user").alias("users"),
        F.count_distinct("item").alias("items"),
        F.count_distinct("user", "item").alias("pairs"),
        F.avg(weight).alias("mean_weight"),
        wrong(F.col("user").isNull() | (F.trim("user") == "")).alias("user"),
        wrong(F.col("item").isNull() | (F.trim("item") == "")).alias("item"),
        wrong(weight.isNull() | F.isnan(weight) | (weight <= 0) | (weight == float("inf"))).alias("weight"),
        wrong(F.lit(has_time) & time.isNull()).alias("time"),
        F.min(time).alias("first"),
        F.max(time).alias("last"),
    )
    with reading(path):
        [found] = counted.collect()  # one row
    if not found["rows"]:
        raise UserError(f"'{path}' has no rows; expected at least one")
    expected = {"user": "some text", "item": "some text", "weight": "a number above 0", "time": "a date, an ISO 8601 text or seconds since 1970"}
    for name, words in expected.items():
        if found[name]:
            raise UserError(f"'{path}': {found[name]:,} of {found['rows']:,} rows have no usable {name}; expected {words}")
    return found


def _timed(train: DataFrame, test: DataFrame, train_rows: Row, test_rows: Row) -> _Timed:
    if "time" not in train.columns:
        is_later = F.pmod(F.xxhash64("user", "item"), F.lit(5)) == 0
        day = F.date_add(F.lit(_UNTIMED), is_later.cast("int"))
        tested_from = _UNTIMED + datetime.timedelta(days=1)
        after = F.lit(tested_from + datetime.timedelta(days=1))
        unused = ("TRAIN has no times: those of TEST are not used",) if "time" in test.columns else ()
        return _Timed(train.withColumn("day", day), test.withColumn("day", after), tested_from, 1, False, unused)
    last = train_rows["last"]
    known = train.withColumnRenamed("time", "day")
    if "time" in test.columns and test_rows["first"] > last:
        return _Timed(known, test.withColumnRenamed("time", "day"), last, (test_rows["last"] - last).days, True)
    window = max(1, min(28, (last - train_rows["first"]).days // 10))
    unused = (f"TEST's times are not used, since they begin on {test_rows['first']} and TRAIN's end on {last}",) if "time" in test.columns else ()
    return _Timed(known, test.drop("time").withColumn("day", F.lit(last + datetime.timedelta(days=window))), last, window, True, unused)


def _settings_for(settings: Settings, timed: _Timed, has_weight: bool, has_title: bool) -> Settings:
    """The user's settings, with what follows from the files: everything in TRAIN can be offered, and nothing fades where there are no times."""
    values = settings.model_dump()
    recommend = values["recommend"]
    recommend |= {"test_days": timed.window_days, "sellable_days": _FOREVER, "history_days": _FOREVER, "weigh_by_quantity": has_weight}
    recommend["models"] = [name for name in recommend["models"] if name != "content" or has_title] or ["popular"]
    if not timed.has_times:
        recommend["half_life_days"] = int(_UNFADING)
        recommend["popular"]["popular_days"] = _FOREVER // 60
        for name in ("als", "user_knn", "item_knn", "ease", "content", "repeat"):
            recommend[name] |= {key: _UNFADING for key in recommend[name] if key.endswith("half_life_days")}
    if recommend["serve"] not in ("best", *recommend["models"]):
        recommend["serve"] = "best"
    return load_settings([values])


def _overruled(given: Settings, used: Settings) -> list[str]:
    """What is said of settings that were given, and that the files decide."""
    notes, usual = [], load_settings().recommend.model_dump()
    before, after = given.recommend.model_dump(), used.recommend.model_dump()
    if before["models"] != after["models"]:
        instead = "popular is measured" if before["models"] == ("content",) else "the others are measured"
        chosen = ", and the best of them is chosen" if before["serve"] == "content" else ""
        notes.append(f"the model content needs titles, which TRAIN lacks: {instead}{chosen}")
    names = [name for name in ("test_days", "history_days", "sellable_days", "weigh_by_quantity") if before[name] not in (usual[name], after[name])]
    if names:
        notes.append(f"the files decide, and not the settings: {', '.join(f'{name} {after[name]}' for name in names)}")
    return notes


def _item_days(rows: DataFrame, mean_weight: float) -> DataFrame:
    """Rows of `customer_item_days`: a purchase a row; the weights are so scaled that they are 1 on average."""
    weight = F.col("weight") / F.lit(mean_weight) if "weight" in rows.columns else F.lit(1.0)
    units = F.sum(F.greatest(weight.cast("decimal(28,4)"), F.lit("0.0001").cast("decimal(28,4)"))).cast("decimal(28,4)")
    grouped = rows.groupBy(F.col("user").alias("customer_id"), F.col("item").alias("item_id"), F.col("day").alias("activity_date"))
    summed = grouped.agg(F.count(F.lit(1)).alias("purchase_count"), units.alias("purchase_quantity"))
    known = {"purchase_count", "purchase_quantity", "customer_id", "item_id", "activity_date"}
    made = {"activity_month": F.date_format("activity_date", "yyyy-MM"), "quantity": F.col("purchase_quantity")}
    columns = TABLES["customer_item_days"].columns
    return summed.select(
        *(F.col(c.name) if c.name in known else made.get(c.name, F.lit(0 if c.required else None)).cast(c.type).alias(c.name) for c in columns)
    )


def _items(rows: DataFrame) -> DataFrame:
    described = [F.max(name).alias(name) for name in ("title", "category") if name in rows.columns]
    found = rows.groupBy(F.col("item").alias("item_id")).agg(F.count(F.lit(1)).alias("rows"), *described)
    made = {"is_sellable": F.lit(True), "is_declared": F.lit(False)}
    columns = TABLES["items"].columns
    return found.select(*(F.col(c.name) if c.name in found.columns else made.get(c.name, F.lit(None)).cast(c.type).alias(c.name) for c in columns))


