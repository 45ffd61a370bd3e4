"""Tables as files that people open elsewhere: CSV, XLSX and JSON, of any length in bounded memory."""
