"""One short paragraph at the end of an answer, when there is something that its reader has to know."""
