"""Every table of a lake: its columns, its key, its partitions, and one row of it in words."""

from dataclasses import dataclass

from coterie.catalogue import FEATURES, SEASONS, WEEKDAYS

SCHEMA_VERSION = 3  # of all tables together; a lake written by a newer one is refused


@dataclass(frozen=True)
class Column:
    """A column: `type` is Spark's simple name ('decimal(18,4)'), `comment` what it holds, with its unit and what null means."""

    name: str
    type: str
    comment: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A Delta table. `check` is a constraint (name, SQL condition) that Delta itself holds on each row; `has_feed`: its changes can be read back.

    `is_scratch`: empty between jobs, so that no statistics are kept of it.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: tuple[str, ...] = ()
    check: tuple[str, str] | None = None
    has_feed: bool = False
    is_scratch: bool = False

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def _columns(*lines: str) -> tuple[Column, ...]:
    """Columns from lines of 'name type comment'; a `!` behind the name says that it is never null."""
    made = []
    for line in lines:
        name, kind, comment = line.split(" ", 2)
        made.append(Column(name.rstrip("!"), kind, comment, name.endswith("!")))
    return tuple(made)


EVENT_TYPES = ("view", "search", "cart", "impression", "click", "purchase", "return", "cancel", "review", "adjustment")
ITEM_EVENT_TYPES = tuple(kind for kind in EVENT_TYPES if kind not in ("search", "adjustment"))
CHANNELS = ("web", "app", "store")  # every other channel is counted as `other_channel`
HOUR_BANDS = {"night": (0, 6), "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24)}  # [from, to) hours of the shop's day

EVENTS = Table(
    "events", "a thing a customer did", ("event_id",),
    _columns(
        "event_id! string SHA-256 of the source and its own id, or of the row and its occurrence within the file",
        "source_event_id string the source's own id; null where it has none",
        "source! string name of the mapping that read it",
        "source_files! array<string> every file that holds it, sorted",
        "customer_id string null: an anonymous visitor",
        "item_id string null: searches and adjustments",
        f"event_type! string one of {', '.join(EVENT_TYPES)}",
        "occurred_at! timestamp the instant",
        "event_date! date the day in the shop's time zone",
        "quantity decimal(18,4) units, signed: returns and cancels are negative; null where nothing changes hands",
        "unit_price decimal(18,4) price of one unit, in the shop's currency",
        "revenue decimal(20,4) quantity times unit price, signed",
        "currency string ISO 4217 code, the same for the whole shop; null where there is no revenue",
        "order_id string the order or invoice",
        "session_id string the visit",
        "channel string where it happened, lower case: web, app, store or another",
        "country string the customer's country, as the row declares it",
        "query string what was searched for",
        "rating decimal(4,2) stars of a review",
        "text string words of a review",
        "event_month! string yyyy-MM of event_date",
    ),
    ("event_month",),
    ("signed", "NOT (event_type IN ('return', 'cancel') AND quantity >= 0) AND NOT (event_type = 'purchase' AND (quantity IS NULL OR quantity <= 0))"),
    has_feed=True,
)

REJECTED_EVENTS = Table(
    "rejected_events", "an input row refused, whole as read, with all its reasons", ("source_file", "row_hash", "occurrence"),
    _columns(
        "source_file! string the file it stood in",
        "row_hash! string SHA-256 of the row as read",
        "occurrence! int 1 for the first row of this content in the file, 2 for the second",
        "source! string name of the mapping that read it",
        "reasons! array<string> every reason, sorted: a code, a colon, what was found",
        "raw! string the row as read: its columns as JSON, or the whole line where it could not be split",
        "revenue decimal(20,4) its revenue where that could be computed",
        "month string yyyy-MM where the date could be read",
    ),
)

INGESTED_FILES = Table(
    "ingested_files", "a file read: its content and what became of its rows", ("source_file", "content_hash"),
    _columns(
        "source_file! string the file's place",
        "content_hash! string SHA-256 of its bytes, or size and time of a file above ingest.hash_max_bytes",
        "source! string name of the mapping that read it",
        "size_bytes! bigint size",
        "modified_at! timestamp time of its last change",
        "status! string read, replaced (by other content under the same name) or quarantined",
        "problem string why it was quarantined",
        "row_count bigint rows read",
        "accepted_count bigint rows that are events",
        "rejected_count bigint rows in rejected_events",
        "duplicate_count bigint rows that repeat an event",
    ),
)

ITEMS = Table(
    "items", "an item", ("item_id",),
    _columns(
        "item_id! string the shop's own id",
        "title string what it is called; null: nobody said",
        "category string the shop's category",
        "price decimal(18,4) list price, else the last price paid",
        "first_listed_on date day it was first listed, else first seen in an event",
        "is_sellable! boolean not withdrawn",
        "described_at timestamp instant of the event that title and price are from; null where an items file declares them",
        "is_declared! boolean an items file declares it",
    ),
)

CUSTOMERS = Table(
    "customers", "a customer and a period: what the shop declares of them; everyone seen in events has a row", ("customer_id", "valid_from"),
    _columns(
        "customer_id! string the shop's own id",
        "valid_from! date first day of the period, which ends where the customer's next one begins",
        "country string country",
        "birth_year int year of birth",
        "gender string as declared",
        "joined_on date day they joined",
        "is_declared! boolean a customers file declares it; else it is made from the events",
    ),
)

CANCELLATIONS = Table(
    "cancellations", "a purchase cancelled in full", ("purchase_event_id",),
    _columns(
        "purchase_event_id! string the purchase",
        "cancel_event_id! string the cancel that undoes it",
        "cancelled_on! date day of the cancel: from this day the purchase does not count",
        "customer_id! string customer",
        "item_id! string item",
        "order_id string order of the purchase",
        "purchased_on! date day of the purchase",
        "order_line_count! bigint purchase lines of that customer, order and day: an order is gone when all are cancelled",
        "quantity! decimal(18,4) units bought",
        "revenue! decimal(20,4) revenue of the purchase",
    ),
)

_DAILY_COUNTS = tuple(Column(f"{kind}_count", "bigint", f"events of type {kind}", True) for kind in EVENT_TYPES if kind != "adjustment")
_DAILY_MONEY = tuple(
    Column(f"{prefix}{measure}", "decimal(28,4)", f"{what} of {words}, signed", True)
    for prefix, words in (("purchase_", "purchases"), ("return_", "returns"), ("cancel_", "cancels"), ("", "purchases, returns and cancels"))
    for measure, what in (("quantity", "units"), ("revenue", "revenue"))
)
_RATINGS = _columns("rating_count! bigint reviews with stars", "rating_sum! decimal(28,4) their stars added up")

DAILY_ACTIVITY = Table(
    "daily_activity", "a customer and a day with an event; a day of adjustments alone is a row of zeros", ("customer_id", "activity_date"),
    _columns("customer_id! string customer", "activity_date! date day in the shop's time zone", "activity_month! string yyyy-MM of it")
    + _DAILY_COUNTS + _DAILY_MONEY + _RATINGS
    + _columns(
        "order_count! bigint distinct orders with a purchase; purchases without an order id count as one order a day",
        "session_count! bigint distinct sessions",
        *(f"{channel}_count! bigint events in channel {channel}" for channel in (*CHANNELS, "other_channel")),
        *(f"{band}_count! bigint events from {start} to {end} o'clock" for band, (start, end) in HOUR_BANDS.items()),
    ),
    ("activity_month",),
)

CUSTOMER_ITEM_DAYS = Table(
    "customer_item_days", "a customer, an item and a day", ("customer_id", "item_id", "activity_date"),
    _columns("customer_id! string customer", "item_id! string item", "activity_date! date day in the shop's time zone", "activity_month! string yyyy-MM of it")
    + tuple(column for column in _DAILY_COUNTS if column.name != "search_count") + _DAILY_MONEY + _RATINGS,
    ("activity_month",),
)

CUSTOMER_STATE = Table(
    "customer_state", "a customer and as-of date: running totals that the next as-of date starts from", ("as_of", "customer_id"),
    _columns(
        "as_of! date the last day included",
        "customer_id! string customer",
        "first_seen_on! date first day with an event, adjustments included",
        "first_active_on date first active day: one with an event that is no adjustment; null: none",
        "last_active_on date last active day",
        "first_order_on date first day with an order not cancelled in full by the as-of date; null: none",
        "last_order_on date last such day",
        "order_day_count! bigint such days",
        "gap_square_sum! bigint squares of the days from one such day to the next, added up",
        "active_day_count! bigint active days",
        "order_count! bigint orders not cancelled in full",
        "cancelled_count! bigint purchase lines cancelled in full",
    )
    + tuple(Column(c.name, c.type, f"{c.comment}{', without those cancelled' if c.name == 'purchase_count' else ''}", True) for c in _DAILY_COUNTS)
    + _columns(
        "purchase_quantity! decimal(28,4) units bought, without purchases cancelled",
        "purchase_revenue! decimal(28,4) revenue of purchases, without those cancelled",
        "return_quantity! decimal(28,4) units returned, signed",
        "revenue! decimal(28,4) revenue of purchases, returns and cancels, signed: net",
    )
    + _RATINGS
    + _columns(
        "session_count! bigint distinct sessions a day, added up",
        *(f"{channel}_count! bigint events in channel {channel}" for channel in (*CHANNELS, "other_channel")),
        *(f"{band}_count! bigint events from {start} to {end} o'clock" for band, (start, end) in HOUR_BANDS.items()),
        *(f"{day}_count! bigint events on a {day.capitalize()}" for day in WEEKDAYS),
        *(f"{season}_count! bigint events in months {', '.join(map(str, months))}" for season, months in SEASONS.items()),
        "holiday_count! bigint events on public holidays; 0 where no country is set",
        "items! array<struct<item_id:string,purchase_count:bigint,quantity:decimal(28,4),revenue:decimal(28,4)>> items bought, "
        "purchases cancelled left out, by item_id",
    ),
    ("as_of",),
)

CUSTOMER_FEATURES = Table(
    "customer_features", "a customer and as-of date", ("as_of", "customer_id"),
    _columns("as_of! date the last day included", "customer_id! string customer")
    + tuple(Column(f.name, f.type, f"{f.meaning} ({f.unit}; {f.window}); null: {f.missing or 'never'}") for f in FEATURES),
    ("as_of",),
)

SEGMENTS = Table(
    "segments", "a customer, a segmentation and an as-of date", ("as_of", "segmentation", "customer_id"),
    _columns(
        "as_of! date as-of date",
        "segmentation! string chosen, or rfm_rules",
        "customer_id! string customer",
        "segment_id! int stable from one as-of date to the next, never reused; 0: has not bought yet",
        "segment_name! string name in words, distinct within a segmentation",
        "confidence double 0 to 1: 1 - d1 / d2 of the distances to the own and the next segment, or the probability by a mixture; null where a rule decides",
        "distance double Euclidean distance to what stands for the own segment, in the space that was clustered; null where a rule decides",
        "next_segment_id int the segment it would be in otherwise: with a low confidence the customer stands between the two; null where a rule decides",
        "model_id! string the model that assigned it",
    ),
    ("as_of",),
)

SEGMENT_PROFILES = Table(
    "segment_profiles", "a segment as of a date", ("as_of", "segmentation", "segment_id"),
    _columns(
        "as_of! date as-of date",
        "segmentation! string chosen, or rfm_rules",
        "segment_id! int segment",
        "segment_name! string name in words",
        "description string one sentence on what sets it apart",
        "size! bigint customers",
        "share double share of the clustered customers; null for those who have not bought yet",
        "revenue! decimal(28,4) net revenue of its customers up to the as-of date",
        "revenue_share double share of the shop's net revenue",
        "traits array<struct<feature:string,direction:string,strength:double,effect:double,segment_mean:double,shop_mean:double>> "
        "features that set it apart, strongest first; strength is the difference of means in standard deviations of the shop, effect Cohen's d "
        "against all other customers",
        "typical_customers array<string> customers nearest the centre (of rules: nearest the mean recency, frequency, monetary), nearest first",
        "border_customers array<string> customers nearest another segment, nearest first; null where a rule decides",
        "favourite_categories array<struct<category:string,lift:double,customers:bigint>> categories that more of its customers have as "
        "their favourite than of the shop's, by lift",
        "months_of_origin array<struct<month:string,customers:bigint,share:double>> months in which most of them first ordered",
        "rfm_overlap array<struct<rfm_segment_id:int,rfm_segment:string,customers:bigint,share:double>> where the RFM rules put its customers",
        "rule string who they are by a shallow decision tree, in words; null where there is only one segment",
        "rule_precision double share of the customers whom the rule means that are of the segment",
        "rule_recall double share of the segment whom the rule means",
    ),
)

SEGMENT_CANDIDATES = Table(
    "segment_candidates", "a feature set, method and parameters tried", ("as_of", "candidate"),
    _columns(
        "as_of! date as-of date",
        "candidate! string feature set, method and parameters in one name",
        "feature_set! string the features clustered on",
        "method! string the method",
        "k int segments; noise is none",
        "parameters! string parameters as JSON",
        "measures! map<string,double> every measure taken, by name",
        "silhouette double mean Euclidean silhouette in the clustered space",
        "smallest_share double share of the smallest segment",
        "is_chosen! boolean it won",
        "verdict! string why it won or lost",
    ),
)

SEGMENT_AGREEMENT = Table(
    "segment_agreement",
    "two candidates of the chosen feature set, the best of each method and the rules",
    ("as_of", "candidate", "other"),
    _columns(
        "as_of! date as-of date",
        "candidate! string a candidate",
        "other! string another one",
        "adjusted_rand! double adjusted Rand index of the two on the sample: 1 the same division, about 0 unrelated ones",
    ),
)

SEGMENT_PROJECTION = Table(
    "segment_projection",
    "a customer in the picture: at most as many as a setting, drawn by hash, each segment by its share",
    ("as_of", "segmentation", "customer_id"),
    _columns(
        "as_of! date as-of date",
        "segmentation! string chosen",
        "customer_id! string customer",
        "segment_id! int segment",
        "confidence double as in segments",
        "x! double first principal component of the space that was clustered",
        "y! double second one; 0 where there is only one",
    ),
)

SEGMENT_MOVES = Table(
    "segment_moves", "a customer whose segment changed", ("as_of", "segmentation", "customer_id"),
    _columns(
        "as_of! date as-of date",
        "segmentation! string segmentation",
        "customer_id! string customer",
        "previous_as_of! date the newest as-of date before",
        "from_segment_id! int segment then",
        "to_segment_id! int segment now",
        "cause! string customer: they changed; model: the refitted model would have put them here then already",
    ),
    ("as_of",),
)

SEGMENT_FLOWS = Table(
    "segment_flows", "a way from one segment to another between two as-of dates, those who stayed, joined and left included",
    ("previous_as_of", "as_of", "segmentation", "from_segment_id", "to_segment_id"),
    _columns(
        "previous_as_of! date earlier as-of date",
        "as_of! date later as-of date",
        "segmentation! string segmentation",
        "from_segment_id int null: joined since",
        "to_segment_id int null: no longer there",
        "customers! bigint customers",
        "revenue! decimal(28,4) their net revenue up to the later date (the earlier for those who left)",
        "revenue_at_stake decimal(28,4) what 90 days bring less if they go on as their new segment does on average (0 for who left) instead of as "
        "the old one does; negative: more; null for who joined",
    ),
)

RECOMMENDATIONS = Table(
    "recommendations", "a customer and a rank", ("as_of", "customer_id", "rank"),
    _columns(
        "as_of! date as-of date",
        "customer_id! string customer",
        "rank! int 1 is the best",
        "item_id! string item",
        "score! double the model's own score, which falls with the rank unless lists are rearranged; 0 for what fills a list up",
        "source! string the recommender that speaks for it most: als, user_knn, ease, popular, ...",
        "reason! string why, in words",
        "model_id! string the model that ranked it",
    ),
    ("as_of",),
)

RECOMMENDATION_QUALITY = Table(
    "recommendation_quality", "a measure of a model on a window", ("as_of", "window", "protocol", "population", "model", "measure", "k"),
    _columns(
        "as_of! date as-of date",
        "window! string the days tested on: first..last; the later one is the test, the one before it chose the model",
        "protocol! string new: items bought before are left out of lists and truth; all: they are not",
        "population! string warm: bought before the window; cold: did not",
        "model! string the recommender",
        "measure! string ndcg, recall, precision, hit_rate, map, mrr, novelty, diversity, coverage, gini, excluded (bought nothing new)",
        "k! int length of the list; 0 where the measure has none",
        "value double the mean over customers; coverage and gini: of all lists together; excluded: a number of customers",
        "low double lower end of the 95 % bootstrap interval over customers; null for excluded",
        "high double upper end",
        "customers! bigint customers measured",
    ),
)

SIMILAR_CUSTOMERS = Table(
    "similar_customers", "a customer as of a date", ("as_of", "customer_id"),
    _columns(
        "as_of! date as-of date",
        "customer_id! string customer",
        "neighbours! array<string> the customers with the most similar strengths over items, nearest first",
        "cosines! array<double> cosine of each, above 0",
    ),
    ("as_of",),
)

SEGMENT_RECOMMENDATIONS = Table(
    "segment_recommendations", "a segment, a list and a rank", ("as_of", "segmentation", "segment_id", "list", "rank"),
    _columns(
        "as_of! date as-of date",
        "segmentation! string chosen, or rfm_rules",
        "segment_id! int segment",
        "list! string lift: what the segment buys more than the shop; best: what most of it buys",
        "rank! int 1 is the best",
        "item_id! string item",
        "lift! double share of the segment's buyers who bought it, by the share of all buyers who did",
        "support! bigint customers of the segment who bought it",
        "segment_buyers! bigint customers of the segment who bought anything in the window",
        "shop_support! bigint customers who bought it",
        "shop_buyers! bigint customers who bought anything in the window",
    ),
)

CUSTOMER_ITEMS = Table(
    "customer_items", "a customer and an item that met, as of the date recommended for and of the dates that models are tested from",
    ("as_of", "customer_id", "item_id"),
    _columns(
        "as_of! date the last day included",
        "customer_id! string customer",
        "item_id! string item",
        "strength! double how much it says of the customer's taste: decayed, weighted events, in units of one purchase; 0: nothing",
        "intensity! double weight of the strongest type of event, in units of one purchase; 0: nothing",
        "last_on date last day with an event that counts for the strength; null: none",
        "bought_days! bigint days with a purchase that counts",
        "first_bought_on date first of them; null: none",
        "last_bought_on date last of them; null: none",
        "is_bought! boolean a purchase of it counts",
        "is_seen! boolean bought, or more units bought than given back: not recommended as new",
    ),
    ("as_of",),
)

MODELS = Table(
    "models", "a fitted model", ("model_id",),
    _columns(
        "model_id! string SHA-256 of its content",
        "kind! string als, popular, kmeans, rfm_rules, ...",
        "as_of! date as-of date it was fitted on",
        "settings! string the settings it was fitted with, as JSON",
        "measures! map<string,double> its measures",
        "schema_version! int of the tables it was made from",
        "is_current! boolean the one that assigns and serves now, one a kind",
        "payload string the model as JSON where it is small",
        "location string where the rest of it is",
    ),
)

MODEL_FACTORS = Table(
    "model_factors", "a customer or item that a model knows", ("model_id", "side", "id"),
    _columns(
        "model_id! string the model",
        "side! string customer: what it knows of one customer; item, basket: what it needs for all of them",
        "id! string customer_id or item_id",
        "ids array<string> the items or customers that the factors are about; empty where they are the vector of `id` itself",
        "factors! array<float> its vector, or a number for each of ids",
    ),
    ("model_id", "side"),
)

ITEM_IMAGES = Table(
    "item_images", "a product image that networks learn from or are tested on", ("image_id",),
    _columns(
        "image_id! string SHA-256 of its category and its pixels",
        "item_id string the item that it shows; null: nobody said",
        "category! string what it shows, by the name that the images have for it",
        "is_test! boolean kept for measuring: networks do not learn from it",
        "height! int pixels, after it was fitted to the size of all images",
        "width! int pixels",
        "channels! int channels that it had: 1 grey, 3 colour, 4 colour with transparency; the PNG has three in any case",
        "png! binary the image as PNG, three channels of 8 bits",
        "source_file! string the file that it stood in",
        "position! int its number in that file, from 0; 0 where the file is one image",
        "listing! string hash of names, sizes and times of all files that were read with it",
    ),
)

REJECTED_IMAGES = Table(
    "rejected_images", "an image refused when read", ("source_file", "position"),
    _columns(
        "source_file! string the file that it stood in",
        "position! int its number in that file, from 0",
        "category string what it is said to show; null: nobody said",
        "reasons! array<string> every reason, sorted: a code, a colon, what was found",
    ),
)

GENERATED_IMAGES = Table(
    "generated_images", "an image made for a segment", ("model_id", "as_of", "image_id"),
    _columns(
        "model_id! string the generator",
        "as_of! date as-of date of the segments",
        "image_id! string SHA-256 of generator, category and seed",
        "segmentation! string segmentation",
        "segment_id! int segment",
        "segment_name! string its name",
        "category! string category asked for",
        "number! int 1 for the first image of the segment: categories it buys most come first",
        "seed! bigint makes it again with the generator and the category",
        "discriminator_score! double the discriminator's score of it, higher is more like a real one; 1 is what it aims at for real ones",
        "probability! double probability of its category, by a classifier trained on real images",
        "nearest_distance! double distance to the nearest training image: root mean square over pixels, from 0 (equal) to 1 (black and white)",
        "png! binary the image as PNG",
    ),
)

CONTACT_SHEETS = Table(
    "contact_sheets", "the images of a segment side by side", ("model_id", "as_of", "segmentation", "segment_id"),
    _columns(
        "model_id! string the generator",
        "as_of! date as-of date of the segments",
        "segmentation! string segmentation",
        "segment_id! int segment",
        "segment_name! string its name",
        "mix! map<string,double> share of each category, as drawn",
        "mix_source! string segment: what it buys; shop: it buys nothing that has images, so what the shop buys; uniform: neither does the shop",
        "png! binary the sheet as PNG: a row a category",
    ),
)

CONTENT_QUALITY = Table(
    "content_quality", "a measure of a generator", ("model_id", "measure", "category"),
    _columns(
        "model_id! string the generator",
        "measure! string what is measured: see the columns' words in `coterie.content.quality`",
        "category! string the category that it is of; empty: all together",
        "value! double its value",
        "reference double the same measure of real images, where that has a meaning",
        "images! bigint generated images that it was measured on",
    ),
)

RUNS = Table(
    "runs", "the start or the finish of a run of a job", ("run_id", "event"),
    _columns(
        "run_id! string one run of one job",
        "event! string started, finished or failed",
        "job! string ingest, features, segments, recommend, images, content, tune, evaluate, maintain, upgrade",
        "at! timestamp when",
        "command_id! string the command that started it: `coterie run` starts several",
        "as_of date as-of date; null for ingest",
        "source string the mapping, for ingest",
        "rows_read bigint ingest: rows read = accepted + rejected + duplicate",
        "rows_accepted bigint rows that are events",
        "rows_rejected bigint rows in rejected_events",
        "rows_duplicate bigint rows that repeat an event",
        "revenue_read decimal(28,4) revenue read = accepted + rejected + duplicate",
        "revenue_accepted decimal(28,4) revenue of the events",
        "revenue_rejected decimal(28,4) revenue of the rejected rows",
        "revenue_duplicate decimal(28,4) revenue of the repeats",
        "rejected_by_reason map<string,bigint> rejected rows by reason code; a row with two reasons counts in both",
        "by_month array<struct<month:string,rows_read:bigint,revenue_read:decimal(28,4),revenue_accepted:decimal(28,4),"
        "revenue_rejected:decimal(28,4),revenue_duplicate:decimal(28,4)>> ingest: the accounting by month of the event; null month: no date",
        "touched_from date first day whose rows changed: results as of it or later are stale",
        "measures map<string,double> main measures",
        "settings! string settings of the run as JSON",
        "fingerprint string what the result depends on: inputs, settings, version; of an ingest: the mapping",
        "tables_read map<string,bigint> versions of the tables read",
        "tables_written map<string,bigint> versions of the tables after it",
        "message string what it said in the end",
        "version! string version of Coterie",
    ),
)

LEASE = Table(
    "lease", "the one writer of the lake", ("name",),
    _columns(
        "name! string always 'writer'",
        "holder string who holds it; null: nobody",
        "taken_at timestamp since when",
        "expires_at timestamp until when, unless renewed",
    ),
)

STAGED_EVENTS = Table(
    "staged_events", "an input row on its way, or (is_verdict) what became of it: a scratch table of the ingest job, empty between jobs",
    ("row_id", "is_verdict"),
    _columns(
        "row_id! bigint number of the row in this batch",
        "is_verdict! boolean false: the row as read and typed; true: the outcome of a row that repeats or contradicts another",
        "source_file string the file",
        "row_hash string SHA-256 of the row as read",
        "occurrence int 1 for the first of equal rows of the file",
        "outcome string verdicts: accepted, rejected or duplicate",
        "reasons array<string> why it is rejected",
        "raw string the row as read, where it may be needed",
        "match_id string rows with the same are about the same event, or are the same rejected row",
        "content bigint hash of what the event says, its id aside",
        "source_files array<string> verdicts: every file that holds the event",
        "is_known boolean verdicts: the event is in the lake already",
        "event_id string as events has it",
        "item_title string title of the item, as the row has it",
        "item_category string category of the item, as the row has it",
    )
    + tuple(Column(c.name, c.type, "as events has it") for c in EVENTS.columns if c.name not in ("event_id", "source", "source_files")),
    is_scratch=True,
)

STAGED_VECTORS = Table(
    "staged_vectors", "a customer as the segmentation methods see it: a scratch table of the segments job, empty between jobs", ("customer_id",),
    _columns(
        "customer_id! string the customer",
        "features! array<double> the vector",
    ),
    is_scratch=True,
)

HELD_OUT = Table(
    "held_out", "a customer whom models are measured on: a scratch table of the recommend job, empty between jobs", ("as_of", "customer_id", "keep_seen"),
    _columns(
        "as_of! date the date that the models know up to",
        "customer_id! string the customer",
        "keep_seen! boolean the list may hold what the customer had",
        "truth! array<string> what the customer bought after it",
    ),
    is_scratch=True,
)

MEASURED_LISTS = Table(
    "measured_lists", "a customer's list of a model, or examples for the ranker: a scratch table of the recommend job, empty between jobs",
    ("as_of", "customer_id", "keep_seen", "model"),
    _columns(
        "as_of! date the date that the models know up to",
        "customer_id! string the customer",
        "keep_seen! boolean the list may hold what the customer had",
        "is_warm! boolean the customer had bought before",
        "truth! array<string> what the customer bought after it",
        "model! string the recommender, or examples",
        "items! array<string> best first",
        "factors! array<double> a number for each item; of examples whether it was bought and its features",
    ),
    is_scratch=True,
)

STAGED_IMAGES = Table(
    "staged_images", "an image as read, accepted or not: a scratch table of the images job, empty between jobs", ("source_file", "position"),
    _columns(
        "source_file! string the file",
        "position! int its number in that file",
        "category string what it is said to show",
        "item_id string the item that it shows",
        "is_test! boolean the file says that it is kept for tests",
        "channels int channels that it had",
        "image_id string as item_images has it; null where it is refused",
        "png binary the image as PNG; null where it is refused",
        "reasons! array<string> why it is refused; empty where it is not",
    ),
    is_scratch=True,
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        EVENTS, REJECTED_EVENTS, INGESTED_FILES, ITEMS, CUSTOMERS, CANCELLATIONS, DAILY_ACTIVITY, CUSTOMER_ITEM_DAYS, CUSTOMER_STATE,
        CUSTOMER_FEATURES, SEGMENTS, SEGMENT_PROFILES, SEGMENT_CANDIDATES, SEGMENT_AGREEMENT, SEGMENT_PROJECTION, SEGMENT_MOVES, SEGMENT_FLOWS,
        RECOMMENDATIONS, RECOMMENDATION_QUALITY, SIMILAR_CUSTOMERS, SEGMENT_RECOMMENDATIONS, CUSTOMER_ITEMS, ITEM_IMAGES, REJECTED_IMAGES,
        GENERATED_IMAGES, CONTACT_SHEETS, CONTENT_QUALITY, MODELS, MODEL_FACTORS, RUNS, LEASE, STAGED_EVENTS,
        STAGED_VECTORS, HELD_OUT, MEASURED_LISTS, STAGED_IMAGES,
    )
}
