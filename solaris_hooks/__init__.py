"""Exact tokens per user for the LiteLLM proxy: hold before the call, settle after it."""

__version__ = "0.1.0"
