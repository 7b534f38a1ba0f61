"""The report: tables -> small frames (`queries`) -> words, charts and tables (`sections`) -> a page (`page`).

Nothing here reads, writes or knows a session: the pipeline hands over the tables, and writes the page.
"""
