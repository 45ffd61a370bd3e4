"""The addresses of the JSON API, one module a subject."""
