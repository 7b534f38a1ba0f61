"""Whatever is written into settings, mappings and arguments, it loads or is refused in one short line that names it."""

import contextlib
import datetime
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from coterie.cli import main
from coterie.errors import MappingError, SettingsError, UserError
from coterie.settings import conf_folder, load_settings, override, read_toml
from coterie.sources.mapping import Mapping, load_mapping

QUICK = settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STRANGE = ["", "`", "'; DROP TABLE x; --", "../../x", "a\nb", "%s%n", "{x}", "\0", "=1+1", "x" * 3000, "[" * 3000, "9" * 5000]
TEXTS = st.text(max_size=30) | st.sampled_from(STRANGE)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.dates() | st.datetimes() | st.times()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6)


def keys(values: dict[str, Any], parents: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every section and key there is."""
    return [path for name, value in values.items() for path in [(*parents, name), *(keys(value, (*parents, name)) if isinstance(value, dict) else [])]]


KEYS = keys(read_toml(conf_folder() / "base.toml"))


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    return {path[0]: nested(path[1:], value) if path[1:] else value}


@contextlib.contextmanager
def fine_or_refused(kind: type[UserError], name: str = "") -> Iterator[None]:
    """Nothing is raised, or one short line of the kind that has the name in it."""
    said = ""
    try:
        yield
    except kind as error:
        said = str(error)
    if said:
        assert name in said
        assert len(said.splitlines()) == 1
        assert len(said) < 3000


@QUICK
@given(st.sampled_from(KEYS), VALUES)
@example(("shop", "time_zone"), "Mars/Phobos")
@example(("feature_sets", "rfm"), {"colums": []})
def test_any_value_of_any_setting_loads_or_is_refused_by_the_name_of_its_key(path: tuple[str, ...], value: Any) -> None:
    with fine_or_refused(SettingsError, path[0]):
        load_settings([nested(path, value)])


@QUICK
@given(st.sampled_from(KEYS).map(".".join) | TEXTS, TEXTS | st.floats().map(str) | st.dates().map(str))
@example("a." * 3000 + "b", "1")
def test_any_text_given_with_set_loads_or_is_refused(name: str, value: str) -> None:
    with fine_or_refused(SettingsError):
        load_settings([override(f"{name}={value}")])


GOOD: dict[str, Any] = {
    "name": "shop", "description": "a shop", "time_zone": "UTC", "key": ["who"], "shop": {"currency": "EUR"},
    "files": {"folder": "a", "pattern": "*", "format": "csv", "encoding": "UTF-8", "delimiter": ",", "quote": '"', "header": True, "columns": ["who"]},
    "columns": {"customer_id": {"column": "who", "trim": True, "default": ""}, "event_type": {"value": "view"}, "occurred_at": {"expression": "t"}},
    "event_type": [{"when": "true", "is": "view"}], "reject": [{"when": "false", "reason": "never"}],
    "items": {"files": {"folder": "items"}, "columns": {"item_id": {"column": "i"}}}, "customers": {"columns": {"customer_id": {"column": "c"}}},
}  # fmt: skip


@QUICK
@given(st.sampled_from([*keys(GOOD), ("more",), ("files", "more"), ("columns", "more"), ("items", "columns", "more")]), VALUES)
def test_any_value_in_a_mapping_loads_or_is_refused(tmp_path: Path, path: tuple[str, ...], value: Any) -> None:
    place = tmp_path / "shop.toml"
    place.write_text(as_toml(_with(GOOD, path, value)), encoding="utf-8")
    with fine_or_refused(MappingError, str(place)):
        assert isinstance(load_mapping(str(place)), Mapping)


def _with(values: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    below = values.get(path[0])
    return values | {path[0]: _with(below if isinstance(below, dict) else {}, path[1:], value) if path[1:] else value}


def as_toml(value: dict[str, Any]) -> str:
    return "".join(f"{_toml(name)} = {_toml(part)}\n" for name, part in value.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(sign):08x}" for sign in value if not 0xD800 <= ord(sign) <= 0xDFFF) + '"'
    if isinstance(value, bool) or value is None:
        return str(bool(value)).lower()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


@QUICK
@given(st.binary(max_size=60))
def test_any_bytes_as_a_file_of_settings_or_a_mapping_load_or_are_refused(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "any.toml"
    place.write_bytes(content)
    for load in (lambda: load_settings([read_toml(str(place))]), lambda: load_mapping(str(place))):
        with fine_or_refused(UserError):
            load()


@settings(max_examples=40, deadline=None, database=None)
@given(command=st.sampled_from(["ingest", "run", "features", "show", "runs", "report", "explain", "synth"]), words=st.lists(TEXTS, max_size=3))
@example(command="show", words=["events", "--lake", "x", "--limit", "9" * 20])
@example(command="runs", words=["--lake", "x", "--as-of", "2024-13-01"])
@example(command="features", words=["--lake", "x", "--set", "segments.k=[9, 4]"])
@example(command="describe", words=["'; DROP TABLE x; --"])
def test_wrong_arguments_are_told_in_a_line_with_exit_code_two(command: str, words: list[str]) -> None:
    """None of them names a lake and all else that is needed: nothing is started."""
    said = io.StringIO()
    with pytest.raises(SystemExit) as ended, contextlib.redirect_stderr(said):
        main([command, *words])
    assert ended.value.code == 2
    assert "Traceback" not in said.getvalue()
    assert len(said.getvalue()) < 3000
