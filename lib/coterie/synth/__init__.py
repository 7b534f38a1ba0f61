"""A seeded shop with planted truth, of any size, for demo, tests and benchmarks.

`make_shop` writes the raw files. Six personas (`PERSONAS`) differ in rhythm, hours, channels, prices and tastes; each customer has a
taste of their own within the persona's: two of its four favourite categories, and one style. Clustering on `PERSONA_COLUMNS` finds
the personas again; a recommender that learns from others like the customer does far better than a list of popular items.
"""

from coterie.synth.personas import PERSONA_COLUMNS, PERSONAS, Persona
from coterie.synth.shop import Truth, make_shop

__all__ = ["PERSONAS", "PERSONA_COLUMNS", "Persona", "Truth", "make_shop"]
