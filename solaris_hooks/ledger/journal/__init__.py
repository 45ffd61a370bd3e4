"""What was used while PostgreSQL was away: written to local files first, booked when it is back.

Read in this order: ``ledger`` (the decorator that requests meet), ``journal`` (one process's file),
``lines`` (what a file looks like), ``replay`` (from a record to the books), ``catching_up`` (all that the books
lack), ``adoption`` (files of processes that are gone).
"""
