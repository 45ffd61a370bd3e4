"""A simulated LLM provider for the demo and the tests.

It speaks OpenAI's chat completions, streamed and not, with figures that are exact and
chosen by the caller, and it keeps books of what it reported, so that a test can compare
them with what was booked, to the token. It calls no model and leaves no machine.

Start it with ``python deploy/simulated_provider --host 127.0.0.1 --port N`` or, from the
repository's root, ``python -m deploy.simulated_provider``. Port 0 takes a free one; the
line printed when it is ready names it.

**Counting.** One piece is one token: a word with the blanks before it. A prompt counts
its words plus 4 for each message; an answer counts its pieces, for each of ``n`` choices.
``max_completion_tokens``, else ``max_tokens``, caps each choice.

**Directives.** A JSON object after ``#sim`` in the last user message chooses the rest::

    Hello #sim {"prompt_tokens": 120, "completion_tokens": 300, "delay_ms": 200}

The directive itself is not counted. :class:`~.directive.Directive` documents every field.

**Books.** ``GET /sim/served`` gives the totals, and those of each ``label``;
``GET /sim/requests?limit=&label=`` the last bodies received, oldest first;
``POST /sim/reset`` empties both.
"""
