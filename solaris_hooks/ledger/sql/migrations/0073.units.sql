-- How many images, seconds, characters and calls were used of models that are paid by the unit: what such use costs.
-- depends: 0072.report-schedules
--
-- Entries keep the units of each such call. The job that keeps the totals adds them up, and reads the entry of no other
-- call; see docs/decisions/0041. Calls that are in the totals already count no units.

ALTER TABLE solaris.usage_hourly
    ADD COLUMN images numeric NOT NULL DEFAULT 0, ADD COLUMN seconds numeric NOT NULL DEFAULT 0,
    ADD COLUMN characters numeric NOT NULL DEFAULT 0, ADD COLUMN calls numeric NOT NULL DEFAULT 0;
ALTER TABLE solaris.usage_of_plans
    ADD COLUMN images numeric NOT NULL DEFAULT 0, ADD COLUMN seconds numeric NOT NULL DEFAULT 0,
    ADD COLUMN characters numeric NOT NULL DEFAULT 0, ADD COLUMN calls numeric NOT NULL DEFAULT 0;

-- Beside usage_daily, which settlements write: this is written by that job alone, a few seconds later.
CREATE TABLE solaris.units_daily (
    account_id text NOT NULL,
    day date NOT NULL,
    model text NOT NULL,
    images numeric NOT NULL,
    seconds numeric NOT NULL,
    characters numeric NOT NULL,
    calls numeric NOT NULL,
    PRIMARY KEY (account_id, day, model)
) WITH (fillfactor = 70);

-- Add what was settled from p_since until before p_until to the totals. Returns the accounts that it was of.
CREATE OR REPLACE FUNCTION solaris.add_totals_v1(p_since timestamptz, p_until timestamptz) RETURNS text []
LANGUAGE plpgsql AS $$
DECLARE
    account_ids text [];
BEGIN
    WITH fresh AS MATERIALIZED (
        SELECT
            u.account_id, u.model, a.plan_id, date_trunc('hour', u.ended_at, 'UTC') AS hour,
            (u.ended_at AT TIME ZONE a.time_zone)::date AS day, (u.source IN ('estimate', 'sweep'))::integer AS estimated,
            u.input_tokens, u.cached_input_tokens, u.output_tokens, u.charge,
            coalesce((paid.units ->> 'image')::numeric, 0) AS images,
            coalesce((paid.units ->> 'second')::numeric, 0) AS seconds,
            coalesce((paid.units ->> 'character')::numeric, 0) AS characters,
            coalesce((paid.units ->> 'call')::numeric, 0) AS calls
        FROM solaris.usage AS u
        JOIN solaris.accounts AS a ON u.account_id = a.account_id
        LEFT JOIN LATERAL (
            SELECT e.details -> 'more' -> 'units' AS units FROM solaris.entries AS e
            WHERE u.source IN ('price', 'estimate') AND e.account_id = u.account_id
                AND e.idempotency_key = 'usage:' || u.hold_id
            OFFSET 0 -- kept apart, so that entries are looked up one by one, and only those
        ) AS paid ON true
        WHERE u.ended_at >= p_since AND u.ended_at < p_until AND u.status = 'settled'
    ), by_hour AS (
        INSERT INTO solaris.usage_hourly AS t (
            hour, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge,
            images, seconds, characters, calls)
        SELECT
            f.hour, f.model, count(*), sum(f.estimated), sum(f.input_tokens), sum(f.cached_input_tokens),
            sum(f.output_tokens), sum(f.charge), sum(f.images), sum(f.seconds), sum(f.characters), sum(f.calls)
        FROM fresh AS f GROUP BY f.hour, f.model
        ON CONFLICT (hour, model) DO UPDATE SET
            requests = t.requests + excluded.requests,
            estimated_requests = t.estimated_requests + excluded.estimated_requests,
            input_tokens = t.input_tokens + excluded.input_tokens,
            cached_input_tokens = t.cached_input_tokens + excluded.cached_input_tokens,
            output_tokens = t.output_tokens + excluded.output_tokens, charge = t.charge + excluded.charge,
            images = t.images + excluded.images, seconds = t.seconds + excluded.seconds,
            characters = t.characters + excluded.characters, calls = t.calls + excluded.calls
    ), by_plan AS (
        INSERT INTO solaris.usage_of_plans AS t (
            day, plan_id, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge,
            images, seconds, characters, calls)
        SELECT
            f.day, f.plan_id, f.model, count(*), sum(f.estimated), sum(f.input_tokens), sum(f.cached_input_tokens),
            sum(f.output_tokens), sum(f.charge), sum(f.images), sum(f.seconds), sum(f.characters), sum(f.calls)
        FROM fresh AS f GROUP BY f.day, f.plan_id, f.model
        ON CONFLICT (day, plan_id, model) DO UPDATE SET
            requests = t.requests + excluded.requests,
            estimated_requests = t.estimated_requests + excluded.estimated_requests,
            input_tokens = t.input_tokens + excluded.input_tokens,
            cached_input_tokens = t.cached_input_tokens + excluded.cached_input_tokens,
            output_tokens = t.output_tokens + excluded.output_tokens, charge = t.charge + excluded.charge,
            images = t.images + excluded.images, seconds = t.seconds + excluded.seconds,
            characters = t.characters + excluded.characters, calls = t.calls + excluded.calls
    ), by_account AS (
        INSERT INTO solaris.units_daily AS t (account_id, day, model, images, seconds, characters, calls)
        SELECT f.account_id, f.day, f.model, sum(f.images), sum(f.seconds), sum(f.characters), sum(f.calls)
        FROM fresh AS f
        WHERE f.images > 0 OR f.seconds > 0 OR f.characters > 0 OR f.calls > 0
        GROUP BY f.account_id, f.day, f.model
        ON CONFLICT (account_id, day, model) DO UPDATE SET
            images = t.images + excluded.images, seconds = t.seconds + excluded.seconds,
            characters = t.characters + excluded.characters, calls = t.calls + excluded.calls
    ), models AS (
        INSERT INTO solaris.used_models (model) SELECT DISTINCT f.model FROM fresh AS f ON CONFLICT DO NOTHING
    )
    SELECT array_agg(DISTINCT f.account_id) INTO account_ids FROM fresh AS f;
    RETURN coalesce(account_ids, '{}');
END
$$;
