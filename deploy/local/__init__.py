"""The two commands on one machine: set-up, PostgreSQL, Prisma's engine and the stock LiteLLM proxy."""
