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
        a.allowance_granted, a.allowance_used, a.overage, a.credits_remaining, a.plan_tokens,
        a.period_end <= coalesce(%(now)s::timestamptz, now()) AS due,
        -- What monthly_tokens_v1 says, without calling it for each of a million accounts.
        (a.overrides -> 'monthly_tokens' ->> 'value')::bigint AS own,
        p.monthly_tokens, p.overdraft, (a.overrides -> 'overdraft' ->> 'value')::bigint AS own_overdraft
    FROM solaris.accounts AS a
    JOIN solaris.plans AS p ON a.plan_id = p.plan_id
    WHERE a.plan_id = %(plan_id)s
),
figures AS (
    SELECT
        m.own IS NOT NULL AS own,
        coalesce(m.own_overdraft, m.overdraft) AS overdraft_before,
        coalesce(m.own_overdraft, %(overdraft)s::bigint) AS overdraft_after,
        CASE WHEN m.due THEN m.overage ELSE m.allowance_used + m.overage END - m.credits_remaining AS spent,
        CASE
            WHEN m.due THEN coalesce(m.own, m.monthly_tokens)
            WHEN m.own IS NOT NULL OR m.monthly_tokens = m.plan_tokens THEN m.allowance_granted
            ELSE greatest(m.monthly_tokens, m.allowance_used)
        END AS granted_before,
        CASE
            WHEN m.due THEN coalesce(m.own, %(monthly_tokens)s::bigint)
            WHEN m.own IS NOT NULL OR %(monthly_tokens)s::bigint = m.plan_tokens THEN m.allowance_granted
            ELSE greatest(%(monthly_tokens)s::bigint, m.allowance_used)
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

-- vital_signs --
-- How the database and what it keeps are: one row.
WITH clock AS (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS at
),
events AS (
    SELECT count(*) AS waiting, min(at) AS since FROM solaris.events WHERE dispatched_at IS NULL
),
jobs AS (
    SELECT count(*) FILTER (WHERE status IN ('todo', 'doing')) AS queued, count(*) FILTER (WHERE status = 'failed') AS failed
    FROM solaris_jobs.procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed')
)
SELECT
    clock.at, current_setting('server_version') AS version,
    current_setting('server_version_num')::integer / 10000 AS major_version,
    (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
        FROM pg_class AS c JOIN pg_namespace AS n ON c.relnamespace = n.oid
        WHERE n.nspname IN ('solaris', 'solaris_jobs') AND c.relkind = 'r') AS bytes,
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
    current_setting('max_connections')::integer AS most_connections,
    (SELECT count(*)
        FROM pg_inherits AS i JOIN pg_class AS c ON i.inhrelid = c.oid
        WHERE i.inhparent = 'solaris.usage'::regclass AND c.relname ~ '^usage_[0-9]{4}_[0-9]{2}$'
            AND c.relname > 'usage_' || to_char(clock.at AT TIME ZONE 'UTC', 'YYYY_MM')
    ) AS months_ahead,
    (SELECT count(*) FROM solaris.holds) AS holds,
    (SELECT count(*) FROM solaris.holds WHERE lease_until < clock.at - %(late)s::interval) AS expired_holds,
    events.waiting AS events_waiting, events.since AS events_since,
    (SELECT count(*) FROM solaris.deliveries WHERE state IN ('pending', 'failed')) AS deliveries_waiting,
    (SELECT count(*) FROM solaris.deliveries WHERE state = 'pending' AND created_at < clock.at - %(waits)s::interval
    ) AS deliveries_late,
    (SELECT count(*) FROM solaris.deliveries WHERE state = 'dead') AS deliveries_dead,
    jobs.queued AS jobs_queued, jobs.failed AS jobs_failed,
    (SELECT max(last_heartbeat) FROM solaris_jobs.procrastinate_workers) AS worker_seen,
    (SELECT max(taken_at) FROM solaris.checkpoints) AS checkpoint_at
FROM clock CROSS JOIN events CROSS JOIN jobs;

-- last_deliveries --
-- When messages last went over each channel and to each webhook, and when they last did not; of the newest deliveries.
WITH newest AS (
    SELECT
        channel, CASE WHEN channel = 'webhook' THEN target ELSE '' END AS reader, state, ended_at, attempted_at,
        last_error
    FROM solaris.deliveries
    ORDER BY delivery_id DESC
    LIMIT %(limit)s
)
SELECT
    channel, reader AS target,
    max(ended_at) FILTER (WHERE state = 'sent') AS sent_at,
    max(attempted_at) FILTER (WHERE state IN ('failed', 'dead')) AS failed_at,
    (array_agg(last_error ORDER BY attempted_at DESC) FILTER (WHERE state IN ('failed', 'dead')))[1] AS error
FROM newest
GROUP BY channel, reader
ORDER BY channel, reader;
