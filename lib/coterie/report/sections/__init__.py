"""The sections of the report, each a function of the facts. What is not there is said, and the rest stands."""
