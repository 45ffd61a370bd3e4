"""A simulated LLM provider for the demo and the tests.

It speaks what LiteLLM sends to OpenAI, Anthropic, Gemini and Cohere, streamed and not: each module of
``formats`` is one kind of route. Its figures are exact and chosen by the caller, and it keeps
books of what it reported, so that a test can compare them with what was booked, to the token.
It calls no model and leaves no machine.

Start it with ``python deploy/simulated_provider --host 127.0.0.1 --port N`` or, from the
repository's root, ``python -m deploy.simulated_provider``. Port 0 takes a free one; the
line printed when it is ready names it.

**Counting.** One piece is one token: a word with the blanks before it. A prompt counts
its words, its token ids, and 4 for each message; an answer counts its pieces, for each of
``n`` choices (of ``best_of``, where there is one). The route's own limit caps each choice.

**Directives.** A JSON object after ``#sim`` in the last text by the user (of ``messages``,
``prompt``, ``input``, ``contents``, ``query``) chooses the rest::

    Hello #sim {"prompt_tokens": 120, "completion_tokens": 300, "delay_ms": 200}

The directive itself is not counted. :class:`~.directive.Directive` documents every field; one
that a route cannot honour is refused.

**Books.** ``GET /sim/served`` gives the totals, and those of each ``label`` and each route, in
tokens and units (images, seconds, characters, search units);
``GET /sim/requests?limit=&label=`` the last bodies received, oldest first (of a form's files,
the name and the size); ``POST /sim/reset`` empties both.
"""
