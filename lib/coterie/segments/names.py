"""Names and sentences that a shop owner reads, made from the portraits of segments."""

from collections.abc import Mapping, Sequence

from coterie.segments.placing import NOT_BOUGHT, NOT_BOUGHT_NAME
from coterie.segments.statistics import Portrait, Trait, shop_means

# What a shop owner would call the features whose names are the analyst's.
_PLAIN = {"recency": "days since the last purchase", "frequency": "orders", "monetary": "revenue"}


def named(portraits: Sequence[Portrait]) -> dict[int, str]:
    """A name in words for each segment of one segmentation, all different: how often, how much at once, how lately.

    Segments that would have the same name are told apart by their strongest trait that the others lack, and at last by their id.
    """
    shop = shop_means(portraits)
    plain = {one.segment_id: NOT_BOUGHT_NAME if one.segment_id == NOT_BOUGHT else _plain_name(one.means, shop) for one in portraits}
    traits = {one.segment_id: one.traits for one in portraits}
    names = {}
    for segment_id, name in plain.items():
        alike = [other for other, its_name in plain.items() if its_name == name and other != segment_id]
        others = {_words(trait) for other in alike for trait in traits[other]}
        own = [words for trait in traits[segment_id] if (words := _words(trait)) not in others]
        apart = own[0] if own else f"segment {segment_id}"
        names[segment_id] = f"{name}, {apart}" if alike else name
    return names


def described(portrait: Portrait, currency: str, about: str = "") -> str:
    """One sentence on a segment; `about` is what a rule says of it."""
    who = f"{portrait.size:,} {'customer' if portrait.size == 1 else 'customers'}"
    if portrait.segment_id == NOT_BOUGHT:
        return f"{who} seen in the shop without a purchase that still counts."
    share = "" if portrait.share is None else f" ({_percent(portrait.share)})"
    brings = "" if portrait.revenue_share is None else f" with {_percent(portrait.revenue_share)} of the revenue"
    means = portrait.means
    habits = (
        f"on average {means.get('frequency', 0):.1f} orders and {means.get('monetary', 0):,.0f} {currency} each, "
        f"last bought {means.get('recency', 0):.0f} days ago"
    )
    beginning = f"{about[0].upper()}{about[1:]}: " if about else ""
    return f"{beginning}{who}{share}{brings}; {habits}{_apart(portrait.traits)}."


def _plain_name(means: Mapping[str, float], shop: Mapping[str, float]) -> str:
    """Means of recency (days), frequency (orders) and monetary, of a segment and of the shop -> 'Frequent big-basket buyers, active last week'."""
    orders = means.get("frequency", 1.0)
    how_often = "one-time" if orders < 1.5 else _step(_ratio(orders, shop["frequency"]), "occasional", "regular", "frequent")
    basket = _ratio(_ratio(means.get("monetary", 0.0), orders), _ratio(shop["monetary"], shop["frequency"]))
    how_much = _step(basket, "small-basket ", "", "big-basket ")
    return f"{how_often} {how_much}buyers, {_last_seen(means.get('recency', 0.0))}".capitalize()


def _step(ratio: float, low: str, middle: str, high: str) -> str:
    """Words for a ratio to the shop: a quarter less, about the same, a quarter more."""
    return low if ratio < 0.75 else high if ratio > 1.25 else middle


def _ratio(value: float, base: float) -> float:
    return value / base if base > 0 else 1.0


def _last_seen(days: float) -> str:
    """Days since the last purchase, on average, in words."""
    if days <= 7:
        return "active last week"
    if days <= 31:
        return "active last month"
    if days <= 365:
        return f"quiet for {max(2, round(days / 30.4))} months" if days > 61 else "active in the last two months"
    return "gone for over a year"


def _apart(traits: Sequence[Trait]) -> str:
    """What sets the segment apart, as the end of a sentence."""
    above = [_feature(trait) for trait in traits if trait.direction == "more"]
    below = [_feature(trait) for trait in traits if trait.direction == "less"]
    parts = [f"{where} the shop's average in {_listed(names)}" for where, names in (("above", above), ("below", below)) if names]
    return f"; {', '.join(parts)}" if parts else ""


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _words(trait: Trait) -> str:
    return f"{'high' if trait.direction == 'more' else 'low'} {_feature(trait)}"


def _feature(trait: Trait) -> str:
    return _PLAIN.get(trait.feature, trait.feature.replace("_", " "))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
