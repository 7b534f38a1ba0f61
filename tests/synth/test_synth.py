import datetime
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from coterie.catalogue import FEATURES
from coterie.errors import UserError
from coterie.synth import PERSONA_COLUMNS, PERSONAS, Truth, make_shop
from coterie.synth.assortment import make_assortment
from coterie.synth.behaviour import busyness, make_events
from coterie.synth.dirt import dirty_rows
from coterie.synth.encode import event_rows
from coterie.synth.profiles import Plan, make_profiles

LAST = datetime.date(2025, 12, 31)
CUSTOMERS, DAYS = 700, 20  # two chunks, the second a part of one


@pytest.fixture(scope="module")
def truth(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Truth:
    place = tmp_path_factory.mktemp("shops") / "shop"
    return make_shop(spark, str(place), customers=CUSTOMERS, days=DAYS, seed=7, last_day=LAST, dirty_share=0.02)


@pytest.fixture(scope="module")
def events(spark: SparkSession, truth: Truth) -> pd.DataFrame:
    """All rows of the small shop's event files: some 36,000."""
    return spark.read.parquet(f"{truth.place}/events").toPandas()


@pytest.fixture(scope="module")
def clean(events: pd.DataFrame) -> pd.DataFrame:
    found = events[events.event_id.str.startswith("E") & (events.channel != "phone")].drop_duplicates()
    return found.assign(at=pd.to_datetime(found.occurred_at), units=found.quantity.astype(float), money=found.unit_price.astype(float))


@pytest.fixture(scope="module")
def personas(spark: SparkSession, truth: Truth) -> pd.Series:
    return spark.read.parquet(f"{truth.place}/truth/personas").toPandas().set_index("customer_id").persona


def read_csv(spark: SparkSession, place: Path) -> DataFrame:
    return spark.read.option("header", "true").option("escape", '"').csv(str(place))


def sums(frame: DataFrame) -> dict[str, tuple[int, int]]:
    """A fingerprint of the rows, whatever their order: the sum of their hashes and their number, for each day."""
    names = [name for name in sorted(frame.columns) if name != "date"]
    row = F.xxhash64(*(F.coalesce(F.col(name).cast("string"), F.lit("\0")) for name in names)).cast("decimal(38,0)")
    of_day = frame.groupBy(F.col("date").cast("string").alias("day")).agg(F.sum(row).alias("hash"), F.count("*").alias("rows"))
    return {found["day"]: (found["hash"], found["rows"]) for found in of_day.collect()}


def test_the_same_arguments_make_the_same_rows_in_every_format(spark: SparkSession, truth: Truth, tmp_path: Path) -> None:
    expected = sums(spark.read.parquet(f"{truth.place}/events"))
    for kind in ("csv", "json"):
        place = tmp_path / kind
        make_shop(spark, str(place), customers=CUSTOMERS, days=DAYS, seed=7, last_day=LAST, format=kind, dirty_share=0.02)
        found = read_csv(spark, place / "events") if kind == "csv" else spark.read.json(str(place / "events"))
        assert sums(found) == expected
    items = read_csv(spark, tmp_path / "csv" / "items").toPandas()
    texts = [F.col(name).cast("string").alias(name) for name in items]
    assert items.equals(spark.read.parquet(f"{truth.place}/items").select(*texts).toPandas())


def test_a_chunk_is_the_same_whatever_makes_it_and_when(events: pd.DataFrame) -> None:
    first_day = np.datetime64(LAST) - (DAYS - 1)
    plan = Plan(CUSTOMERS, DAYS, 7, first_day, 0.02, None)
    shop = make_assortment(7, CUSTOMERS, DAYS)
    made = []
    for chunk in (1, 0):  # in this process, the last one first
        profiles = make_profiles(plan, chunk, shop.styles, busyness(plan))
        clean = event_rows(plan, chunk, profiles, shop, make_events(plan, chunk, profiles, shop))
        made += [clean.to_pandas(), dirty_rows(plan, chunk, clean).to_pandas()]
    order = ["event_id", "occurred_at", "channel"]
    here, there = pd.concat(made), events.assign(date=events.date.astype(str))
    written, expected = (frame.drop(columns="rating").fillna("").sort_values(order).reset_index(drop=True) for frame in (there, here))
    pd.testing.assert_frame_equal(written[expected.columns], expected)


def test_another_seed_makes_another_shop(spark: SparkSession, truth: Truth, tmp_path: Path) -> None:
    make_shop(spark, str(tmp_path / "other"), customers=3, days=2, seed=8, last_day=LAST)
    make_shop(spark, str(tmp_path / "same"), customers=3, days=2, seed=9, last_day=LAST)
    first, second = (sums(spark.read.parquet(str(tmp_path / name / "events"))) for name in ("other", "same"))
    assert first != second


def test_every_day_has_one_file_with_its_own_events(truth: Truth, clean: pd.DataFrame) -> None:
    folders = sorted(path.name for path in (truth.place / "events").glob("date=*"))
    assert folders == [f"date={LAST - datetime.timedelta(days=back)}" for back in reversed(range(DAYS))]
    assert all(len(list((truth.place / "events" / folder).glob("*.parquet"))) == 1 for folder in folders)
    assert (clean["at"].dt.date.astype(str) == clean.date.astype(str)).all()


def test_dirty_rows_are_as_many_as_the_truth_says(events: pd.DataFrame, truth: Truth) -> None:
    is_repeat = events.duplicated()
    distinct = events[~is_repeat]
    date, number = distinct.occurred_at, distinct.quantity.dropna()
    found = {
        "duplicate": is_repeat.sum(),
        "conflicting_id": distinct.event_id.duplicated().sum(),
        "date_unreadable": date.str.contains("^soon$|-02-30T|-13-01T").sum(),
        "date_out_of_range": date.str.contains("^0001-|^9999-").sum(),
        "quantity_unreadable": pd.to_numeric(number, errors="coerce").isna().sum(),
        "price_unreadable": distinct.unit_price.isin(["NaN", "Infinity", "-Infinity"]).sum(),
        "currency_other": (distinct.currency.dropna() != "EUR").sum(),
        "event_type_unknown": distinct.event_type.isin(["teleport", "purchase?"]).sum(),
        "item_missing": (distinct.item_id.isna() & (distinct.event_type != "search")).sum(),
        "customer_id_too_long": (distinct.customer_id.str.len() > 512).sum(),
    }
    assert found == truth.dirty == json.loads((truth.place / "truth" / "dirty.json").read_text())
    assert truth.duplicate_count == truth.dirty["duplicate"] > 0
    assert truth.rejected_count == 9 * truth.dirty["duplicate"]
    assert sum(truth.dirty.values()) == pytest.approx(0.02 * len(events), rel=0.15)


def test_amounts_have_the_signs_of_their_events(clean: pd.DataFrame) -> None:
    signs = {kind: {float(sign) for sign in np.sign(rows.units.dropna())} for kind, rows in clean.groupby("event_type")}
    assert set(signs) == {"view", "search", "cart", "impression", "click", "purchase", "return", "cancel", "review"}
    assert {kind: found for kind, found in signs.items() if found} == {"purchase": {1.0}, "return": {-1.0}, "cancel": {-1.0}}
    is_money = clean.units.notna()
    assert (clean.money[is_money] > 0).all()
    assert clean.money[~is_money].isna().all()
    assert clean.rating.dropna().between(1, 5).all()
    assert clean[clean.event_type == "review"].text.notna().all()
    assert clean[clean.event_type == "search"]["query"].notna().all()


def test_a_cancel_undoes_a_purchase_before_it_in_full(clean: pd.DataFrame) -> None:
    line = ["customer_id", "item_id", "order_id", "unit_price"]
    bought, cancelled = (clean[clean.event_type == kind] for kind in ("purchase", "cancel"))
    by_line = Counter(zip(*(bought[name] for name in line), bought.units, strict=True))
    undone = Counter(zip(*(cancelled[name] for name in line), -cancelled.units, strict=True))
    assert len(cancelled) > 20
    assert undone <= by_line
    first = bought.groupby("order_id")["at"].min()
    assert (cancelled["at"] > cancelled.order_id.map(first)).all()


def test_customers_who_are_not_cold_have_five_orders_and_cold_ones_none(clean: pd.DataFrame, personas: pd.Series) -> None:
    orders = clean[clean.event_type == "purchase"].groupby("customer_id").order_id.nunique().reindex(personas.index, fill_value=0)
    is_cold = personas == "cold"
    assert len(personas) == CUSTOMERS
    assert (orders[~is_cold] >= 5).all()
    assert (orders[is_cold] == 0).all()
    assert is_cold.mean() == pytest.approx(0.08, abs=0.04)
    assert clean.customer_id.isna().mean() == pytest.approx(0.05, abs=0.02)


def test_each_persona_buys_mostly_its_favourites(spark: SparkSession, clean: pd.DataFrame, personas: pd.Series, truth: Truth) -> None:
    items = spark.read.parquet(f"{truth.place}/items").toPandas().set_index("item_id")
    bought = clean[(clean.event_type == "purchase") & clean.customer_id.notna()]
    bought = bought.assign(persona=bought.customer_id.map(personas), category=bought.item_id.map(items.category))
    assert items.is_sellable.mean() > 0.9
    assert set(truth.favourites) == {persona.name for persona in PERSONAS}
    for persona, favourites in truth.favourites.items():
        is_own = bought.persona == persona
        in_category, in_items = bought.category.isin(favourites["categories"]), bought.item_id.isin(favourites["items"])
        assert in_category[is_own].mean() > 0.75
        assert in_items[is_own].mean() > 2 * in_items[~is_own].mean()
    assert truth.favourites == json.loads((truth.place / "truth" / "favourites.json").read_text())


def test_personas_stand_apart_in_the_columns_that_planted_them(clean: pd.DataFrame, personas: pd.Series) -> None:
    assert set(PERSONA_COLUMNS) <= {feature.name for feature in FEATURES}
    known = clean[clean.customer_id.notna()].assign(revenue=clean.units * clean.money)
    bought = known[known.event_type == "purchase"]
    of_order = bought.groupby("customer_id")
    features = pd.DataFrame({
        "frequency": of_order.order_id.nunique(),
        "average_order_value": np.log(of_order.revenue.sum() / of_order.order_id.nunique()),
        "unit_price": np.log(of_order.revenue.sum() / of_order.units.sum()),
        "evening_share": (known["at"].dt.hour >= 18).groupby(known.customer_id).mean(),
        "weekend_share": (known["at"].dt.dayofweek >= 5).groupby(known.customer_id).mean(),
        "app_share": (known.channel == "app").groupby(known.customer_id).mean(),
    }).dropna()  # fmt: skip
    assert list(features) == list(PERSONA_COLUMNS)
    scaled = (features - features.mean()) / features.std()
    own = personas.reindex(scaled.index)
    centres = scaled.groupby(own).mean()
    distances = np.linalg.norm(scaled.to_numpy()[:, None] - centres.to_numpy()[None], axis=2)
    assert (centres.index[distances.argmin(axis=1)] == own).mean() > 0.95
    explained = 1 - (scaled - centres.loc[own].set_index(scaled.index)).var() / scaled.var()
    assert explained.min() > 0.6, explained


def test_who_moved_has_two_periods(spark: SparkSession, truth: Truth) -> None:
    declared = spark.read.parquet(f"{truth.place}/customers").toPandas()
    by_customer = declared.groupby("customer_id")
    periods = by_customer.agg(rows=("country", "size"), countries=("country", "nunique"), days=("valid_from", "nunique"))
    assert len(periods) == CUSTOMERS
    assert periods["rows"].max() == 2
    assert (periods["rows"] == periods.countries).all()
    assert (periods["rows"] == periods.days).all()


def test_a_finished_shop_is_left_alone_and_another_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    place = tmp_path / "shop"
    first = make_shop(spark, str(place), customers=1, days=1, last_day=LAST)
    files = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    assert make_shop(spark, str(place), customers=1, days=1, last_day=LAST) == first
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == files
    with pytest.raises(UserError, match="other arguments"):
        make_shop(spark, str(place), customers=2, days=1, last_day=LAST)


def test_a_folder_with_something_else_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        make_shop(spark, str(tmp_path), customers=1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"format": "cvs"}, "did you mean 'csv'"),
        ({"customers": 0}, "customers = 0"),
        ({"days": 0}, "days = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"dirty_share": 0.5}, "dirty_share = 0.5"),
    ],
)
def test_arguments_out_of_bounds_are_named(spark: SparkSession, tmp_path: Path, arguments: dict[str, int], told: str) -> None:
    with pytest.raises(UserError, match=told):
        make_shop(spark, str(tmp_path / "shop"), **arguments)
