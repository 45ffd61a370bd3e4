-- What lists of accounts filter and sort by. No index may lie on the figures of solaris.accounts: a call changes them
-- twice, in place, and an index on any of them would make each of those a new row in every index.
-- depends: 0070.usage-totals

CREATE TABLE solaris.account_summaries (
    account_id text PRIMARY KEY,
    status text NOT NULL,
    plan_id text NOT NULL,
    use_percent integer NOT NULL,
    used bigint NOT NULL,
    remaining bigint NOT NULL,
    granted bigint NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL -- minus infinity for never: lists are put in order by it
) WITH (fillfactor = 80);
CREATE INDEX summaries_by_percent ON solaris.account_summaries (use_percent, account_id COLLATE "C");
CREATE INDEX summaries_by_use ON solaris.account_summaries (used, account_id COLLATE "C");
CREATE INDEX summaries_by_rest ON solaris.account_summaries (remaining, account_id COLLATE "C");
CREATE INDEX summaries_by_creation ON solaris.account_summaries (created_at, account_id COLLATE "C");
CREATE INDEX summaries_by_last_use ON solaris.account_summaries (last_used_at, account_id COLLATE "C");
CREATE INDEX summaries_in_order ON solaris.account_summaries (account_id COLLATE "C");
CREATE INDEX summaries_of_plans ON solaris.account_summaries (plan_id, account_id COLLATE "C");
CREATE INDEX summaries_not_active ON solaris.account_summaries (status, account_id COLLATE "C")
WHERE status <> 'active';

-- The summary of an account.
CREATE FUNCTION solaris.summary_v1(a solaris.accounts) RETURNS solaris.account_summaries
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    s solaris.account_summaries;
BEGIN
    s.account_id := a.account_id;
    s.status := a.status;
    s.plan_id := a.plan_id;
    s.use_percent := solaris.use_percent_v1(a);
    s.used := a.allowance_used + a.credits_used + a.overage;
    s.remaining := a.allowance_granted - a.allowance_used + a.credits_remaining;
    s.granted := a.allowance_granted + a.credits_used + a.credits_remaining;
    s.created_at := a.created_at;
    s.last_used_at := coalesce(a.last_used_at, '-infinity');
    RETURN s;
END
$$;

INSERT INTO solaris.account_summaries
SELECT s.* FROM solaris.accounts AS a CROSS JOIN LATERAL solaris.summary_v1(a) AS s;

-- What people do, and renewals, are in the summary at once; the use of calls follows with the totals (see roll_up_v1).
CREATE FUNCTION solaris.summarize_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    s solaris.account_summaries := solaris.summary_v1(NEW);
BEGIN
    INSERT INTO solaris.account_summaries SELECT s.*
    ON CONFLICT (account_id) DO UPDATE SET
        status = s.status, plan_id = s.plan_id, use_percent = s.use_percent, used = s.used, remaining = s.remaining,
        granted = s.granted, created_at = s.created_at, last_used_at = s.last_used_at;
    RETURN NULL;
END
$$;
CREATE TRIGGER summarize_new AFTER INSERT ON solaris.accounts
FOR EACH ROW EXECUTE FUNCTION solaris.summarize_v1();
-- Holds and settlements set none of these columns. What is granted stays the same when some of it is used.
CREATE TRIGGER summarize AFTER UPDATE OF status, plan_id, allowance_granted, period_end ON solaris.accounts
FOR EACH ROW WHEN (
    (old.status, old.plan_id, old.period_end, old.allowance_granted + old.credits_used + old.credits_remaining)
    IS DISTINCT FROM
    (new.status, new.plan_id, new.period_end, new.allowance_granted + new.credits_used + new.credits_remaining))
EXECUTE FUNCTION solaris.summarize_v1();

-- Bring summaries up to now. First they are locked, then the accounts are read: so what is written here is never older
-- than what an account's own transaction has written. Nobody waits here, so that nobody waits in a circle: ids of
-- summaries that another transaction is writing are returned.
CREATE FUNCTION solaris.refresh_summaries_v1(p_account_ids text []) RETURNS text []
LANGUAGE plpgsql AS $$
DECLARE
    mine text [];
BEGIN
    mine := ARRAY(
        SELECT s.account_id FROM solaris.account_summaries AS s
        WHERE s.account_id = ANY (p_account_ids) FOR UPDATE SKIP LOCKED);
    UPDATE solaris.account_summaries AS s SET
        status = f.status, plan_id = f.plan_id, use_percent = f.use_percent, used = f.used, remaining = f.remaining,
        granted = f.granted, last_used_at = f.last_used_at
    FROM solaris.accounts AS a CROSS JOIN LATERAL solaris.summary_v1(a) AS f
    WHERE a.account_id = ANY (mine) AND s.account_id = a.account_id AND s IS DISTINCT FROM f;
    RETURN ARRAY(SELECT unnest(p_account_ids) EXCEPT SELECT unnest(mine));
END
$$;

-- How many accounts there are of each status and state of use, and their tokens; as it was last counted. One row.
CREATE TABLE solaris.account_counts (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    as_of timestamptz NOT NULL,
    -- Of each: status, state, accounts, granted, used, remaining.
    counts jsonb NOT NULL
);

-- Count again, unless that was within p_age. Returns whether it was counted.
CREATE FUNCTION solaris.count_accounts_v1(p_age interval, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    PERFORM FROM solaris.account_counts AS c WHERE c.as_of > at - p_age;
    IF FOUND OR NOT pg_try_advisory_xact_lock(hashtextextended('solaris.account_counts', 0)) THEN
        RETURN false;
    END IF;
    INSERT INTO solaris.account_counts (as_of, counts)
    SELECT at, coalesce(jsonb_agg(to_jsonb(c)), '[]')
    FROM (
        SELECT
            s.status, count(*) AS accounts, sum(s.granted) AS granted, sum(s.used) AS used, sum(s.remaining) AS remaining,
            CASE WHEN s.use_percent >= 100 THEN 'exhausted' WHEN s.use_percent >= 95 THEN 'critical'
                WHEN s.use_percent >= 80 THEN 'warning' ELSE 'normal' END AS state
        FROM solaris.account_summaries AS s
        GROUP BY s.status, state
    ) AS c
    ON CONFLICT (one) DO UPDATE SET as_of = excluded.as_of, counts = excluded.counts;
    RETURN true;
END
$$;

-- The first accounts after one, in an order, that match all of some conditions; with what they are ordered by, as text.
-- Nulls ask for nothing. Planned anew each time, for what is asked.
--
-- p_sort is id, use_percent, used, remaining, last_used or created. Where something is searched for, first some accounts
-- are gone through in this order: what is common is found there. Then what is rare is found by its trigrams, and put in
-- order; and what is neither by going through all of them until there is enough.
CREATE FUNCTION solaris.list_accounts_v1(
    p_query text, p_status text, p_plan_id text, p_percent_from integer, p_percent_below integer,
    p_used_after timestamptz, p_used_before timestamptz, p_sort text, p_descending boolean,
    p_after_value text, p_after_id text, p_limit bigint
) RETURNS TABLE (account_id text, place text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    few constant integer := 300;
    at_first constant integer := 500;
    common constant integer := 3; -- of those: then enough are found soon by going on
    sorted text := CASE p_sort
        WHEN 'use_percent' THEN 's.use_percent' WHEN 'used' THEN 's.used' WHEN 'remaining' THEN 's.remaining'
        WHEN 'created' THEN 's.created_at' WHEN 'last_used' THEN 's.last_used_at' END;
    kind text := CASE WHEN p_sort IN ('created', 'last_used') THEN 'timestamptz' ELSE 'bigint' END;
    direction text := CASE WHEN p_descending THEN ' DESC' ELSE '' END;
    beyond text := CASE WHEN p_descending THEN '<' ELSE '>' END;
    matching constant text := '(position(lower($1) IN lower(a.account_id)) > 0'
        ' OR position(lower($1) IN lower(a.email)) > 0 OR position(lower($1) IN lower(a.name)) > 0)';
    conditions text;
    in_order text;
    searched text;
    found text [];
    rare text [];
BEGIN
    conditions := 'true'
        || coalesce(' AND s.status = ' || quote_literal(p_status), '')
        || coalesce(' AND s.plan_id = ' || quote_literal(p_plan_id), '')
        || coalesce(' AND s.use_percent >= ' || p_percent_from, '')
        || coalesce(' AND s.use_percent < ' || p_percent_below, '')
        || coalesce(' AND s.last_used_at >= ' || quote_literal(p_used_after), '')
        || coalesce(' AND s.last_used_at < ' || quote_literal(p_used_before), '');
    IF sorted IS NULL THEN
        conditions := conditions
            || coalesce(format(' AND s.account_id COLLATE "C" %s ', beyond) || quote_literal(p_after_id), '');
        in_order := ' ORDER BY s.account_id COLLATE "C"' || direction;
        sorted := '''''';
    ELSE
        conditions := conditions
            || coalesce(format(' AND (%s, s.account_id COLLATE "C") %s (', sorted, beyond)
                || quote_literal(p_after_value) || format('::%s, ', kind) || quote_literal(p_after_id) || ')', '');
        in_order := format(' ORDER BY %s%s, s.account_id COLLATE "C"%s', sorted, direction, direction);
    END IF;
    IF p_query = '' THEN
        RETURN QUERY EXECUTE format(
            'SELECT s.account_id, (%s)::text FROM solaris.account_summaries AS s WHERE ', sorted)
            || conditions || in_order || ' LIMIT $1' USING p_limit;
        RETURN;
    END IF;
    searched := format('SELECT s.account_id, (%s)::text FROM ', sorted) || '%1$s'
        || ' JOIN solaris.accounts AS a ON s.account_id = a.account_id WHERE ' || matching || in_order || ' LIMIT $2';
    IF length(p_query) >= 3 THEN
        EXECUTE 'SELECT array_agg(f.account_id) FROM (' || format(
            searched, '(SELECT * FROM solaris.account_summaries AS s WHERE '
            || conditions || in_order || ' LIMIT ' || at_first || ') AS s') || ') AS f'
            INTO found USING p_query, p_limit;
        IF coalesce(cardinality(found), 0) BETWEEN common AND p_limit - 1 THEN
            found := NULL;
        ELSIF coalesce(cardinality(found), 0) < common THEN
            EXECUTE 'SELECT ARRAY(SELECT a.account_id FROM solaris.accounts AS a WHERE ' || matching
                || ' AND solaris.trigrams_v1(a.account_id, a.email, a.name) @> solaris.trigrams_v1($1) LIMIT $2)'
                INTO rare USING p_query, few + 1;
            found := CASE WHEN cardinality(rare) <= few THEN rare END;
        END IF;
    END IF;
    IF found IS NOT NULL THEN
        RETURN QUERY EXECUTE format(
            'SELECT s.account_id, (%s)::text FROM solaris.account_summaries AS s WHERE s.account_id = ANY ($1) AND ',
            sorted) || conditions || in_order || ' LIMIT $2' USING found, p_limit;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        searched, '(SELECT * FROM solaris.account_summaries AS s WHERE '
        || conditions || ') AS s') USING p_query, p_limit;
END
$$;
