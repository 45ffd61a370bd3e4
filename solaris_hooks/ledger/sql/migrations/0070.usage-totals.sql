-- Totals over all accounts, by hour and by day, kept beside usage: pages read them and never scan usage.
-- depends: 0058.system-events
--
-- Settlements write none of this: they would all wait for the same rows. A job adds what was settled since it last
-- looked, a few seconds ago; see docs/decisions/0034.

-- What ended lately is read in order of its end. The time only grows: each row goes to the index's last page.
CREATE INDEX usage_by_end ON solaris.usage (ended_at);
CREATE INDEX usage_daily_by_day ON solaris.usage_daily (day);

CREATE TABLE solaris.usage_hourly (
    hour timestamptz NOT NULL, -- its first instant
    model text NOT NULL,
    requests bigint NOT NULL,
    estimated_requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    charge bigint NOT NULL,
    PRIMARY KEY (hour, model)
) WITH (fillfactor = 70);

-- By the local day of each account, as usage_daily, and by the plan that it had.
CREATE TABLE solaris.usage_of_plans (
    day date NOT NULL,
    plan_id text NOT NULL,
    model text NOT NULL,
    requests bigint NOT NULL,
    estimated_requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    charge bigint NOT NULL,
    PRIMARY KEY (day, plan_id, model)
) WITH (fillfactor = 70);

CREATE TABLE solaris.used_models (model text PRIMARY KEY);

-- How far the totals are; one row.
CREATE TABLE solaris.rollup (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- What ended before it is in the totals, once; null where nothing is yet.
    rolled_until timestamptz,
    -- A moment up to which they can go as soon as every transaction has ended that had begun to write by then.
    waiting_until timestamptz NOT NULL DEFAULT '2000-01-01Z',
    -- That is all with smaller numbers.
    waiting_for xid8 NOT NULL DEFAULT '0',
    -- Accounts whose summaries were being written by others when it was their turn.
    skipped text [] NOT NULL DEFAULT '{}'
);
INSERT INTO solaris.rollup DEFAULT VALUES;

-- Add up to about p_limit calls to the totals, and bring the summaries of their accounts up to now; one process at a
-- time, the others return at once. Says whether more calls are known to wait.
--
-- The end of a call is read from the clock after its account was locked, when its transaction has a number. So
-- whatever ended before a moment is of a transaction with a smaller number than one that is drawn after that moment, and
-- once all of those have ended, all of it can be seen: nothing can turn up behind rolled_until later. For the number to
-- be drawn here, this must be the first thing that its transaction writes.
CREATE FUNCTION solaris.roll_up_v1(p_limit integer, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    state solaris.rollup;
    since timestamptz;
    until timestamptz;
    behind boolean;
    at timestamptz;
    drawn xid8;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('solaris.rollup', 0)) THEN
        RETURN false;
    END IF;
    SELECT * INTO state FROM solaris.rollup;
    since := coalesce(state.rolled_until, '2000-01-01Z');
    IF pg_snapshot_xmin(pg_current_snapshot()) < state.waiting_for THEN
        RETURN false; -- a transaction that began to write before that moment still runs
    END IF;
    at := coalesce(p_now, clock_timestamp());
    drawn := pg_current_xact_id();
    until := (
        SELECT u.ended_at FROM solaris.usage AS u
        WHERE u.ended_at >= since AND u.ended_at < state.waiting_until
        ORDER BY u.ended_at OFFSET p_limit LIMIT 1);
    behind := until IS NOT NULL;
    IF behind THEN
        until := greatest(until, since + interval '1 microsecond'); -- where very many ended at one moment
    ELSE
        until := greatest(state.waiting_until, since);
    END IF;
    UPDATE solaris.rollup SET
        rolled_until = nullif(until, '2000-01-01Z'),
        skipped = solaris.refresh_summaries_v1(state.skipped || solaris.add_totals_v1(since, until));
    IF NOT behind THEN
        UPDATE solaris.rollup SET waiting_until = at, waiting_for = drawn;
    END IF;
    RETURN behind;
END
$$;

-- Add what was settled from p_since until before p_until to the totals. Returns the accounts that it was of.
CREATE FUNCTION solaris.add_totals_v1(p_since timestamptz, p_until timestamptz) RETURNS text []
LANGUAGE plpgsql AS $$
DECLARE
    account_ids text [];
BEGIN
    WITH fresh AS MATERIALIZED (
        SELECT
            u.account_id, u.model, a.plan_id, date_trunc('hour', u.ended_at, 'UTC') AS hour,
            (u.ended_at AT TIME ZONE a.time_zone)::date AS day, (u.source IN ('estimate', 'sweep'))::integer AS estimated,
            u.input_tokens, u.cached_input_tokens, u.output_tokens, u.charge
        FROM solaris.usage AS u
        JOIN solaris.accounts AS a ON u.account_id = a.account_id
        WHERE u.ended_at >= p_since AND u.ended_at < p_until AND u.status = 'settled'
    ), by_hour AS (
        INSERT INTO solaris.usage_hourly AS t (
            hour, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge)
        SELECT
            f.hour, f.model, count(*), sum(f.estimated), sum(f.input_tokens), sum(f.cached_input_tokens),
            sum(f.output_tokens), sum(f.charge)
        FROM fresh AS f GROUP BY f.hour, f.model
        ON CONFLICT (hour, model) DO UPDATE SET
            requests = t.requests + excluded.requests,
            estimated_requests = t.estimated_requests + excluded.estimated_requests,
            input_tokens = t.input_tokens + excluded.input_tokens,
            cached_input_tokens = t.cached_input_tokens + excluded.cached_input_tokens,
            output_tokens = t.output_tokens + excluded.output_tokens, charge = t.charge + excluded.charge
    ), by_plan AS (
        INSERT INTO solaris.usage_of_plans AS t (
            day, plan_id, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge)
        SELECT
            f.day, f.plan_id, f.model, count(*), sum(f.estimated), sum(f.input_tokens), sum(f.cached_input_tokens),
            sum(f.output_tokens), sum(f.charge)
        FROM fresh AS f GROUP BY f.day, f.plan_id, f.model
        ON CONFLICT (day, plan_id, model) DO UPDATE SET
            requests = t.requests + excluded.requests,
            estimated_requests = t.estimated_requests + excluded.estimated_requests,
            input_tokens = t.input_tokens + excluded.input_tokens,
            cached_input_tokens = t.cached_input_tokens + excluded.cached_input_tokens,
            output_tokens = t.output_tokens + excluded.output_tokens, charge = t.charge + excluded.charge
    ), models AS (
        INSERT INTO solaris.used_models (model) SELECT DISTINCT f.model FROM fresh AS f ON CONFLICT DO NOTHING
    )
    SELECT array_agg(DISTINCT f.account_id) INTO account_ids FROM fresh AS f;
    RETURN coalesce(account_ids, '{}');
END
$$;

-- Who used most on some local days, as it was last looked up: over all accounts and many days that takes too long for
-- a page.
CREATE TABLE solaris.top_accounts (
    first_day date NOT NULL,
    last_day date NOT NULL,
    as_of timestamptz NOT NULL,
    accounts jsonb NOT NULL, -- of each: account, requests, tokens; most tokens first
    PRIMARY KEY (first_day, last_day)
);

-- Look that up again, unless it was within p_age. Returns whether it was looked up.
CREATE FUNCTION solaris.refresh_top_v1(
    p_first_day date, p_last_day date, p_limit integer, p_age interval, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    PERFORM FROM solaris.top_accounts AS t
    WHERE t.first_day = p_first_day AND t.last_day = p_last_day AND t.as_of > at - p_age;
    IF FOUND OR NOT pg_try_advisory_xact_lock(hashtextextended('solaris.top_accounts', 0)) THEN
        RETURN false;
    END IF;
    DELETE FROM solaris.top_accounts AS t WHERE t.as_of < at - interval '1 day';
    INSERT INTO solaris.top_accounts (first_day, last_day, as_of, accounts)
    SELECT p_first_day, p_last_day, at, coalesce(jsonb_agg(
        jsonb_build_object('account', most.account_id, 'requests', most.requests, 'tokens', most.tokens)
        ORDER BY most.tokens DESC, most.account_id COLLATE "C"), '[]')
    FROM (
        SELECT d.account_id, sum(d.requests)::bigint AS requests, sum(d.charge)::bigint AS tokens
        FROM solaris.usage_daily AS d
        WHERE d.day BETWEEN p_first_day AND p_last_day
        GROUP BY d.account_id
        ORDER BY tokens DESC, d.account_id COLLATE "C"
        LIMIT p_limit
    ) AS most
    ON CONFLICT (first_day, last_day) DO UPDATE SET as_of = excluded.as_of, accounts = excluded.accounts;
    RETURN true;
END
$$;
