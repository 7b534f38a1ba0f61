"""The recommenders by name, made from the settings."""

from collections.abc import Callable

from coterie.recommend.als import AlsRecommender
from coterie.recommend.blend import Blend
from coterie.recommend.content import ContentRecommender
from coterie.recommend.ease import EaseRecommender
from coterie.recommend.item_knn import ItemKnnRecommender
from coterie.recommend.popular import PopularRecommender
from coterie.recommend.repeat import RepeatRecommender
from coterie.recommend.serve import BLEND, FILLER
from coterie.recommend.tasks.rearrange import Rearrangement
from coterie.recommend.user_knn import UserKnnRecommender
from coterie.recommend.verbs import Recommender
from coterie.settings import Recommend

_MADE: dict[str, Callable[[Recommend], Recommender]] = {
    FILLER: lambda settings: PopularRecommender(**settings.popular.model_dump()),
    "als": lambda settings: AlsRecommender(**settings.als.model_dump()),
    "user_knn": lambda settings: UserKnnRecommender(**settings.user_knn.model_dump(), memory_mb=settings.pairs_memory_mb),
    "item_knn": lambda settings: ItemKnnRecommender(**settings.item_knn.model_dump(), memory_mb=settings.pairs_memory_mb),
    "ease": lambda settings: EaseRecommender(**settings.ease.model_dump()),
    "content": lambda settings: ContentRecommender(**settings.content.model_dump(), memory_mb=settings.pairs_memory_mb),
    "repeat": lambda settings: RepeatRecommender(**settings.repeat.model_dump()),
}

TIMELESS = frozenset({"content"})  # fitted to what the items are described as, and to nothing else: a fit serves every date


def recommenders(settings: Recommend) -> tuple[Recommender, ...]:
    """Those that the settings name, in a fixed order; the popular one always: it fills up the lists of the others."""
    return tuple(made(settings) for name, made in _MADE.items() if name == FILLER or name in settings.models)


def blend(settings: Recommend) -> Blend | None:
    """The ranker over them all; None where the settings do not name it."""
    return Blend(**settings.blend.model_dump()) if BLEND in settings.models else None


def rearrangement(settings: Recommend) -> Rearrangement:
    """How lists are changed after they were ranked."""
    return Rearrangement(settings.max_per_category, settings.mmr, settings.new_share, settings.new_days, similar="item_knn")
