"""Raw files to rows: which files there are, what is wrong with them, and which of their columns is which event column."""
