-- Statements of people's sessions in a browser: administrators' by their actor, users' by their account. The same form as
-- queries.sql.

-- begin_session --
-- Begin a session; see begin_admin_session_v1.
SELECT solaris.begin_admin_session_v1(
    %(session_id)s, %(actor)s, %(digest)s, %(longest)s::interval, %(now)s);

-- visit_session --
-- Visit by a session's token; see visit_admin_session_v1.
SELECT session_id, actor, rotated
FROM solaris.visit_admin_session_v1(
    %(digest)s, %(next)s, %(idle)s::interval, %(longest)s::interval, %(rotate_after)s::interval, %(grace)s::interval,
    %(now)s);

-- end_session --
-- End one session.
DELETE FROM solaris.admin_sessions WHERE session_id = %(session_id)s RETURNING session_id;

-- end_sessions_of --
-- End all sessions of somebody.
DELETE FROM solaris.admin_sessions WHERE actor = %(actor)s RETURNING session_id;

-- sign_in_failed --
-- Count a failed attempt to sign in; see sign_in_failed_v1.
SELECT solaris.sign_in_failed_v1(%(source)s, %(span)s::interval, %(now)s) AS failures;

-- sign_in_failures --
-- Failed attempts to sign in of this window.
SELECT coalesce(sum(failures), 0)::integer AS failures
FROM solaris.sign_in_failures
WHERE source = %(source)s
    AND window_start = date_bin(
        %(span)s::interval, coalesce(%(now)s::timestamptz, now()), '2000-01-01 00:00Z'::timestamptz);
