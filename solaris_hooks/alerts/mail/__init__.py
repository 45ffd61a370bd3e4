"""Mails: rendered from templates in the reader's language, and handed to an SMTP server."""
