-- Statements of the admin interface's sections; the same form as queries.sql.

-- accounts_named --
-- Some accounts as of now.
SELECT a.*
FROM unnest(%(account_ids)s::text []) AS wanted (account_id)
CROSS JOIN LATERAL solaris.refresh_account_v1(wanted.account_id, %(now)s) AS a
WHERE a.account_id IS NOT NULL;

-- requests_waiting --
-- Requests that wait for a decision, whoever has waited longest first.
SELECT request_id, number, account_id, tokens, reason, package, price, currency, state, requested_at, requested_by,
    decided_at, decided_by, decision_reason, granted_tokens, lot_id, payment_provider, payment_id
FROM solaris.credit_requests
WHERE state = 'requested' AND (%(after)s::bigint IS NULL OR number > %(after)s)
ORDER BY number
LIMIT %(limit)s;

-- requests_waiting_count --
-- How many requests wait for a decision.
SELECT count(*) AS waiting FROM solaris.credit_requests WHERE state = 'requested';

-- deliveries_open_counts --
-- How many deliveries wait, failed or were given up.
SELECT state, count(*) AS deliveries
FROM solaris.deliveries
WHERE state IN ('pending', 'failed', 'dead')
GROUP BY state;

-- plan_figures --
-- How many accounts each plan has, and what they were granted and have used.
SELECT plan_id, count(*) AS accounts, sum(allowance_granted) AS granted, sum(allowance_used) AS used
FROM solaris.accounts
GROUP BY plan_id;

-- plan_effect --
-- What would become of a plan's accounts if it granted other tokens, or another overdraft: the arithmetic of regrant_v1
-- and, for accounts whose renewal is due, of renew_v2. What is used stays used; what is owed stays owed.
WITH members AS (
    SELECT
        a.allowance_granted, a.allowance_used, a.overage, a.credits_remaining,
        a.period_end <= coalesce(%(now)s::timestamptz, now()) AS due,
        a.overrides ? 'monthly_tokens' AS own,
        solaris.monthly_tokens_v1(a, a.plan_tokens) AS monthly,
        solaris.monthly_tokens_v1(a, p.monthly_tokens) AS monthly_before,
        solaris.monthly_tokens_v1(a, %(monthly_tokens)s::bigint) AS monthly_after,
        coalesce((a.overrides -> 'overdraft' ->> 'value')::bigint, p.overdraft) AS overdraft_before,
        coalesce((a.overrides -> 'overdraft' ->> 'value')::bigint, %(overdraft)s::bigint) AS overdraft_after
    FROM solaris.accounts AS a
    JOIN solaris.plans AS p ON a.plan_id = p.plan_id
    WHERE a.plan_id = %(plan_id)s
),
figures AS (
    SELECT
        m.own, m.overdraft_before, m.overdraft_after,
        CASE WHEN m.due THEN m.overage ELSE m.allowance_used + m.overage END - m.credits_remaining AS spent,
        CASE
            WHEN m.due THEN m.monthly_before
            WHEN m.monthly_before = m.monthly THEN m.allowance_granted
            ELSE greatest(m.monthly_before, m.allowance_used)
        END AS granted_before,
        CASE
            WHEN m.due THEN m.monthly_after
            WHEN m.monthly_after = m.monthly THEN m.allowance_granted
            ELSE greatest(m.monthly_after, m.allowance_used)
        END AS granted_after
    FROM members AS m
),
states AS (
    SELECT
        f.own, f.granted_before, f.granted_after,
        f.granted_before + f.overdraft_before > f.spent AS usable_before,
        f.granted_after + f.overdraft_after > f.spent AS usable_after
    FROM figures AS f
)
SELECT
    count(*) AS accounts, count(*) FILTER (WHERE own) AS own,
    coalesce(sum(granted_before), 0) AS granted_before, coalesce(sum(granted_after), 0) AS granted_after,
    count(*) FILTER (WHERE usable_before AND NOT usable_after) AS blocked,
    count(*) FILTER (WHERE usable_after AND NOT usable_before) AS unblocked
FROM states;
