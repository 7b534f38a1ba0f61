"""All features of all customers as of a date, put together from what the other modules of this room add up."""

import datetime
from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from coterie.catalogue import FEATURES, SEASONS, WEEKDAYS
from coterie.features.attributes import attributes_at
from coterie.features.effective import effective_days
from coterie.features.tastes import taste_totals
from coterie.features.windows import window_totals
from coterie.schemas import CHANNELS, CUSTOMER_FEATURES, HOUR_BANDS

_PARTS = (*CHANNELS, "other_channel", *HOUR_BANDS, *WEEKDAYS, *SEASONS)


def customer_features(
    state: DataFrame,
    days: DataFrame,
    cancellations: DataFrame,
    customers: DataFrame,
    items: DataFrame,
    *,
    as_of: datetime.date,
    age_bands: Sequence[int],
    has_holidays: bool,
) -> DataFrame:
    """Rows of `customer_features`: one for each row of `state` (`customer_state` as of `as_of`), columns as the catalogue has them.

    `days` are rows of `daily_activity` from `windows.FIRST_DAY` days before the date on (others do no harm). `has_holidays` says whether
    the state counted holidays: where no country is set, holiday_share is null and not 0.
    """
    joined = (
        state.repartition("customer_id")  # once for all joins
        .join(window_totals(effective_days(days, cancellations, as_of), as_of), on="customer_id", how="left")
        .join(taste_totals(state, items), on="customer_id", how="left")
        .join(attributes_at(customers, as_of, age_bands), on="customer_id", how="left")
        .withColumn("event_count", sum((F.col(f"{band}_count") for band in HOUR_BANDS), F.lit(0)))
    )
    columns = _value(as_of) | _rhythm(as_of) | _taste() | _regret() | _behaviour() | _habits(has_holidays)
    features = [_finished(columns.get(f.name, F.col(f.name)), f.type, f.missing).alias(f.name) for f in FEATURES]
    return joined.select(F.lit(as_of).alias("as_of"), "customer_id", *features).select(*CUSTOMER_FEATURES.names)


def _finished(column: Column, kind: str, missing: str) -> Column:
    """The column in its type; a total that nobody added to is 0 where the catalogue knows no null."""
    return column.cast(kind) if missing else F.coalesce(column, F.lit(0)).cast(kind)


def _over(above: Column, below: Column) -> Column:
    """Quotient in floating point, the last step of all; null where there is nothing to divide by."""
    return F.try_divide(above.cast("double"), below.cast("double"))


def _since(day: str, as_of: datetime.date) -> Column:
    return F.datediff(F.lit(as_of), F.col(day))


def _value(as_of: datetime.date) -> dict[str, Column]:
    orders = F.col("order_count")
    return {
        "recency": _since("last_order_on", as_of),
        "frequency": orders,
        "monetary": F.col("revenue"),
        "gross_revenue": F.col("purchase_revenue"),
        "unit_count": F.col("purchase_quantity"),
        "average_order_value": _over(F.col("purchase_revenue"), orders),
        "basket_size": _over(F.col("purchase_quantity"), orders),
        "lines_per_order": _over(F.col("purchase_count"), orders),
        "unit_price": _over(F.col("purchase_revenue"), F.col("purchase_quantity")),
        "price_level": _over(F.col("spend"), F.col("usual_spend")),
    }


def _rhythm(as_of: datetime.date) -> dict[str, Column]:
    """Of n gaps g between days with an order: mean (last - first) / n, variance (n sum(g^2) - sum(g)^2) / (n (n - 1)), all integers."""
    gaps = F.col("order_day_count") - 1
    span = F.datediff("last_order_on", "first_order_on").cast("bigint")
    mean = _over(F.when(gaps > 0, span), gaps)
    months = (_since("first_seen_on", as_of) + 1).cast("double") / 30
    return {
        "days_between_orders": mean,
        "days_between_orders_sd": F.when(gaps > 1, F.sqrt(_over(gaps * F.col("gap_square_sum") - span * span, gaps * (gaps - 1)))),
        "overdue": _over(_since("last_order_on", as_of), mean),
        "tenure": _since("first_seen_on", as_of),
        "days_since_first_order": _since("first_order_on", as_of),
        "days_since_last_event": _since("last_active_on", as_of),
        "monthly_orders": _over(F.col("order_count"), months),
        "monthly_revenue": _over(F.col("revenue"), months),
    }


def _taste() -> dict[str, Column]:
    lines = F.aggregate("items", F.lit(0).cast("bigint"), lambda total, item: total + item.purchase_count)
    count = F.size("items").cast("bigint")
    return {
        "item_count": count,
        "repeat_share": _over(lines - count, lines),
        "favourite_category_share": _over(F.col("favourite_line_count"), F.col("category_line_count")),
    }


def _regret() -> dict[str, Column]:
    return {
        "return_rate": _over(-F.col("return_quantity"), F.col("purchase_quantity")),
        "cancel_rate": _over(F.col("cancelled_count"), F.col("cancelled_count") + F.col("purchase_count")),
        "return_adjusted_value": _over(F.col("revenue"), F.col("order_count")),
    }


def _behaviour() -> dict[str, Column]:
    rates = {
        "carts_per_view": ("cart_count", "view_count"),
        "purchases_per_view": ("purchase_count", "view_count"),
        "purchases_per_cart": ("purchase_count", "cart_count"),
        "views_per_search": ("view_count", "search_count"),
        "clicks_per_impression": ("click_count", "impression_count"),
        "reviews_per_purchase": ("review_count", "purchase_count"),
        "events_per_session": ("event_count", "session_count"),
        "rating_mean": ("rating_sum", "rating_count"),
        "spend_per_active_day": ("revenue", "active_day_count"),
        "order_day_share": ("order_day_count", "active_day_count"),
    }
    return {name: _over(F.col(above), F.col(below)) for name, (above, below) in rates.items()}


def _habits(has_holidays: bool) -> dict[str, Column]:
    shares = {f"{part}_share": _over(F.col(f"{part}_count"), F.col("event_count")) for part in _PARTS}
    return shares | {
        "weekend_share": _over(F.col("saturday_count") + F.col("sunday_count"), F.col("event_count")),
        "holiday_share": _over(F.col("holiday_count"), F.col("event_count")) if has_holidays else F.lit(None),
    }
