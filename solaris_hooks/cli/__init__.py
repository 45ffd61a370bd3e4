"""``solaris``: what operators do at the terminal, straight on PostgreSQL."""
