-- Sessions of administrators in a browser: that they live is known here, so that each can be ended everywhere at once.
-- No key is stored: the browser keeps it, sealed, and LiteLLM is asked about it at every page.
-- depends: 0058.system-events

CREATE TABLE solaris.admin_sessions (
    session_id uuid PRIMARY KEY,
    actor text NOT NULL,
    -- SHA-256 of the token that the browser shows now, and of the one before it.
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    previous_digest bytea UNIQUE CHECK (octet_length(previous_digest) = 32),
    began_at timestamptz NOT NULL,
    rotated_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);
CREATE INDEX admin_sessions_of_actor ON solaris.admin_sessions (actor);

-- Failed attempts to sign in, by whence they came, in windows of time.
CREATE TABLE solaris.sign_in_failures (
    source text NOT NULL,
    window_start timestamptz NOT NULL,
    failures integer NOT NULL,
    PRIMARY KEY (source, window_start)
);
CREATE INDEX sign_in_failures_to_forget ON solaris.sign_in_failures (window_start);

-- Begin a session; forget some that nobody can use any more.
CREATE FUNCTION solaris.begin_admin_session_v1(
    p_session_id uuid, p_actor text, p_digest bytea, p_longest interval, p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    DELETE FROM solaris.admin_sessions AS s WHERE s.session_id IN (
        SELECT old.session_id FROM solaris.admin_sessions AS old
        WHERE old.began_at < at - p_longest ORDER BY old.began_at LIMIT 20 FOR UPDATE SKIP LOCKED);
    INSERT INTO solaris.admin_sessions (session_id, actor, digest, began_at, rotated_at, seen_at)
    VALUES (p_session_id, p_actor, p_digest, at, at, at) ON CONFLICT DO NOTHING;
END
$$;

-- Visit by a session's token. The token is exchanged for p_next when it is older than p_rotate_after; the one before is
-- good for p_grace more, since a browser asks for several things at once. Whoever shows it later has copied it, or the
-- browser's owner has: the session ends for both.
CREATE FUNCTION solaris.visit_admin_session_v1(
    p_digest bytea, p_next bytea, p_idle interval, p_longest interval, p_rotate_after interval, p_grace interval,
    p_now timestamptz, OUT session_id uuid, OUT actor text, OUT rotated boolean
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := coalesce(p_now, clock_timestamp());
    session solaris.admin_sessions;
BEGIN
    rotated := false;
    SELECT * INTO session FROM solaris.admin_sessions AS s
    WHERE s.digest = p_digest OR s.previous_digest = p_digest FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF session.seen_at < at - p_idle OR session.began_at < at - p_longest
        OR (session.digest <> p_digest AND session.rotated_at < at - p_grace) THEN
        DELETE FROM solaris.admin_sessions AS s WHERE s.session_id = session.session_id;
        RETURN;
    END IF;
    session_id := session.session_id;
    actor := session.actor;
    IF session.digest = p_digest AND session.rotated_at < at - p_rotate_after THEN
        rotated := true;
        UPDATE solaris.admin_sessions AS s
        SET digest = p_next, previous_digest = p_digest, rotated_at = at, seen_at = at
        WHERE s.session_id = session.session_id;
    ELSIF session.seen_at < at - interval '30 seconds' THEN -- pages that look again every few seconds need not write
        UPDATE solaris.admin_sessions AS s SET seen_at = at WHERE s.session_id = session.session_id;
    END IF;
END
$$;

-- Count a failed attempt to sign in, and say how many this window has seen.
CREATE FUNCTION solaris.sign_in_failed_v1(p_source text, p_window interval, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz := date_bin(p_window, coalesce(p_now, clock_timestamp()), '2000-01-01 00:00Z'::timestamptz);
    counted integer;
BEGIN
    DELETE FROM solaris.sign_in_failures AS f WHERE (f.source, f.window_start) IN (
        SELECT old.source, old.window_start FROM solaris.sign_in_failures AS old
        WHERE old.window_start < start - interval '1 day' ORDER BY old.window_start LIMIT 20 FOR UPDATE SKIP LOCKED);
    INSERT INTO solaris.sign_in_failures AS f (source, window_start, failures) VALUES (p_source, start, 1)
    ON CONFLICT (source, window_start) DO UPDATE SET failures = f.failures + 1
    RETURNING f.failures INTO counted;
    RETURN counted;
END
$$;
