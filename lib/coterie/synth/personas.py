"""The six personas of the seeded shop: how often, when, where, at what price and for what each of them buys.

A persona sets its own level in each of `PERSONA_COLUMNS`, and no two personas share the order of the levels, so that they can be
told apart by those columns together though by hardly one of them alone. Numbers a year hold for a shop of a year or shorter (a
shorter one is that year in fast motion) and grow with the days beyond it.
"""

from dataclasses import dataclass

# The features (names of the catalogue) whose levels the personas were given; clustering on them finds the personas again.
PERSONA_COLUMNS: tuple[str, ...] = (
    "frequency",
    "average_order_value",
    "unit_price",
    "evening_share",
    "weekend_share",
    "app_share",
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
        "bargain_hunters",
        0.20,
        8,
        0,
        1.3,
        1.0,
        1.6,
        2,
        (0.05, 0.05, 0.10, 0.80),
        0.18,
        ((101, 120, 4), (701, 720, 4), (1120, 1130, 8)),
        (0.65, 0.30, 0.05),
        ("T-shirt/top", "Books", "Stationery", "Plants"),
        1.5,
        0.25,
        0.10,
        3.2,
    ),
    Persona(
        "loyal_families",
        0.20,
        15,
        0.8,
        1.5,
        1.2,
        0.6,
        1,
        (0.01, 0.34, 0.45, 0.20),
        0.70,
        ((815, 915, 1.5),),
        (0.25, 0.30, 0.45),
        ("Toys", "Kitchen", "Pullover", "Sandal"),
        0.3,
        0.05,
        0.05,
        4.5,
    ),
    Persona(
        "big_basket_professionals",
        0.13,
        10,
        0.7,
        2.8,
        4.0,
        0.2,
        0.5,
        (0.01, 0.62, 0.35, 0.02),
        0.02,
        (),
        (0.92, 0.02, 0.06),
        ("Desk equipment", "Paper and ink", "Lighting", "Shirt"),
        -0.3,
        0.10,
        0.01,
        4.0,
    ),
    Persona(
        "gift_buyers",
        0.16,
        6,
        0,
        2.0,
        1.1,
        1.2,
        1.5,
        (0.02, 0.18, 0.30, 0.50),
        0.36,
        ((201, 214, 20), (501, 512, 15), (1120, 1224, 25)),
        (0.75, 0.10, 0.15),
        ("Bag", "Dress", "Games", "Bedding"),
        -0.2,
        0.02,
        0.15,
        4.2,
    ),
    Persona(
        "window_shoppers",
        0.17,
        5,
        0,
        1.1,
        1.0,
        2.5,
        8,
        (0.12, 0.05, 0.45, 0.38),
        0.52,
        (),
        (0.15, 0.83, 0.02),
        ("Sneaker", "Trouser", "Shirt", "Dress"),
        0.5,
        0.10,
        0.30,
        3.6,
    ),
    Persona(
        "lapsed_enthusiasts",
        0.14,
        9,
        0.4,
        1.4,
        1.0,
        1.4,
        2,
        (0.02, 0.50, 0.33, 0.15),
        0.88,
        ((301, 430, 2),),
        (0.40, 0.15, 0.45),
        ("Coat", "Ankle boot", "Outdoor furniture", "Sneaker"),
        -1.0,
        0.03,
        0.20,
        3.9,
        (0.30, 0.50),
    ),
)
