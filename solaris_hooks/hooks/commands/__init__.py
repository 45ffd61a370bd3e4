"""Commands that users type in the chat, answered here: no provider is called, and nothing is counted."""
