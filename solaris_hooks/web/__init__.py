"""What people reach with HTTP under ``/solaris``: the JSON API, and later the pages."""
