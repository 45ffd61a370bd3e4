-- What was refused, with the figures of that moment, and how much of it on each day.
-- depends: 0058.system-events

CREATE TABLE solaris.refusals (
    -- Empty where nobody knew whose request it was.
    account_id text NOT NULL,
    refusal_id uuid NOT NULL,
    at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    count bigint NOT NULL CHECK (count > 0),
    reason text NOT NULL,
    status smallint NOT NULL,
    message text NOT NULL,
    call_type text NOT NULL,
    path text,
    model text,
    key_prefix text,
    locale text NOT NULL,
    process text NOT NULL,
    param text,
    waited_ms bigint NOT NULL CHECK (waited_ms >= 0),
    -- Read as a whole, and only of one refusal at a time.
    figures json,
    asked json,
    holders json,
    holds_read_at timestamptz,
    PRIMARY KEY (account_id, refusal_id),
    CONSTRAINT last_is_not_before_first CHECK (last_at >= at),
    CONSTRAINT holders_have_a_time CHECK ((holders IS NULL) = (holds_read_at IS NULL))
);
CREATE INDEX refusals_by_id ON solaris.refusals (refusal_id);
CREATE INDEX refusals_by_reason ON solaris.refusals (reason, refusal_id);

-- Kept by the same transaction, so that pages never scan refusals.
CREATE TABLE solaris.refusals_daily (
    account_id text NOT NULL,
    day date NOT NULL,
    reason text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (account_id, day, reason)
) WITH (fillfactor = 70);
CREATE INDEX refusals_daily_by_day ON solaris.refusals_daily (day);

-- Write down refusals. Each process counts its own: what it says of one that was written before is the whole count, so
-- that writing the same again changes nothing, here or in the daily totals. Returns how many were new.
CREATE FUNCTION solaris.write_refusals_v1(p_refusals json) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    new solaris.refusals;
    counted bigint;
    written integer := 0;
BEGIN
    -- What a crash loses of the last moment is the record of a refusal, not a token.
    PERFORM set_config('synchronous_commit', 'off', true);
    -- In one order, as all processes do, since two may add to the same day of an account.
    FOR new IN
        SELECT * FROM json_populate_recordset(NULL::solaris.refusals, p_refusals) AS r
        ORDER BY r.account_id, r.reason, r.refusal_id
    LOOP
        counted := 0;
        INSERT INTO solaris.refusals VALUES (new.*) ON CONFLICT (account_id, refusal_id) DO NOTHING;
        IF FOUND THEN
            written := written + 1;
        ELSE
            SELECT r.count INTO counted FROM solaris.refusals AS r
            WHERE r.account_id = new.account_id AND r.refusal_id = new.refusal_id FOR UPDATE;
            UPDATE solaris.refusals AS r SET
                count = greatest(r.count, new.count), last_at = greatest(r.last_at, new.last_at),
                holders = coalesce(r.holders, new.holders),
                holds_read_at = coalesce(r.holds_read_at, new.holds_read_at)
            WHERE r.account_id = new.account_id AND r.refusal_id = new.refusal_id;
        END IF;
        IF new.count > counted THEN
            INSERT INTO solaris.refusals_daily AS d (account_id, day, reason, count)
            VALUES (
                new.account_id,
                (new.last_at AT TIME ZONE coalesce(
                    (SELECT a.time_zone FROM solaris.accounts AS a WHERE a.account_id = new.account_id), 'UTC'))::date,
                new.reason, new.count - counted)
            ON CONFLICT (account_id, day, reason) DO UPDATE SET count = d.count + excluded.count;
        END IF;
    END LOOP;
    RETURN written;
END
$$;

-- Forget refusals that are older than p_older_than, p_limit at the most. Returns how many went.
CREATE FUNCTION solaris.purge_refusals_v1(p_older_than interval, p_limit integer, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    gone integer;
BEGIN
    DELETE FROM solaris.refusals AS r WHERE (r.account_id, r.refusal_id) IN (
        SELECT old.account_id, old.refusal_id FROM solaris.refusals AS old
        WHERE old.refusal_id < solaris.uuid7_floor_v1(coalesce(p_now, clock_timestamp()) - p_older_than)
        ORDER BY old.refusal_id LIMIT p_limit FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
