"""LiteLLM's side: thin classes that translate its data into calls of the ledger and the rules."""
