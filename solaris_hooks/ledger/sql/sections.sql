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

-- begin_verification --
-- Begin a verification; see begin_verification_v1.
SELECT solaris.begin_verification_v1(
    %(verification_id)s, %(account_id)s, %(actor)s, %(silence)s::interval, %(now)s);

-- verification_seen --
-- Write down how far a verification has come.
UPDATE solaris.verifications
SET accounts = %(accounts)s, entries = %(entries)s, seen_at = coalesce(%(now)s::timestamptz, clock_timestamp())
WHERE verification_id = %(verification_id)s AND ended_at IS NULL
RETURNING verification_id;

-- verification_ended --
-- Write down what a verification has found, or why it has not come to an end; once.
UPDATE solaris.verifications
SET
    accounts = coalesce(%(accounts)s::bigint, accounts), entries = coalesce(%(entries)s::bigint, entries),
    flaws = %(flaws)s::bigint, found = coalesce(%(found)s::jsonb, found), error = %(error)s::text,
    seen_at = coalesce(%(now)s::timestamptz, clock_timestamp()),
    ended_at = coalesce(%(now)s::timestamptz, clock_timestamp())
WHERE verification_id = %(verification_id)s AND ended_at IS NULL
RETURNING verification_id;

-- verifications --
-- Verifications, newest first, or one of them.
SELECT verification_id, account_id, requested_by, began_at, seen_at, ended_at, accounts, entries, flaws, found, error,
    ended_at IS NULL AND seen_at < coalesce(%(now)s::timestamptz, clock_timestamp()) - %(silence)s::interval AS lost
FROM solaris.verifications
WHERE %(verification_id)s::uuid IS NULL OR verification_id = %(verification_id)s
ORDER BY verification_id DESC
LIMIT %(limit)s;

-- checkpoints --
-- Checkpoints that were taken, newest first.
SELECT number, taken_at, accounts, encode(sha256, 'hex') AS sha256, key_id
FROM solaris.checkpoints
ORDER BY number DESC
LIMIT %(limit)s;
