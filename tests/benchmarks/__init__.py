"""What the plugin costs, measured: ``python -m tests.benchmarks --help``."""
