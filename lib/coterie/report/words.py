"""Numbers as a reader says them: shares, money, days, features."""

import datetime
import math
from decimal import Decimal
from fractions import Fraction

from coterie.catalogue import FEATURES, SEASONS

_UNITS = {feature.name: feature.unit for feature in FEATURES}
_MEANINGS = {feature.name: feature.meaning for feature in FEATURES}
_ONE = {"days": "day", "orders": "order", "lines": "line", "units": "unit", "items": "item", "categories": "category", "events": "event",
        "sessions": "session", "stars": "star"}  # units that stand behind their number  # fmt: skip
_THIN, _NBSP = "\u202f", "\u00a0"  # no-break spaces, narrow and whole

# Fractions that are said aloud.
_SPOKEN = tuple(sorted({Fraction(part, whole) for whole in (2, 3, 4, 5, 6, 10) for part in range(1, whole)} | {Fraction(1, whole) for whole in range(7, 21)}))

# What a shop owner would call the features whose names are the analyst's.
_LABELS = {
    "recency": "days since the last order",
    "frequency": "orders",
    "monetary": "net revenue",
    "gross_revenue": "revenue before returns",
    "purchase_count": "lines bought",
    "unit_count": "units bought",
    "average_order_value": "value of an order",
    "basket_size": "units an order",
    "lines_per_order": "lines an order",
    "unit_price": "price of a unit",
    "price_level": "price level",
    "order_day_count": "days with an order",
    "days_between_orders": "days between orders",
    "days_between_orders_sd": "irregularity of orders",
    "overdue": "how overdue the next order is",
    "tenure": "days known to the shop",
    "monthly_orders": "orders a month",
    "monthly_revenue": "net revenue a month",
    "item_count": "different items bought",
    "category_count": "different categories bought",
    "repeat_share": "lines bought again",
    "favourite_category_share": "share of the favourite category",
    "return_adjusted_value": "net revenue an order",
    "spend_per_active_day": "net revenue an active day",
    "event_count": "events",
    "order_day_share": "share of days with an order",
    "order_trend": "trend of orders",
    "monetary_trend": "trend of net revenue",
    "event_trend": "trend of events",
    "rating_mean": "mean rating",
}


def label(feature: str) -> str:
    """A feature's name in words: 'orders_90d' -> 'orders, last 90 days'."""
    if feature in _LABELS:
        return _LABELS[feature]
    for days in ("30", "90"):
        if feature.endswith(f"_{days}d"):
            return f"{label(feature.removesuffix(f'_{days}d'))}, last {days} days"
    if feature.removesuffix("_share") in SEASONS:
        return f"share of events in {feature.removesuffix('_share')}"
    if meaning(feature).startswith("share of the events "):
        return meaning(feature).replace("the events", "events")
    words = feature.replace("_", " ")
    return f"{words.removesuffix(' count')}{'es' if words.endswith('ch count') else 's'}" if words.endswith(" count") else words


def meaning(feature: str) -> str:
    """What a feature measures; empty for a column that is none."""
    return _MEANINGS.get(feature, "")


def unit(feature: str) -> str:
    return _UNITS.get(feature, "")


def amount(feature: str, value: float | Decimal | None, currency: str, counts: bool = True) -> str:
    """A feature's value with its unit: 'GBP 1,240', '16 days', '31 %'; without `counts` '16' alone."""
    if value is None or math.isnan(value):
        return "none"
    what = unit(feature)
    if what.startswith("currency"):
        return money(value, currency)
    if what == "share":
        return percent(value)
    number = plain(round(float(value), 2))
    return f"{number} {_ONE[what] if number == '1' else what}" if counts and what in _ONE else number


def spoken(share: float | None) -> str:
    """A share as a fraction that is said aloud: .293 -> '3 in 10', .163 -> '1 in 6', .444 -> 'more than 2 in 5', .004 -> '1 in 250'.

    Of the fractions said aloud the simplest that is nearly as near as the nearest is taken; more than 4 % off it is said which way.
    """
    if share is None or math.isnan(share) or share <= 0:
        return "none"
    if share >= 0.975:
        return "all" if share >= 0.9995 else "nearly all"
    if share < 0.0475:
        whole = 1 / share
        step = 10 ** max(0, math.floor(math.log10(whole)) - 1)
        return f"1 in {round(whole / step) * step:,}"
    near = min(_SPOKEN, key=lambda fraction: (abs(float(fraction) - share) + 0.0015 * fraction.denominator, fraction.denominator))
    off = share / float(near) - 1
    return f"{'more than ' if off > 0.04 else 'nearly ' if off < -0.04 else ''}{near.numerator} in {near.denominator}"


def percent(share: float | Decimal | None) -> str:
    """A share, 0..1: '29 %', '4.2 %', '0.05 %'."""
    if share is None or math.isnan(share):
        return "none"
    value = 100 * float(share)
    size = abs(value)
    decimals = 0 if size >= 9.95 or size == 0 else 1 if size >= 0.095 else 2
    text = f"{value:.{decimals}f}"
    return f"{'0' if float(text) == 0 else text}{_THIN}%"


def plain(value: float | Decimal | None) -> str:
    """A number with three digits or all before the point: 12,345; 9.7; 0.384."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "none"
    number = float(value)
    size = abs(number)
    if number == int(number) or size >= 1000:
        return f"{number:,.0f}"
    return f"{number:,.{0 if size >= 100 else 1 if size >= 9.95 else 2 if size >= 0.995 else 3}f}"


def money(value: float | Decimal | None, currency: str) -> str:
    """An amount as it is read: 'GBP 8.27 million', 'GBP 4,965', 'GBP 12.30'."""
    if value is None or math.isnan(value):
        return "none"
    number = float(value)
    size, sign = abs(number), "-" if number < 0 else ""
    for bound, name in ((1e9, "billion"), (1e6, "million")):
        if size >= 0.9995 * bound:
            return f"{sign}{currency}{_NBSP}{size / bound:.3g} {name}"
    return f"{sign}{currency}{_NBSP}{size:,.0f}" if size >= 99.5 or size == 0 else f"{sign}{currency}{_NBSP}{size:,.2f}"


def day(value: datetime.date | None) -> str:
    """'9 December 2011'."""
    return f"{value.day} {value:%B %Y}" if value else "no date"


def month(text: str) -> str:
    """'2011-12' -> 'Dec 2011'."""
    return f"{datetime.date(int(text[:4]), int(text[5:7]), 1):%b %Y}"


def counted(number: float, one: str, many: str = "") -> str:
    """'1 customer', '4,372 customers'."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"


def listed(words: list[str]) -> str:
    """'a, b and c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def cut(text: str | None, length: int = 90) -> str:
    """A text that others wrote, on one line and no longer than `length` characters."""
    line = " ".join((text or "").split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def duration(seconds: float | None) -> str:
    """'2 min 5 s', '4.3 s'."""
    if seconds is None:
        return "none"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def capital(text: str) -> str:
    """The text with a capital letter in front."""
    return text[:1].upper() + text[1:]
