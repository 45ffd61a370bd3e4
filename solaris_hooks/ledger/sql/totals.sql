-- Statements over all accounts: how far the totals are, figures for an overview, lists of accounts.

-- roll_up --
-- Add what was settled to the totals, and bring the summaries of those accounts up to now; see roll_up_v1.
SELECT solaris.roll_up_v1(%(limit)s, %(now)s) AS behind;

-- refresh_top --
-- Look up again who used most; see refresh_top_v1.
SELECT solaris.refresh_top_v1(%(first_day)s, %(last_day)s, %(limit)s, %(age)s, %(now)s) AS done;

-- count_accounts --
-- Count accounts again; see count_accounts_v1.
SELECT solaris.count_accounts_v1(%(age)s, %(now)s) AS done;

-- rolled_until --
-- How far the totals are, and the time it is.
SELECT rolled_until, coalesce(%(now)s::timestamptz, now()) AS now FROM solaris.rollup;

-- account_counts --
-- Accounts by status and state of use, as last counted.
SELECT as_of, counts::text AS counts FROM solaris.account_counts;

-- active_since --
-- How many accounts were used since a moment.
SELECT count(*) AS accounts FROM solaris.account_summaries
WHERE last_used_at >= %(since)s;

-- used_models --
-- All models that were ever used.
SELECT model FROM solaris.used_models ORDER BY model COLLATE "C";

-- use_by_hours --
-- Totals over all accounts by model of the hours that begin from one moment until before another, for some such spans.
SELECT
    span.starts, h.model, sum(h.requests)::bigint AS requests,
    sum(h.estimated_requests)::bigint AS estimated_requests, sum(h.input_tokens)::bigint AS input_tokens,
    sum(h.cached_input_tokens)::bigint AS cached_input_tokens, sum(h.output_tokens)::bigint AS output_tokens,
    sum(h.charge)::bigint AS tokens,
    sum(h.images) AS images, sum(h.seconds) AS seconds, sum(h.characters) AS characters, sum(h.calls) AS calls
FROM unnest(%(starts)s::timestamptz [], %(ends)s::timestamptz []) AS span (starts, ends)
JOIN solaris.usage_hourly AS h ON span.starts <= h.hour AND span.ends > h.hour
GROUP BY span.starts, h.model;

-- use_by_days --
-- The same of local days of each account, both ends included.
SELECT
    span.starts, d.model, sum(d.requests)::bigint AS requests,
    sum(d.estimated_requests)::bigint AS estimated_requests, sum(d.input_tokens)::bigint AS input_tokens,
    sum(d.cached_input_tokens)::bigint AS cached_input_tokens, sum(d.output_tokens)::bigint AS output_tokens,
    sum(d.charge)::bigint AS tokens,
    sum(d.images) AS images, sum(d.seconds) AS seconds, sum(d.characters) AS characters, sum(d.calls) AS calls
FROM unnest(%(starts)s::date [], %(ends)s::date []) AS span (starts, ends)
JOIN solaris.usage_of_plans AS d ON span.starts <= d.day AND span.ends >= d.day
GROUP BY span.starts, d.model;

-- top_accounts --
-- Who used most on some local days, as last looked up.
SELECT as_of, accounts::text AS accounts FROM solaris.top_accounts
WHERE first_day = %(first_day)s AND last_day = %(last_day)s;

-- names_of_accounts --
-- How some accounts are called.
SELECT account_id, name, email, plan_id FROM solaris.accounts WHERE account_id = ANY(%(account_ids)s);

-- list_accounts --
-- A page of accounts in an order, as of now; see list_accounts_v1.
SELECT page.place, a.*
FROM solaris.list_accounts_v1(
    %(query)s, %(status)s, %(plan_id)s, %(percent_from)s, %(percent_below)s, %(used_after)s, %(used_before)s,
    %(sort)s, %(descending)s, %(after_value)s, %(after_id)s, %(limit)s
) WITH ORDINALITY AS page (account_id, place, number)
CROSS JOIN LATERAL solaris.refresh_account_v1(page.account_id, %(now)s) AS a
ORDER BY page.number;
