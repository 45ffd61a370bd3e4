"""Pages for people: rendered here, without scripts, in the language of the account."""
