"""From events to messages that reach somebody: by e-mail, by webhook, in the chat."""
