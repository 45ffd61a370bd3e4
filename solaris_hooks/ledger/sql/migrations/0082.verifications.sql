-- Verifications that people asked for: each runs in a process of its own, which writes down here how far it has come and
-- what it has found.
-- depends: 0080.admin-sessions
--
-- Errors of our own: as in 0004.

CREATE TABLE solaris.verifications (
    verification_id uuid PRIMARY KEY, -- UUIDv7: grows with time
    account_id text, -- null for all
    requested_by text NOT NULL,
    began_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL, -- when its process was last heard of
    ended_at timestamptz,
    accounts bigint NOT NULL DEFAULT 0,
    entries bigint NOT NULL DEFAULT 0,
    flaws bigint, -- null where it has not come to an end
    found jsonb NOT NULL DEFAULT '[]', -- the first of them: account, entry, message
    error text CHECK (length(error) <= 500) -- why it has not come to an end
);

-- Begin a verification, and forget old ones. One of all accounts runs at a time: another is as good as that one.
CREATE FUNCTION solaris.begin_verification_v1(
    p_verification_id uuid, p_account_id text, p_actor text, p_silence interval, p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    PERFORM pg_advisory_xact_lock(x'501A2150'::integer, 2);
    IF p_account_id IS NULL AND EXISTS (
        SELECT FROM solaris.verifications AS v
        WHERE v.account_id IS NULL AND v.ended_at IS NULL AND v.seen_at > at - p_silence) THEN
        RAISE EXCEPTION 'All accounts are being verified already.' USING ERRCODE = 'SH002';
    END IF;
    DELETE FROM solaris.verifications AS v WHERE v.began_at < at - interval '400 days';
    INSERT INTO solaris.verifications (verification_id, account_id, requested_by, began_at, seen_at)
    VALUES (p_verification_id, p_account_id, p_actor, at, at);
END
$$;
