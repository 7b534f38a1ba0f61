"""The features of a customer, each an entry: what it is called, what it measures, and what it means when it is missing.

`customer_features` has one column an entry, in this order. The feature dictionary and the column comments are made from here.
This module stands beside `schemas` (which makes the table of it) and imports nothing of Coterie.

Words used throughout. A purchase, an order and an item bought are effective ones: a purchase cancelled in full on or before the as-of date
is none, and an order counts unless all its lines are cancelled. An order is counted on each day that has lines of it. Events are what the
customer did, adjustments (postage, fees) left out; an active day is one with an event. All windows end with the as-of date, included.
"""

from dataclasses import dataclass

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SEASONS = {"spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11), "winter": (12, 1, 2)}  # months, as the north counts them
WINDOWS = (30, 90)  # days


@dataclass(frozen=True)
class Feature:
    """One feature of a customer as of a date.

    `type` is Spark's simple name of the column type. `missing` says in words what null means (empty: never null); `fill` is what the
    model input puts in its place: a number, 'max', 'median' or 'unknown' (categories), with the reason in `fill_reason`.
    """

    name: str
    type: str
    unit: str
    meaning: str
    window: str = "lifetime"
    sources: tuple[str, ...] = ("daily_activity",)
    missing: str = ""
    fill: str = "0"
    fill_reason: str = "counts nothing where nothing happened"


_NEVER = "never bought"
_PAIRED = ("daily_activity", "cancellations")
_ITEMS = ("customer_item_days", "cancellations")
_CATEGORIES = (*_ITEMS, "items")


def _share(name: str, of: str, missing: str = "no event", sources: tuple[str, ...] = ("daily_activity",)) -> Feature:
    """A share of the customer's events."""
    reason = "someone of whom nothing is seen has the middle habit, not an extreme one"
    return Feature(f"{name}_share", "double", "share", f"share of the events {of}", "lifetime", sources, missing, "median", reason)


def _rate(name: str, unit: str, meaning: str, missing: str, sources: tuple[str, ...] = _PAIRED) -> Feature:
    reason = "what never had its occasion never happened"
    return Feature(name, "double", unit, meaning, "lifetime", sources, missing, "0", reason)


def _windowed(days: int) -> tuple[Feature, ...]:
    """What happened in the last `days` days, and against the `days` days before: (last - before) / (|last| + |before|)."""
    last, both = f"last {days} days", f"last {2 * days} days"
    trend = f"the last {days} days against the {days} before: difference over sum of sizes, -1 (stopped) to 1 (new)"
    same = "no change where nothing happened"
    return (
        Feature(f"orders_{days}d", "bigint", "orders", "orders", last, _PAIRED),
        Feature(f"monetary_{days}d", "decimal(28,4)", "currency", "net revenue", last),
        Feature(f"events_{days}d", "bigint", "events", "events", last),
        Feature(f"active_days_{days}d", "bigint", "days", "active days", last),
        Feature(f"order_trend_{days}d", "double", "ratio", f"orders of {trend}", both, _PAIRED, "no order in either", "0", same),
        Feature(f"monetary_trend_{days}d", "double", "ratio", f"net revenue of {trend}", both, missing="none in either", fill_reason=same),
        Feature(f"event_trend_{days}d", "double", "ratio", f"events of {trend}", both, missing="no event in either", fill_reason=same),
    )


_VALUE = (
    Feature("recency", "int", "days", "days from the last day with an order to the as-of date, which counts as 0", "lifetime", _PAIRED,
            _NEVER, "max", "never bought is at least as far away as the longest absence seen"),
    Feature("frequency", "bigint", "orders", "orders that were not cancelled in full", "lifetime", _PAIRED),
    Feature("monetary", "decimal(28,4)", "currency", "net revenue: purchases less returns and cancels"),
    Feature("gross_revenue", "decimal(28,4)", "currency", "revenue of the purchases, returns not taken off", "lifetime", _PAIRED),
    Feature("purchase_count", "bigint", "lines", "purchase lines", "lifetime", _PAIRED),
    Feature("unit_count", "decimal(28,4)", "units", "units bought, returns not taken off", "lifetime", _PAIRED),
    _rate("average_order_value", "currency per order", "revenue of the purchases per order", _NEVER),
    _rate("basket_size", "units per order", "units per order", _NEVER),
    _rate("lines_per_order", "lines per order", "purchase lines per order", _NEVER),
    Feature("unit_price", "double", "currency per unit", "revenue of the purchases per unit bought", "lifetime", _PAIRED, _NEVER,
            "median", "buys at middling prices until seen otherwise"),
    Feature("price_level", "double", "ratio", "spend on items over what the same units cost at their category's mean unit price, over all "
            "purchases of the shop up to the date; items without a category are one category", "lifetime", _CATEGORIES,
            "bought no item, or only free ones", "1", "pays what others pay until seen otherwise"),
)

_RHYTHM = (
    Feature("order_day_count", "bigint", "days", "days with an order", "lifetime", _PAIRED),
    Feature("days_between_orders", "double", "days", "mean days from one day with an order to the next", "lifetime", _PAIRED,
            "fewer than two days with an order", "max", "no return seen yet: slower than the slowest seen"),
    Feature("days_between_orders_sd", "double", "days", "standard deviation (n - 1) of the days between orders", "lifetime", _PAIRED,
            "fewer than three days with an order", "median", "as regular as the middle customer until seen otherwise"),
    Feature("overdue", "double", "ratio", "recency over the mean days between orders: above 1 the next order is late", "lifetime", _PAIRED,
            "fewer than two days with an order", "median", "as late as the middle customer until a rhythm is seen"),
    Feature("tenure", "int", "days", "days from the first event, adjustments included, to the as-of date", "lifetime"),
    Feature("days_since_first_order", "int", "days", "days from the first day with an order to the as-of date", "lifetime", _PAIRED,
            _NEVER, "0", "has not begun"),
    Feature("days_since_last_event", "int", "days", "days from the last active day to the as-of date", missing="no event but adjustments",
            fill="max", fill_reason="never active is at least as far away as the longest absence seen"),
    _rate("monthly_orders", "orders per 30 days", "orders per 30 days of tenure, the as-of date included", "", _PAIRED),
    _rate("monthly_revenue", "currency per 30 days", "net revenue per 30 days of tenure, the as-of date included", "", ("daily_activity",)),
)

_TASTE = (
    Feature("item_count", "bigint", "items", "distinct items bought", "lifetime", _ITEMS),
    Feature("category_count", "bigint", "categories", "distinct categories bought", "lifetime", _CATEGORIES),
    _rate("repeat_share", "share", "share of the purchase lines whose item was not the first of its kind: 1 - items / lines",
          "bought no item", _ITEMS),
    Feature("favourite_category", "string", "category", "category with most purchase lines; ties: more revenue, then the first by name",
            "lifetime", _CATEGORIES, "bought nothing with a category", "unknown", "nothing bought is a taste of its own"),
    _rate("favourite_category_share", "share", "its share of the purchase lines with a category", "bought nothing with a category", _CATEGORIES),
)

_REGRET = (
    Feature("return_count", "bigint", "events", "returns"),
    _rate("return_rate", "share", "units returned over units bought; above 1 where what was bought before the first day came back", _NEVER),
    Feature("cancel_count", "bigint", "events", "cancels, of part of a purchase too"),
    _rate("cancel_rate", "share", "share of all purchase lines that were cancelled in full", "no purchase line, cancelled or not"),
    _rate("return_adjusted_value", "currency per order", "net revenue per order: what an order leaves after returns and cancels", _NEVER),
)

_BEHAVIOUR = (
    Feature("event_count", "bigint", "events", "events"),
    Feature("active_day_count", "bigint", "days", "active days"),
    Feature("session_count", "bigint", "sessions", "sessions, each counted on each of its days"),
    Feature("view_count", "bigint", "events", "items looked at"),
    Feature("search_count", "bigint", "events", "searches"),
    Feature("cart_count", "bigint", "events", "items put into the cart"),
    Feature("impression_count", "bigint", "events", "offers shown"),
    Feature("click_count", "bigint", "events", "offers clicked"),
    Feature("review_count", "bigint", "events", "reviews written"),
    Feature("rating_mean", "double", "stars", "mean stars given", missing="gave none", fill="median",
            fill_reason="judges as the middle customer until seen otherwise"),
    _rate("carts_per_view", "ratio", "carts over views", "no view", ("daily_activity",)),
    _rate("purchases_per_view", "ratio", "purchase lines over views", "no view"),
    _rate("purchases_per_cart", "ratio", "purchase lines over carts", "no cart"),
    _rate("views_per_search", "ratio", "views over searches", "no search", ("daily_activity",)),
    _rate("clicks_per_impression", "ratio", "clicks over impressions", "no impression", ("daily_activity",)),
    _rate("reviews_per_purchase", "ratio", "reviews over purchase lines", _NEVER),
    _rate("events_per_session", "events per session", "events over sessions", "no session", ("daily_activity",)),
    _rate("spend_per_active_day", "currency per day", "net revenue per active day", "no event", ("daily_activity",)),
    _rate("order_day_share", "share", "share of the active days that have an order", "no event"),
)

_HABITS = (
    *(_share(channel, f"in channel {channel}") for channel in ("web", "app", "store")),
    _share("other_channel", "in any other channel, or in none"),
    *(_share(band, f"from {hours} o'clock") for band, hours in
      (("night", "0 to 6"), ("morning", "6 to 12"), ("afternoon", "12 to 18"), ("evening", "18 to 24"))),
    *(_share(day, f"on a {day.capitalize()}") for day in WEEKDAYS),
    _share("weekend", "on a Saturday or Sunday"),
    *(_share(season, f"in months {', '.join(map(str, months))}") for season, months in SEASONS.items()),
    _share("holiday", "on a public holiday of the shop's country", "no event, or no country set", ("daily_activity", "public holidays")),
)

_DECLARED = (
    Feature("country", "string", "country", "country", "at the date", ("customers",), "not declared", "unknown", "a group of its own"),
    Feature("age_band", "string", "years", "age reached in the year of the as-of date, in bands", "at the date", ("customers",),
            "year of birth not declared", "unknown", "a group of its own"),
    Feature("gender", "string", "gender", "gender as declared", "at the date", ("customers",), "not declared", "unknown", "a group of its own"),
    Feature("joined_on", "date", "day", "day they joined; no number, so not for the vector", "at the date", ("customers",),
            "not declared, or later than the date", "", "not for the vector"),
    Feature("days_since_joined", "int", "days", "days from joining to the as-of date", "at the date", ("customers",),
            "not declared, or later than the date", "median", "joined when the middle customer did"),
)

FEATURES: tuple[Feature, ...] = (
    *_VALUE, *_RHYTHM, *_TASTE, *_REGRET, *_BEHAVIOUR, *_HABITS, *(feature for days in WINDOWS for feature in _windowed(days)), *_DECLARED,
)
