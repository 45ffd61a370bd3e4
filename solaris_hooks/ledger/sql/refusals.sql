-- Statements of refusals; the same form as queries.sql.

-- refusal_holders --
-- Which requests hold tokens of some accounts now: how many, how much, and the largest.
SELECT
    wanted.account_id, coalesce(%(now)s, clock_timestamp()) AS read_at, whole.requests, whole.amount, largest.holders
FROM unnest(%(account_ids)s::text[]) AS wanted (account_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS requests, coalesce(sum(h.amount), 0)::bigint AS amount
    FROM solaris.holds AS h
    WHERE h.account_id = wanted.account_id
) AS whole
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(row_to_json(each) ORDER BY each.amount DESC, each.hold_id), '[]') AS holders
    FROM (
        SELECT h.hold_id, h.model, h.amount, h.held_at
        FROM solaris.holds AS h
        WHERE h.account_id = wanted.account_id
        ORDER BY h.amount DESC, h.hold_id
        LIMIT %(limit)s
    ) AS each
) AS largest;

-- write_refusals --
-- Write down refusals and the daily totals; see write_refusals_v1.
SELECT solaris.write_refusals_v1(%(refusals)s::json) AS written;

-- purge_refusals --
-- Forget old refusals; see purge_refusals_v1.
SELECT solaris.purge_refusals_v1(%(older_than)s, %(limit)s, %(now)s) AS gone;

-- refusal --
-- One refusal.
SELECT
    r.account_id, r.refusal_id, r.at, r.last_at, r.count, r.reason, r.status, r.message, r.call_type, r.path, r.model,
    r.key_prefix, r.locale, r.process, r.param, r.waited_ms, r.figures, r.asked, r.holders, r.holds_read_at
FROM solaris.refusals AS r
WHERE r.refusal_id = %(refusal_id)s
LIMIT 1;

-- refusals --
-- Refusals, newest first. One may have been counted on for a minute after its id was made.
SELECT
    r.account_id, r.refusal_id, r.at, r.last_at, r.count, r.reason, r.status, r.message, r.call_type, r.path, r.model,
    r.key_prefix, r.locale, r.process, r.param, r.waited_ms, r.figures, r.asked, r.holders, r.holds_read_at
FROM solaris.refusals AS r
WHERE (%(account_id)s::text IS NULL OR r.account_id = %(account_id)s)
    AND (%(reason)s::text IS NULL OR r.reason = %(reason)s)
    AND (%(model)s::text IS NULL OR r.model = %(model)s)
    AND (%(since)s::timestamptz IS NULL OR (
        r.last_at >= %(since)s
        AND r.refusal_id >= solaris.uuid7_floor_v1(%(since)s::timestamptz - %(fold)s::interval)))
    AND (%(until)s::timestamptz IS NULL OR (
        r.at < %(until)s AND r.refusal_id < solaris.uuid7_floor_v1(%(until)s::timestamptz + interval '1 ms')))
    AND (%(before)s::uuid IS NULL OR r.refusal_id < %(before)s)
ORDER BY r.refusal_id DESC
LIMIT %(limit)s;

-- refusal_totals --
-- How much was refused by day and reason, oldest first.
SELECT d.day, d.reason, sum(d.count)::bigint AS count, count(DISTINCT d.account_id) AS accounts
FROM solaris.refusals_daily AS d
WHERE d.day BETWEEN %(since)s AND %(until)s AND (%(account_id)s::text IS NULL OR d.account_id = %(account_id)s)
GROUP BY d.day, d.reason
ORDER BY d.day, d.reason;
