"""Typed, frozen settings read from TOML. Values and their meaning stand in `conf/base.toml` and nowhere else."""

import datetime
import tomllib
import zoneinfo
from collections.abc import Iterable, Mapping
from functools import reduce
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from coterie.errors import SettingsError, one_of

_LONGEST, _DEEPEST = 200, 10  # characters of a value that a message repeats; sections within sections
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# A TOML list as a tuple: strict mode would refuse the list.
Texts = Annotated[tuple[str, ...], Field(strict=False)]
Wholes = Annotated[tuple[int, ...], Field(strict=False)]
Counts = Annotated[tuple[Count, ...], Field(strict=False)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _known_zone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        raise ValueError("an IANA name such as Europe/London")
    return name


class Shop(_Section):
    time_zone: Annotated[str, pydantic.AfterValidator(_known_zone)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    country: str


class Spark(_Section):
    master: str
    remote: str
    driver_memory: str
    shuffle_partitions: Count
    class_archive: bool
    brief: bool
    conf: dict[str, str]


class LakeSettings(_Section):
    lease_seconds: Annotated[int, Field(ge=5)]


class Ingest(_Section):
    max_rejected_share: Share
    on_bad_file: Literal["stop", "quarantine"]
    hash_max_bytes: Count
    earliest_date: datetime.date
    latest_date: datetime.date
    days_ahead: Annotated[int, Field(ge=0, le=36500)]
    max_id_length: Count
    max_quantity: Count
    max_unit_price: Count


class Features(_Section):
    age_bands: Wholes
    keep_states: Count


class Vector(_Section):
    max_correlation: Share
    max_categories: Count
    sample_rows: Count
    knots: Annotated[int, Field(ge=2)]


class FeatureSet(_Section):
    columns: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    transform: Literal["rank", "log", "standard"]
    clip_quantiles: Annotated[tuple[Share, Share], Field(strict=False)]
    pca_variance: Share


MethodName = Literal["kmeans", "bisecting_kmeans", "gaussian_mixture", "hierarchical", "dbscan", "density_hills", "consensus"]
Bounds = Annotated[tuple[Annotated[int, Field(ge=2)], Annotated[int, Field(ge=2)]], Field(strict=False)]


RankBy = Literal["silhouette", "evidence"]


class ChoiceRules(_Section):
    k: Bounds
    min_share: Share
    max_noise: Share
    min_stability: Annotated[float, Field(ge=-1, le=1)]
    min_silhouette: Annotated[float, Field(ge=-1, le=1)]
    rank_by: RankBy


class Segments(ChoiceRules):
    feature_sets: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    methods: Annotated[tuple[MethodName, ...], Field(strict=False, min_length=1)]
    trial_sample: Count
    silhouette_sample: Count
    resamples: Count
    rules: str
    refit_days: Count
    seed: int
    starts: Count
    max_iterations: Count
    partitions: Count
    traits: Count
    typical_customers: Count
    favourite_categories: Count
    min_category_customers: Count
    rule_sample: Count
    projection_sample: Count


class Cluster(ChoiceRules):
    min_rows: Count
    max_correlation: Share
    max_columns: Count


class PopularSettings(_Section):
    popular_days: Count


class AlsSettings(_Section):
    rank: Count
    iterations: Count
    regularisation: Annotated[float, Field(ge=0)]
    alpha: Positive
    half_life_days: Positive
    seed: int


class UserKnnSettings(_Section):
    neighbours: Count
    power: Positive
    half_life_days: Positive


class ItemKnnSettings(_Section):
    neighbours: Count
    shrinkage: Annotated[float, Field(ge=0)]
    half_life_days: Positive
    own_half_life_days: Positive


class EaseSettings(_Section):
    regularisation: Positive
    own_weight: Annotated[float, Field(ge=0)]
    half_life_days: Positive
    keep: Count
    max_items: Count


class ContentSettings(_Section):
    neighbours: Count
    half_life_days: Positive
    category_weight: Annotated[float, Field(ge=0)]
    price_weight: Annotated[float, Field(ge=0)]


class RepeatSettings(_Section):
    half_life_days: Positive
    power: Positive


class BlendSettings(_Section):
    iterations: Count
    regularisation: Annotated[float, Field(ge=0)]
    negatives: Annotated[float, Field(gt=0, le=1)]


RecommenderName = Literal["popular", "als", "user_knn", "item_knn", "ease", "content", "repeat", "blend"]


class Recommend(_Section):
    count: Count
    repeat_purchases: bool
    models: Annotated[tuple[RecommenderName, ...], Field(strict=False, min_length=1)]
    serve: Literal["best", "popular", "als", "user_knn", "item_knn", "ease", "content", "repeat", "blend"]
    candidates: Count
    weights: dict[Literal["view", "cart", "impression", "click", "purchase", "review"], Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    half_life_days: Count
    history_days: Count
    weigh_by_quantity: bool
    sellable_days: Count
    similar_customers: Annotated[int, Field(ge=0)]
    segment_items: Count
    segment_min_support: Count
    segment_days: Count
    max_per_category: Annotated[int, Field(ge=0)]
    mmr: Share
    new_share: Share
    new_days: Count
    test_days: Count
    measure_at: Annotated[Counts, Field(min_length=1)]
    measure_customers: Count
    bootstrap: Annotated[int, Field(ge=0)]
    max_items: Count
    block_customers: Count
    pairs_memory_mb: Count
    popular: PopularSettings
    als: AlsSettings
    user_knn: UserKnnSettings
    item_knn: ItemKnnSettings
    ease: EaseSettings
    content: ContentSettings
    repeat: RepeatSettings
    blend: BlendSettings


class Gan(_Section):
    channels: Annotated[int, Field(ge=4)]
    batch: Annotated[int, Field(ge=2)]
    epochs: Count
    loss: Literal["least_squares", "cross_entropy"]
    generator_rate: Positive
    discriminator_rate: Positive
    average: Annotated[float, Field(ge=0, lt=1)]
    noise: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    decay_share: Share
    seed: int
    precision: Literal["auto", "float32", "bfloat16"]


class Content(_Section):
    size: Annotated[int, Field(ge=8, multiple_of=4)]
    labels: Texts
    test_share: Annotated[float, Field(gt=0, lt=1)]
    min_category_images: Count
    max_rejected_share: Share
    window_days: Count
    category_names: dict[str, str]
    images_per_segment: Count
    draws_per_image: Count
    min_probability: Share
    copy_distance: Annotated[float, Field(ge=0)]
    measure_images: Annotated[int, Field(ge=100)]
    classifier_steps: Count
    where: Literal["driver", "workers"]
    processes: Count
    threads: Annotated[int, Field(ge=0)]
    gpu: bool
    storage: str
    gan: Gan


class Items(_Section):
    block_list: Texts


class Maintain(_Section):
    keep_as_of: Count
    vacuum_hours: Annotated[int, Field(ge=168)]


class Settings(_Section):
    shop: Shop
    spark: Spark
    lake: LakeSettings
    ingest: Ingest
    features: Features
    vector: Vector
    segments: Segments
    feature_sets: dict[str, FeatureSet]
    cluster: Cluster
    recommend: Recommend
    content: Content
    items: Items
    maintain: Maintain


def conf_folder() -> Traversable:
    """`conf/`: inside an installed package, else beside `lib/` in a checkout."""
    packaged = resources.files("coterie") / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "conf"


def read_toml(place: str | Path | Traversable) -> dict[str, Any]:
    """The values of a TOML file; `place` is a path, or the name of a file in `conf/` without its ending.

    Raises SettingsError where it is not there or is no TOML.
    """
    source = Path(place) if isinstance(place, str) else place
    if isinstance(place, str) and not is_file(source) and is_file(conf_folder() / f"{place}.toml"):
        source = conf_folder() / f"{place}.toml"
    if not is_file(source):
        raise SettingsError(f"there is no settings file '{place}'; expected a path to a TOML file, or the name of one in conf/")
    try:
        return tomllib.loads(source.read_bytes().decode("utf-8"))
    except OSError as error:
        raise SettingsError(f"'{place}' cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, a number of thousands of digits, thousands of brackets
        raise SettingsError(f"'{place}' is not readable as TOML: {_line(error)}") from None


def override(text: str) -> dict[str, Any]:
    """`section.key=value` as nested values; the value is read as TOML, and as text where it is none."""
    name, equals, value = text.partition("=")
    *sections, key = name.strip().split(".")
    if not (equals and sections and all(sections) and key) or len(sections) > _DEEPEST:
        raise SettingsError(f"--set found {shown(text)}; expected section.key=value, such as segments.min_share=0.05")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        parsed = value.strip()
    nested: dict[str, Any] = {key: parsed}
    for section in reversed(sections):
        nested = {section: nested}
    return nested


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, table by table."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _explained(error: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    *parents, name = [str(part) for part in error["loc"]]
    where = ".".join([*parents, name])
    if error["type"] == "extra_forbidden":
        model: type[BaseModel] = Settings
        for part in parents:
            model = _below(model, part)
        return f"unknown setting {shown(where)}; {one_of(name, model.model_fields)}"
    if where.startswith("spark.conf"):  # it may hold passwords
        return f"setting {shown(where)} is of the wrong type; expected: {error['msg']}"
    return f"setting {shown(where)} is {shown(error['input'])}; expected: {error['msg']}"


def _below(model: type[BaseModel], part: str) -> type[BaseModel]:
    """The model of a section; of one whose names are free (feature_sets), what each of them is."""
    if part not in model.model_fields:
        return model
    kind = model.model_fields[part].annotation
    found: type[BaseModel] = get_args(kind)[1] if get_args(kind) else kind  # type: ignore[assignment]
    return found


def shown(value: object) -> str:
    """What was found, on one line, not all of it where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST] or type(error).__name__


def is_file(place: Path | Traversable) -> bool:
    """Whether the file is there; a name that no file can have is not."""
    try:
        return place.is_file()
    except (OSError, ValueError):
        return False


def load_settings(layers: Iterable[Mapping[str, Any]] = ()) -> Settings:
    """`conf/base.toml` with `layers` laid over it, later ones winning. Raises SettingsError naming every wrong setting."""
    values = reduce(_merged, layers, read_toml(conf_folder() / "base.toml"))
    try:
        settings = Settings.model_validate(values)
    except pydantic.ValidationError as error:
        raise SettingsError("; ".join(_explained(dict(found), values) for found in error.errors())) from None
    if settings.recommend.serve != "best" and settings.recommend.serve not in settings.recommend.models:
        raise SettingsError(f"setting 'recommend.serve' is '{settings.recommend.serve}'; expected 'best' or one of {list(settings.recommend.models)}")
    if settings.recommend.mmr > 0 and "item_knn" not in settings.recommend.models:
        raise SettingsError("setting 'recommend.mmr' is above 0, and 'recommend.models' lacks 'item_knn', which says what items are alike; add it")
    for name, k in (("segments.k", settings.segments.k), ("cluster.k", settings.cluster.k)):
        if k[0] > k[1]:
            raise SettingsError(f"setting '{name}' is {list(k)}; expected the fewest segments first, then the most")
    for name, chosen in settings.feature_sets.items():
        if chosen.clip_quantiles[0] > chosen.clip_quantiles[1]:
            raise SettingsError(f"setting 'feature_sets.{name}.clip_quantiles' is {list(chosen.clip_quantiles)}; expected the lower quantile first")
    for name in settings.segments.feature_sets:
        if name not in settings.feature_sets:
            raise SettingsError(f"setting 'segments.feature_sets' names '{name}'; {one_of(name, settings.feature_sets)}")
    return settings
