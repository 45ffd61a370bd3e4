"""Webhooks: events for other programs, signed, and as messages for chats."""
