import subprocess
import sys
import threading
from pathlib import Path

import pytest

from coterie.ahead import load_ahead


def test_a_module_is_loaded_beside_even_after_one_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_ahead.py").write_text("raise ValueError('broken')")
    (tmp_path / "loaded_ahead.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    complaints: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", complaints.append)
    load_ahead("no_such_module_ahead", "broken_ahead", "loaded_ahead").join(timeout=60)
    assert "loaded_ahead" in sys.modules
    assert complaints == []


def test_what_draws_and_what_places_is_not_waited_for_before_java_starts() -> None:
    loaded = "import sys, coterie.pipeline.shop; print(sorted({'scipy', 'sklearn', 'jinja2', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout == "[]\n"
