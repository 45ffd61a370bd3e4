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
