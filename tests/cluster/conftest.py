"""The seeded shop of the end-to-end tests, for tests that plain pytest leaves out: each starts a cluster and takes minutes."""

from tests.end_to_end.conftest import demo

__all__ = ["demo"]
