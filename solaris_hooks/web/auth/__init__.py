"""Keys are LiteLLM's: who somebody is by one, and which ones an account has. Nothing else of web knows LiteLLM."""

from solaris_hooks.web.auth.authenticator import LiteLLMAuthenticator, actor_of
from solaris_hooks.web.auth.keys import keys_of

__all__ = ["LiteLLMAuthenticator", "actor_of", "keys_of"]
