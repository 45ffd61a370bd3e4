-- Batches of what is forgotten are no larger than they are said to be. As before, but what is to go is chosen once: a
-- subquery with LIMIT and SKIP LOCKED may be run again for each row by a nested loop, and chooses others each time.
-- depends: 0083.saved-lists

CREATE OR REPLACE FUNCTION solaris.purge_refusals_v1(p_older_than interval, p_limit integer, p_now timestamptz)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    gone integer;
BEGIN
    WITH old AS MATERIALIZED (
        SELECT each.account_id, each.refusal_id FROM solaris.refusals AS each
        WHERE each.refusal_id < solaris.uuid7_floor_v1(coalesce(p_now, clock_timestamp()) - p_older_than)
        ORDER BY each.refusal_id LIMIT p_limit FOR UPDATE SKIP LOCKED)
    DELETE FROM solaris.refusals AS r USING old
    WHERE r.account_id = old.account_id AND r.refusal_id = old.refusal_id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;

CREATE OR REPLACE FUNCTION solaris.use_link_v1(p_account_id text, p_link_id uuid, p_expires_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    WITH old AS MATERIALIZED (
        SELECT each.account_id, each.link_id FROM solaris.used_links AS each
        WHERE each.expires_at < clock_timestamp() - interval '1 day'
        ORDER BY each.expires_at LIMIT 20 FOR UPDATE SKIP LOCKED)
    DELETE FROM solaris.used_links AS u USING old
    WHERE u.account_id = old.account_id AND u.link_id = old.link_id;
    INSERT INTO solaris.used_links (account_id, link_id, expires_at)
    VALUES (p_account_id, p_link_id, p_expires_at) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$;

CREATE OR REPLACE FUNCTION solaris.begin_admin_session_v1(
    p_session_id uuid, p_actor text, p_digest bytea, p_longest interval, p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    WITH old AS MATERIALIZED (
        SELECT each.session_id FROM solaris.admin_sessions AS each
        WHERE each.began_at < at - p_longest ORDER BY each.began_at LIMIT 20 FOR UPDATE SKIP LOCKED)
    DELETE FROM solaris.admin_sessions AS s USING old WHERE s.session_id = old.session_id;
    INSERT INTO solaris.admin_sessions (session_id, actor, digest, began_at, rotated_at, seen_at)
    VALUES (p_session_id, p_actor, p_digest, at, at, at) ON CONFLICT DO NOTHING;
END
$$;

CREATE OR REPLACE FUNCTION solaris.sign_in_failed_v1(p_source text, p_window interval, p_now timestamptz)
RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz := date_bin(p_window, coalesce(p_now, clock_timestamp()), '2000-01-01 00:00Z'::timestamptz);
    counted integer;
BEGIN
    WITH old AS MATERIALIZED (
        SELECT each.source, each.window_start FROM solaris.sign_in_failures AS each
        WHERE each.window_start < start - interval '1 day'
        ORDER BY each.window_start LIMIT 20 FOR UPDATE SKIP LOCKED)
    DELETE FROM solaris.sign_in_failures AS f USING old
    WHERE f.source = old.source AND f.window_start = old.window_start;
    INSERT INTO solaris.sign_in_failures AS f (source, window_start, failures) VALUES (p_source, start, 1)
    ON CONFLICT (source, window_start) DO UPDATE SET failures = f.failures + 1
    RETURNING f.failures INTO counted;
    RETURN counted;
END
$$;
