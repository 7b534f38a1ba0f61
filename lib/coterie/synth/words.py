"""The words of the seeded shop: titles, queries and reviews. They hold commas, quotes, umlauts and Chinese, as a shop's do."""

from itertools import product

MAKES = (
    "Alder", "Birch & Co", "Corvin", "Dahlia", "Elster", "Förde", "Grète", "Halden", "Ivory", "Juniper", "Køge", "Linden", "Maren", "月光",
)
QUALITIES = ("classic", "light", "soft", "large", "small", "warm", "plain", '"1968"', "striped", "fine", "sturdy", "folding, compact")

# By stars, 1 to 5; `{}` is the category.
REVIEWS: tuple[tuple[str, ...], ...] = (
    ("The {} broke on day one, I want my money back.", "Terrible. Not at all like the picture.", "质量很差, very disappointed by this {}."),
    ("The {} is smaller than described and feels cheap.", "Arrived late, and had a scratch.", "Not worth the price, this {} looks worn."),
    ("The {} is all right, nothing special.", "Does what a {} should do; delivery was slow.", "Average {}, I expected a little more."),
    ("Good {}, would buy again.", "Nice {} for the price, my family likes it.", 'A solid {}, though "large" is rather medium.'),
    ("Love this {}! Exactly what I was looking for.", "Perfect {}, fast delivery, wunderschön!", "非常好! The best {} I ever had."),
)


def title(number: int, category: str) -> str:
    """The title of the item that is the `number`th of its category, from 0."""
    quality = QUALITIES[number % len(QUALITIES)]
    make = MAKES[(number // len(QUALITIES) + number) % len(MAKES)]
    return f"{make} {quality} {category.lower()}"


def queries(categories: tuple[str, ...]) -> list[str]:
    """What is searched for: category i stands at i, and its j-th narrower query at i + j * len(categories)."""
    return [f"{quality}{category.lower()}" for quality, category in product(("", "cheap ", "best ", "gift "), categories)]


def reviews(categories: tuple[str, ...]) -> list[str]:
    """Every review there is: by stars, then wording, then category, so that the index can be reckoned."""
    return [text.format(category.lower()) for texts in REVIEWS for text, category in product(texts, categories)]


REVIEWS_PER_STAR = len(REVIEWS[0])
QUERIES_PER_CATEGORY = 4
