"""The rules of quota, pure: no I/O, no clock, no LiteLLM, no SQL."""
