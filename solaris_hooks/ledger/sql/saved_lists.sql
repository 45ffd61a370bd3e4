-- Statements of lists of accounts that administrators keep; the same form as queries.sql.

-- saved_lists --
-- Somebody's own lists and those that others share, in order of name; his own first.
SELECT number, owner, name, query, shared FROM solaris.saved_lists
WHERE owner = %(owner)s OR shared
ORDER BY owner <> %(owner)s, lower(name), number;

-- save_list --
-- Keep a list; see save_list_v1.
SELECT l.number, l.owner, l.name, l.query, l.shared
FROM solaris.save_list_v1(
    %(owner)s, %(name)s, %(query)s, %(shared)s, %(most)s, %(most_shared)s, %(now)s) AS l;

-- delete_list --
-- Delete a list; see delete_list_v1.
SELECT l.number, l.owner, l.name, l.query, l.shared
FROM solaris.delete_list_v1(%(number)s, %(actor)s, %(of_others)s, %(now)s) AS l;
