"""The books: a typed asynchronous API over functions of PostgreSQL, and the same in memory for tests."""
