-- Statements of refusals; the same form as queries.sql.

-- refusal_holders --
-- Which requests hold tokens of some accounts now: how many, how much, and the largest.
WITH placed AS (
    SELECT
        h.account_id, h.hold_id, h.model, h.amount, h.held_at,
        row_number() OVER (PARTITION BY h.account_id ORDER BY h.amount DESC, h.hold_id ASC) AS place
    FROM solaris.holds AS h
    WHERE h.account_id = ANY(%(account_ids)s::text[])
)
SELECT
    p.account_id, coalesce(%(now)s, clock_timestamp()) AS read_at, count(*) AS requests,
    sum(p.amount)::bigint AS amount,
    json_agg(
        json_build_object('hold_id', p.hold_id, 'model', p.model, 'amount', p.amount, 'held_at', p.held_at)
        ORDER BY p.place) FILTER (WHERE p.place <= %(limit)s) AS holders
FROM placed AS p
GROUP BY p.account_id;

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
    r.key_prefix, r.locale, r.process, r.param, r.waited_ms, r.figures, r.asked, r.holders, r.holds_read_at, r.member_id
FROM solaris.refusals AS r
WHERE r.refusal_id = %(refusal_id)s;

-- refusals --
-- Refusals, newest first. One may have been counted on for a minute after its id was made.
SELECT
    r.account_id, r.refusal_id, r.at, r.last_at, r.count, r.reason, r.status, r.message, r.call_type, r.path, r.model,
    r.key_prefix, r.locale, r.process, r.param, r.waited_ms, r.figures, r.asked, r.holders, r.holds_read_at, r.member_id
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
