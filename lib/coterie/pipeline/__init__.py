"""The jobs: read by the lake, call pure functions of the rooms, check, write, record. The one room that knows both sides."""
