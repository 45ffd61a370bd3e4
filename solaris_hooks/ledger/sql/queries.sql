-- Statements of the PostgreSQL ledger, each named by the line above it.

-- hold --
-- Hold tokens for a request; see hold_v4.
SELECT * FROM solaris.hold_v4(
    %(account_id)s, %(hold_id)s, %(model)s, %(want)s, %(ample)s, %(fair)s, %(step)s, %(minimum)s, %(prompt)s,
    %(lease_seconds)s, %(email)s, %(create)s, %(plan_id)s, %(locale)s, %(time_zone)s, %(anchor_day)s,
    %(status)s, %(member_id)s, %(now)s);

-- settle --
-- Turn a hold into use; see settle_v5.
SELECT * FROM solaris.settle_v5(
    %(account_id)s, %(hold_id)s, %(model)s, %(charge)s, %(input_tokens)s, %(cached_input_tokens)s,
    %(output_tokens)s, %(reasoning_tokens)s, %(source)s, %(details)s, %(member_id)s, %(now)s);

-- extend --
-- Grow the hold of a running request; see extend_v3.
SELECT r.amount, r.contended
FROM solaris.extend_v3(
    %(account_id)s, %(hold_id)s, %(amount)s, %(step)s, %(model)s, %(prompt)s, %(lease_seconds)s,
    %(member_id)s, %(now)s) AS r;

-- exchange_lengths --
-- Tell and hear how long answers get; see exchange_lengths_v1.
SELECT l.model, l.kind, l.bucket, l.count
FROM solaris.exchange_lengths_v1(
    %(models)s, %(kinds)s, %(buckets)s, %(counts)s, %(most)s, %(now)s) AS l;

-- account_of_end_user --
-- The account of an end user with a lasting id; see account_of_end_user_v1.
SELECT solaris.account_of_end_user_v1(%(alias)s, %(by_email)s, %(create)s, %(now)s) AS account_id;

-- take_notices --
-- What the chat is to tell now; see take_notices_v1.
SELECT number, event_id, kind, account_id, at, details::text AS details
FROM solaris.take_notices_v1(%(account_id)s, %(now)s);

-- give_back_notices --
-- Let notices that nobody read be told again; see give_back_notices_v1.
SELECT solaris.give_back_notices_v1(%(account_id)s, %(numbers)s) AS given_back;

-- use_link --
-- Use a link that opens once; see use_link_v1.
SELECT solaris.use_link_v1(%(account_id)s, %(link_id)s, %(expires_at)s) AS used;

-- events --
-- Events of an account or of all, newest first.
SELECT number, event_id, kind, account_id, at, details::text AS details
FROM solaris.events
WHERE (%(account_id)s::text IS NULL OR account_id = %(account_id)s)
    AND (%(before)s::bigint IS NULL OR number < %(before)s)
ORDER BY number DESC
LIMIT %(limit)s;

-- emit_system --
-- Let an event happen that is nobody's request; see emit_system_v1.
SELECT solaris.emit_system_v1(%(account_id)s, %(kind)s, %(key)s, %(details)s::jsonb, %(now)s) AS emitted;

-- event_known --
-- Whether an event has happened.
SELECT EXISTS (
    SELECT FROM solaris.events WHERE account_id = %(account_id)s AND key = %(key)s
) AS known;

-- near_limit --
-- Accounts that have used most of what they have, in the period that runs; and how many there are in all.
SELECT
    a.account_id, a.name, solaris.use_percent_v1(a) AS percent, a.period_end,
    a.allowance_granted - a.allowance_used + a.credits_remaining AS remaining, count(*) OVER () AS found
FROM solaris.accounts AS a
WHERE a.status = 'active' AND a.period_end > coalesce(%(now)s::timestamptz, now())
    AND a.allowance_used + a.credits_used + a.overage > 0
    AND solaris.use_percent_v1(a) >= %(from_percent)s
ORDER BY percent DESC, remaining ASC, a.account_id COLLATE "C"
LIMIT %(limit)s;

-- use_by_plan --
-- What was used on some local days, by the plans that accounts have now.
SELECT
    a.plan_id AS plan, count(DISTINCT d.account_id) AS accounts, sum(d.requests)::bigint AS requests,
    sum(d.charge)::bigint AS tokens, sum(d.estimated_requests)::bigint AS estimated_requests
FROM solaris.usage_daily AS d
JOIN solaris.accounts AS a ON d.account_id = a.account_id
WHERE d.day BETWEEN %(first_day)s AND %(last_day)s
GROUP BY a.plan_id
ORDER BY tokens DESC, a.plan_id COLLATE "C";

-- use_by_account --
-- Who used most on some local days.
SELECT a.account_id AS account, a.name, a.plan_id AS plan, d.requests, d.tokens
FROM (
    SELECT account_id, sum(requests)::bigint AS requests, sum(charge)::bigint AS tokens
    FROM solaris.usage_daily
    WHERE day BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY account_id
    ORDER BY tokens DESC, account_id COLLATE "C"
    LIMIT %(limit)s
) AS d
JOIN solaris.accounts AS a ON d.account_id = a.account_id
ORDER BY d.tokens DESC, a.account_id COLLATE "C";

-- use_by_model --
-- Which models were used most on some local days.
SELECT model, sum(requests)::bigint AS requests, sum(charge)::bigint AS tokens
FROM solaris.usage_daily
WHERE day BETWEEN %(first_day)s AND %(last_day)s
GROUP BY model
ORDER BY tokens DESC, model COLLATE "C"
LIMIT %(limit)s;

-- busy_today --
-- Accounts that have used a part of what they have on their local day, with the days before; a page in order of id.
SELECT
    a.account_id, a.status = 'active' AS active, today.day AS today, today.tokens,
    a.allowance_granted + a.credits_used + a.credits_remaining AS granted,
    ARRAY(
        SELECT coalesce(sum(d.charge), 0)::bigint
        FROM generate_series(today.day - %(history_days)s::integer, today.day - 1, interval '1 day') AS series (day)
        LEFT JOIN solaris.usage_daily AS d ON d.account_id = a.account_id AND d.day = series.day::date
        GROUP BY series.day
        ORDER BY series.day
    ) AS before
FROM solaris.accounts AS a
CROSS JOIN LATERAL (
    SELECT d.day, sum(d.charge)::bigint AS tokens
    FROM solaris.usage_daily AS d
    WHERE d.account_id = a.account_id
        AND d.day = (coalesce(%(now)s::timestamptz, now()) AT TIME ZONE a.time_zone)::date
    GROUP BY d.day
) AS today
WHERE a.account_id COLLATE "C" > %(after)s AND a.status IN ('active', 'suspended')
    AND a.last_used_at > coalesce(%(now)s::timestamptz, now()) - interval '2 days'
    AND 100 * today.tokens >= %(minimum_percent)s * (a.allowance_granted + a.credits_used + a.credits_remaining)
ORDER BY a.account_id COLLATE "C"
LIMIT %(limit)s;

-- release --
-- Turn a hold into nothing; see release_v1.
SELECT solaris.release_v1(%(account_id)s, %(hold_id)s, %(now)s) AS released;

-- renew_leases --
-- Let holds of running requests live on; see renew_leases_v1.
SELECT solaris.renew_leases_v1(%(account_ids)s, %(hold_ids)s, %(lease_seconds)s, %(now)s) AS renewed;

-- claim_expired --
-- Take holds whose lease ran out; see claim_expired_v1.
SELECT * FROM solaris.claim_expired_v1(%(limit)s, %(claim_seconds)s, %(now)s);

-- account --
-- One account as of now.
SELECT a.* FROM solaris.refresh_account_v1(%(account_id)s, %(now)s) AS a;

-- accounts --
-- A page of accounts that match a search, as of now, in order of id.
SELECT a.*
FROM solaris.find_accounts_v1(%(query)s, %(after)s, %(limit)s) AS page (account_id)
CROSS JOIN LATERAL solaris.refresh_account_v1(page.account_id, %(now)s) AS a
ORDER BY a.account_id COLLATE "C";

-- put_account --
-- Change an account or make it; see put_account_v2.
SELECT (solaris.put_account_v2(
    %(account_id)s, %(plan_id)s, %(status)s, %(status_reason)s, %(email)s, %(name)s, %(locale)s,
    %(time_zone)s, %(anchor_day)s, %(clear)s, %(reason)s, %(actor)s, %(default_plan_id)s, %(default_locale)s,
    %(default_time_zone)s, %(default_anchor_day)s, %(now)s)).account_id;

-- audit --
-- What people changed, newest first.
SELECT a.number, a.at, a.actor, a.action, a.account_id, a.subject, a.before, a.after, a.reason, a.batch_id, a.undoes,
    (SELECT u.number FROM solaris.audit AS u WHERE u.undoes = a.number) AS undone_by
FROM solaris.audit AS a
WHERE (%(account_id)s::text IS NULL OR a.account_id = %(account_id)s)
    AND (%(action)s::text IS NULL OR a.action = %(action)s)
    AND (%(actor)s::text IS NULL OR a.actor = %(actor)s)
    AND (%(since)s::timestamptz IS NULL OR a.at >= %(since)s)
    AND (%(before)s::bigint IS NULL OR a.number < %(before)s)
    AND (%(batch_id)s::uuid IS NULL OR a.batch_id = %(batch_id)s)
ORDER BY a.number DESC
LIMIT %(limit)s;

-- grant_credits --
-- Grant credits once; see grant_credits_v2.
SELECT solaris.grant_credits_v2(
    %(account_id)s, %(lot_id)s, %(tokens)s, %(origin)s, %(reason)s, %(actor)s, %(key)s,
    %(expires_at)s, %(now)s) AS replayed;

-- revoke_credits --
-- Take back what is unused of a lot; see revoke_credits_v1.
SELECT revoked, replayed
FROM solaris.revoke_credits_v1(%(account_id)s, %(lot_id)s, %(reason)s, %(actor)s, %(key)s, %(now)s);

-- expire_due --
-- Expire lots of accounts that nobody looked at; see expire_due_v1.
SELECT solaris.expire_due_v1(%(limit)s, %(now)s) AS accounts;

-- all_lots --
-- Credit lots of an account, used up or not, newest first.
SELECT lot_id, tokens, remaining, origin, reason, actor, created_at, expires_at
FROM solaris.credit_lots
WHERE account_id = %(account_id)s AND (%(before)s::uuid IS NULL OR lot_id < %(before)s)
ORDER BY lot_id DESC
LIMIT %(limit)s;

-- request_credits --
-- Ask for credits; see request_credits_v1.
SELECT solaris.request_credits_v1(
    %(request_id)s, %(account_id)s, %(tokens)s, %(reason)s, %(package)s, %(price)s, %(currency)s, %(actor)s,
    %(open_limit)s, %(day_limit)s, %(now)s) AS outcome;

-- decide_request --
-- Decide a request for credits; see decide_request_v1.
SELECT solaris.decide_request_v1(
    %(request_id)s, %(account_id)s, %(state)s, %(tokens)s, %(lot_id)s, %(expires_at)s, %(payment_provider)s,
    %(payment_id)s, %(reason)s, %(actor)s, %(now)s) AS outcome;

-- credit_requests --
-- Requests for credits, newest first.
SELECT request_id, number, account_id, tokens, reason, package, price, currency, state, requested_at, requested_by,
    decided_at, decided_by, decision_reason, granted_tokens, lot_id, payment_provider, payment_id
FROM solaris.credit_requests
WHERE (%(request_id)s::uuid IS NULL OR request_id = %(request_id)s)
    AND (%(account_id)s::text IS NULL OR account_id = %(account_id)s)
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(requested_by)s::text IS NULL OR requested_by = %(requested_by)s)
    AND (%(before)s::bigint IS NULL OR number < %(before)s)
ORDER BY number DESC
LIMIT %(limit)s;

-- affected --
-- Accounts that had requests within some time; see affected_v1.
SELECT account_id, requests, failed, charge, tokens
FROM solaris.affected_v1(
    %(since)s, %(until)s, %(failed_only)s, %(tokens)s, %(percent)s);

-- begin_campaign --
-- Begin a campaign of compensation; see begin_campaign_v1.
SELECT solaris.begin_campaign_v1(%(campaign)s, %(terms)s, %(reason)s, %(actor)s, %(now)s);

-- compensate --
-- Grant a batch of a campaign's credits; see compensate_v1.
SELECT accounts, granted
FROM solaris.compensate_v1(
    %(campaign)s, %(account_ids)s, %(tokens)s, %(lot_ids)s, %(expires_at)s, %(reason)s, %(actor)s, %(now)s);

-- lots --
-- Credit lots of some accounts that hold tokens, in the order in which they are used.
SELECT account_id, lot_id, tokens, remaining, origin, reason, actor, created_at, expires_at
FROM solaris.credit_lots
WHERE account_id = ANY(%(account_ids)s) AND remaining > 0
ORDER BY account_id, expires_at NULLS LAST, created_at, lot_id;

-- entries --
-- Entries of an account, newest first.
SELECT e.account_id, e.number, e.kind, e.tokens, e.allowance_after, e.credits_after, e.overage_after, e.at, e.actor,
    solaris.read_reason_v1(e.reason, t.said) AS reason, e.reason AS sealed_reason, e.idempotency_key,
    e.details::text AS details, e.previous_hash, e.hash
FROM solaris.entries AS e
LEFT JOIN solaris.entry_texts AS t ON e.account_id = t.account_id AND e.number = t.number
WHERE e.account_id = %(account_id)s AND (%(before)s::bigint IS NULL OR e.number < %(before)s)
ORDER BY e.number DESC
LIMIT %(limit)s;

-- daily_usage --
-- Totals per local day and model.
SELECT day, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge
FROM solaris.usage_daily
WHERE account_id = %(account_id)s AND day BETWEEN %(since)s AND %(until)s
ORDER BY day, model COLLATE "C";

-- holds --
-- Tokens held now, oldest first.
SELECT account_id, hold_id, model, amount, prompt, held_at, lease_until, member_id
FROM solaris.holds
WHERE %(account_id)s::text IS NULL OR account_id = %(account_id)s
ORDER BY held_at, hold_id
LIMIT %(limit)s;

-- plans --
-- All plans, or the named one.
SELECT p.* FROM solaris.plans AS p
WHERE %(plan_id)s::text IS NULL OR plan_id = %(plan_id)s
ORDER BY plan_id COLLATE "C";

-- put_plan --
-- Make or change a plan; its accounts take the new tokens over when they are next looked at.
SELECT p.*
FROM solaris.put_plan_v1(
    %(plan_id)s, %(monthly_tokens)s, %(thresholds)s, %(allowed_models)s, %(max_in_flight)s, %(overdraft)s, %(time_zone)s,
    %(anchor_day)s, %(weights)s, %(notices)s, %(trial_days)s, %(trial_then)s, %(actor)s, %(reason)s, %(now)s) AS p;

-- change_plan --
-- Change an account's plan, now or at its renewal; see change_plan_v1.
SELECT solaris.change_plan_v1(
    %(account_id)s, %(plan_id)s, %(at_renewal)s, %(pro_rata)s, %(reason)s, %(actor)s, %(now)s);

-- put_overrides --
-- Give an account terms of its own; see put_overrides_v1.
SELECT solaris.put_overrides_v1(
    %(account_id)s, %(values)s, %(clear)s, %(until)s, %(reason)s, %(actor)s, %(now)s);

-- renew_due --
-- Renew accounts that did not call; see renew_due_v1.
SELECT solaris.renew_due_v1(%(limit)s, %(now)s) AS renewed;

-- verify_accounts --
-- The stored figures of accounts, with the sums that they must equal.
SELECT
    a.account_id, a.entries, a.chain, a.allowance_granted - a.allowance_used AS allowance_left,
    a.credits_remaining, a.overage, a.held,
    (SELECT coalesce(sum(h.amount), 0)::bigint FROM solaris.holds AS h
        WHERE h.account_id = a.account_id) AS holds_sum,
    (SELECT coalesce(sum(l.remaining), 0)::bigint FROM solaris.credit_lots AS l
        WHERE l.account_id = a.account_id) AS lots_sum
FROM solaris.accounts AS a
WHERE %(account_id)s::text IS NULL OR a.account_id = %(account_id)s
ORDER BY a.account_id COLLATE "C";

-- verify_entries --
-- Every entry, account by account, oldest first.
SELECT account_id, number, kind, tokens, allowance_after, credits_after, overage_after, at, actor,
    reason, idempotency_key, details::text AS details, previous_hash, hash
FROM solaris.entries
WHERE %(account_id)s::text IS NULL OR account_id = %(account_id)s
ORDER BY account_id COLLATE "C", number;

-- verify_texts --
-- Entries whose reason is not the one that their chain was made over. Words that were erased say nothing.
SELECT t.account_id, t.number
FROM solaris.entry_texts AS t
LEFT JOIN solaris.entries AS e ON t.account_id = e.account_id AND t.number = e.number
WHERE (%(account_id)s::text IS NULL OR t.account_id = %(account_id)s)
    AND e.reason IS DISTINCT FROM solaris.sealed_reason_v1(t.salt, t.said)
ORDER BY t.account_id COLLATE "C", t.number
LIMIT %(limit)s;

-- checkpoint_lock --
-- One process alone takes a periodic checkpoint; the lock goes with the transaction.
SELECT pg_try_advisory_xact_lock(%(lock)s) AS locked;

-- checkpoint_due --
-- Whether the newest checkpoint is older than it may be.
SELECT NOT EXISTS (
    SELECT FROM solaris.checkpoints WHERE taken_at > now() - %(interval)s::interval
) AS due;

-- checkpoint_begin --
-- Which books these are, and the number of the checkpoint that is being taken.
SELECT books_id, nextval(pg_get_serial_sequence('solaris.checkpoints', 'number')) AS number, now() AS taken_at
FROM solaris.books;

-- checkpoint_heads --
-- Where every account's chain stands: a line of the checkpoint's file each.
SELECT json_build_object('account', account_id, 'entries', entries, 'digest', encode(chain, 'hex'))::text AS line
FROM solaris.accounts
ORDER BY account_id COLLATE "C";

-- checkpoint_record --
-- List a checkpoint that was taken.
INSERT INTO solaris.checkpoints (number, taken_at, accounts, sha256, key_id)
VALUES (%(number)s, now(), %(accounts)s, %(sha256)s, %(key_id)s);

-- checkpoint_known --
-- Which books these are, and whether they list a checkpoint.
SELECT books_id, EXISTS (SELECT FROM solaris.checkpoints WHERE sha256 = %(sha256)s) AS known
FROM solaris.books;

-- ping --
-- The books can be read.
SELECT count(*) AS plans FROM solaris.plans;

-- make_usage_partitions --
-- Partitions of usage for this month and the next ones.
SELECT solaris.make_usage_partitions_v1(%(months)s, %(now)s) AS made;

-- spend_logs --
-- LiteLLM's own logs of calls that began within a time, which LiteLLM indexes; or of some holds among them. Times there
-- are UTC without a zone. A client can have its call logged as a failure (metadata.status in its request), but not
-- one with our mark and an output: failed calls have neither. Of a hold's rows the one that says most comes last.
SELECT
    request_id, hold_id, started_at, call_type, api_key, user_id, team_id, model,
    said_success OR (hold_id IS NOT NULL AND completion_tokens > 0) AS succeeded, from_cache, prompt_tokens,
    completion_tokens, cached_tokens
FROM (
    SELECT
        request_id, "startTime" AT TIME ZONE 'UTC' AS started_at, "endTime" AS ended_at, call_type, api_key,
        s.user AS user_id, s.team_id, coalesce(nullif(model_group, ''), model) AS model,
        coalesce(status, metadata ->> 'status', 'success') = 'success' AS said_success,
        lower(cache_hit) = 'true' AS from_cache,
        prompt_tokens, completion_tokens,
        metadata -> 'usage_object' -> 'prompt_tokens_details' -> 'cached_tokens' AS cached_tokens,
        CASE
            WHEN metadata -> 'spend_logs_metadata' ->> 'solaris_hold_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                THEN (metadata -> 'spend_logs_metadata' ->> 'solaris_hold_id')::uuid
        END AS hold_id
    FROM "LiteLLM_SpendLogs" AS s
    WHERE "startTime" >= %(since)s::timestamptz AT TIME ZONE 'UTC'
    AND "startTime" < %(until)s::timestamptz AT TIME ZONE 'UTC'
) AS calls
WHERE %(hold_ids)s::uuid[] IS NULL OR hold_id = ANY(%(hold_ids)s)
ORDER BY said_success, ended_at;

-- reconcile_logged --
-- Where LiteLLM's logs are copied to for the length of a transaction: the columns of spend_logs.
CREATE TEMPORARY TABLE solaris_logged (
    request_id text NOT NULL,
    hold_id uuid,
    started_at timestamptz NOT NULL,
    call_type text,
    api_key text,
    user_id text,
    team_id text,
    model text,
    succeeded boolean NOT NULL,
    from_cache boolean,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cached_tokens jsonb
) ON COMMIT DROP;

-- reconcile --
-- LiteLLM's logs against the books, by account, day on which the call began, and cause; see ledger/reconcile.py.
WITH logged AS (
    SELECT DISTINCT ON (coalesce(hold_id::text, request_id))
        hold_id, started_at, call_type, succeeded, coalesce(from_cache, FALSE) AS from_cache,
        prompt_tokens AS input, completion_tokens AS output, prompt_tokens + completion_tokens AS tokens,
        CASE WHEN jsonb_typeof(cached_tokens) = 'number' THEN cached_tokens::numeric END AS cached,
        coalesce(api_key, '') AS api_key,
        CASE
            WHEN EXISTS (SELECT FROM solaris.accounts AS t WHERE t.account_id = 'team:' || team_id)
                THEN 'team:' || team_id
            WHEN coalesce(user_id, '') NOT IN ('', 'default_user_id') THEN 'user:' || user_id
            ELSE 'key:' || coalesce(nullif(api_key, ''), 'none')
        END AS payer
    FROM solaris_logged
    ORDER BY coalesce(hold_id::text, request_id) ASC, succeeded DESC, tokens DESC
),
booked AS (
    SELECT
        account_id, hold_id, status, source, input_tokens AS input, cached_input_tokens AS cached,
        output_tokens AS output, ended_at
    FROM solaris.usage
    WHERE hold_id >= solaris.uuid7_floor_v1(%(since)s) AND hold_id < solaris.uuid7_floor_v1(%(until)s)
),
calls AS (
    SELECT
        coalesce(b.account_id, h.account_id, l.payer) AS account_id,
        coalesce(solaris.uuid7_time_v1(coalesce(b.hold_id, l.hold_id)), l.started_at) AS began,
        coalesce(l.input, 0) AS logged_input, coalesce(l.output, 0) AS logged_output,
        coalesce(b.input, 0) AS booked_input, coalesce(b.output, 0) AS booked_output,
        CASE
            WHEN b.status = 'settled' AND l.payer IS NOT NULL THEN CASE
                WHEN b.source IN ('estimate', 'sweep') THEN 'estimated'
                WHEN b.input <> l.input OR b.output <> l.output OR b.cached <> l.cached THEN 'tokens_differ'
                WHEN l.from_cache THEN 'cached'
                ELSE 'equal'
            END
            WHEN b.status = 'settled' THEN CASE
                WHEN b.source IN ('estimate', 'sweep') THEN 'estimated_alone'
                WHEN b.ended_at > now() - %(flush)s::interval THEN 'not_logged_yet'
                ELSE 'not_logged'
            END
            WHEN b.status = 'released' AND l.payer IS NULL THEN NULL -- both say that nothing was used
            WHEN h.hold_id IS NOT NULL THEN 'in_flight'
            WHEN NOT l.succeeded THEN 'failed'
            WHEN l.tokens = 0 THEN 'nothing_used'
            WHEN b.status = 'released' THEN 'released'
            WHEN l.hold_id IS NOT NULL THEN 'lost'
            WHEN l.api_key = ANY(%(master_keys)s) THEN 'master_key'
            WHEN l.api_key = ANY(%(litellm_keys)s) THEN 'litellm_itself'
            WHEN l.call_type = ANY(%(unmetered_call_types)s) THEN 'unmetered_call_type'
            ELSE 'unmarked'
        END AS cause
    FROM logged AS l
    FULL JOIN booked AS b ON l.hold_id = b.hold_id
    LEFT JOIN solaris.holds AS h ON l.hold_id = h.hold_id AND b.hold_id IS NULL
),
placed AS (
    SELECT c.*, (c.began AT TIME ZONE coalesce(a.time_zone, %(time_zone)s))::date AS day
    FROM calls AS c
    LEFT JOIN solaris.accounts AS a ON c.account_id = a.account_id
    WHERE c.cause IS NOT NULL AND (%(account_id)s::text IS NULL OR c.account_id = %(account_id)s)
)
SELECT
    account_id, day, cause, count(*) AS calls,
    sum(logged_input)::bigint AS logged_input, sum(logged_output)::bigint AS logged_output,
    sum(booked_input)::bigint AS booked_input, sum(booked_output)::bigint AS booked_output
FROM placed
WHERE day BETWEEN %(first_day)s AND %(last_day)s
GROUP BY account_id, day, cause
ORDER BY account_id COLLATE "C", day, cause COLLATE "C";
