"""The six personas of the seeded shop: how often, when, where, at what price and for what each of them buys.

A persona sets its own level in each of `PERSONA_COLUMNS`, and no two personas share the order of the levels, so that they can be
told apart by those columns together though by hardly one of them alone. Numbers a year hold for a shop of a year or shorter (a
shorter one is that year in fast motion) and grow with the days beyond it.
"""

from dataclasses import dataclass

# The features (names of the catalogue) whose levels the personas were given; clustering on them finds the personas again.
PERSONA_COLUMNS: tuple[str, ...] = (
    "frequency", "average_order_value", "unit_price", "evening_share", "weekend_share", "app_share",
)

COLD = "cold"  # declared, but seen never or only looking; the truth names them so


@dataclass(frozen=True)
class Persona:
    """Shares and chances are 0..1; `hours` are the shares of night, morning, afternoon and evening (6 hours each, from midnight UTC)."""

    name: str
    share: float  # of the customers that are not cold
    orders: float  # a year, at least 5
    regular: float  # 0: orders fall anywhere; towards 1: in ever more even steps
    lines: float  # order lines, at least 1
    units: float  # units a line, at least 1
    looks: float  # views before a line is bought
    visits: float  # a year, without an order
    hours: tuple[float, float, float, float]
    weekend: float  # share of orders and visits on Saturdays and Sundays
    seasons: tuple[tuple[int, int, float], ...]  # from, to (month * 100 + day, inclusive): how many times as likely as other days
    channels: tuple[float, float, float]  # web, app, store
    favourites: tuple[str, ...]  # categories
    thrift: float  # above 0 prefers the cheap items of a category, below 0 the dear ones
    discount: float  # mean share of the list price that is taken off
    returned: float  # chance that a line comes back
    stars: float  # mean of its ratings
    lapsed: tuple[float, float] = (0.0, 0.0)  # the last part of the shop's days in which nothing is done any more: shares, least and most


PERSONAS: tuple[Persona, ...] = (
    Persona(
        "bargain_hunters", .20, 8, 0, 1.3, 1.0, 1.6, 2, (.05, .05, .10, .80), .18, ((101, 120, 4), (701, 720, 4), (1120, 1130, 8)),
        (.65, .30, .05), ("T-shirt/top", "Books", "Stationery", "Plants"), 1.5, .25, .10, 3.2,
    ),
    Persona(
        "loyal_families", .20, 15, .8, 1.5, 1.2, .6, 1, (.01, .34, .45, .20), .70, ((815, 915, 1.5),),
        (.25, .30, .45), ("Toys", "Kitchen", "Pullover", "Sandal"), .3, .05, .05, 4.5,
    ),
    Persona(
        "big_basket_professionals", .13, 10, .7, 2.8, 4.0, .2, 0.5, (.01, .62, .35, .02), .02, (),
        (.92, .02, .06), ("Desk equipment", "Paper and ink", "Lighting", "Shirt"), -.3, .10, .01, 4.0,
    ),
    Persona(
        "gift_buyers", .16, 6, 0, 2.0, 1.1, 1.2, 1.5, (.02, .18, .30, .50), .36, ((201, 214, 20), (501, 512, 15), (1120, 1224, 25)),
        (.75, .10, .15), ("Bag", "Dress", "Games", "Bedding"), -.2, .02, .15, 4.2,
    ),
    Persona(
        "window_shoppers", .17, 5, 0, 1.1, 1.0, 2.5, 8, (.12, .05, .45, .38), .52, (),
        (.15, .83, .02), ("Sneaker", "Trouser", "Shirt", "Dress"), .5, .10, .30, 3.6,
    ),
    Persona(
        "lapsed_enthusiasts", .14, 9, .4, 1.4, 1.0, 1.4, 2, (.02, .50, .33, .15), .88, ((301, 430, 2),),
        (.40, .15, .45), ("Coat", "Ankle boot", "Outdoor furniture", "Sneaker"), -1.0, .03, .20, 3.9, (.30, .50),
    ),
)
