-- Statements of deliveries; the same form as queries.sql.

-- events_wait --
-- Whether there are events of which nothing was made yet.
SELECT EXISTS (SELECT FROM solaris.events WHERE dispatched_at IS NULL AND kind = ANY(%(kinds)s)) AS waiting;

-- take_events --
-- Events of which nothing was made yet and that nobody else takes, oldest first, with whom they are about.
SELECT
    e.number, e.event_id, e.kind, e.account_id, e.at, e.details::text AS details,
    a.email, coalesce(a.mails, FALSE) AS mails, e.at < coalesce(%(now)s, now()) - %(stale)s::interval AS stale
FROM solaris.events AS e
LEFT JOIN solaris.accounts AS a ON e.account_id = a.account_id
WHERE e.dispatched_at IS NULL AND e.kind = ANY(%(kinds)s)
ORDER BY e.number
LIMIT %(limit)s
FOR UPDATE OF e SKIP LOCKED;

-- make_deliveries --
-- Deliveries of events; what is there already is left as it is.
INSERT INTO solaris.deliveries (
    account_id, delivery_id, event_id, event_number, kind, channel, target, audience, created_at)
SELECT
    new.account_id, new.delivery_id, new.event_id, new.event_number, new.kind, new.channel, new.target, new.audience,
    coalesce(%(now)s, now())
FROM unnest(
    %(account_ids)s::text[], %(delivery_ids)s::uuid[], %(event_ids)s::uuid[], %(event_numbers)s::bigint[],
    %(kinds)s::text[], %(channels)s::text[], %(targets)s::text[], %(audiences)s::text[]
) AS new (account_id, delivery_id, event_id, event_number, kind, channel, target, audience)
ON CONFLICT (account_id, event_id, channel, target, audience) DO NOTHING
RETURNING delivery_id;

-- mark_dispatched --
-- These events need no dispatcher any more.
UPDATE solaris.events AS e SET dispatched_at = coalesce(%(now)s, now())
FROM unnest(%(account_ids)s::text[], %(event_ids)s::uuid[], %(numbers)s::bigint[]) AS done (account_id, event_id, number)
WHERE e.account_id = done.account_id AND e.number = done.number AND e.event_id = done.event_id;

-- begin_delivery --
-- Let one attempt begin; see begin_delivery_v1.
SELECT outcome, again_at
FROM solaris.begin_delivery_v1(
    %(delivery_id)s, %(most_attempts)s, %(lease)s, %(mails_per_account)s, %(mails)s, %(fold_above)s, %(now)s);

-- end_delivery --
-- Write down how an attempt ended; see end_delivery_v1.
SELECT solaris.end_delivery_v1(%(delivery_id)s, %(state)s, %(error)s, %(now)s) AS ended;

-- resend_delivery --
-- Let a delivery be sent once more; see resend_delivery_v1.
SELECT solaris.resend_delivery_v1(%(delivery_id)s, %(actor)s, %(reason)s, %(now)s) AS done;

-- deliveries --
-- Deliveries, newest first.
SELECT
    d.delivery_id, d.account_id, d.event_id, d.kind, d.channel, d.target, d.audience, d.state, d.attempts, d.resends,
    d.last_error, d.folded_into, d.created_at, d.attempted_at, d.ended_at
FROM solaris.deliveries AS d
WHERE (%(delivery_id)s::uuid IS NULL OR d.delivery_id = %(delivery_id)s)
    AND (%(account_id)s::text IS NULL OR d.account_id = %(account_id)s)
    AND (%(state)s::text IS NULL OR d.state = %(state)s)
    AND (%(channel)s::text IS NULL OR d.channel = %(channel)s)
    AND (%(before)s::uuid IS NULL OR d.delivery_id < %(before)s)
ORDER BY d.delivery_id DESC
LIMIT %(limit)s;

-- delivery_to_send --
-- A delivery with its event and its reader, and then those that it tells besides, oldest first.
SELECT
    d.delivery_id, d.channel, d.target, d.audience, d.attempts,
    e.number, e.event_id, e.kind, e.account_id, e.at, e.details::text AS details, a.locale, a.time_zone, a.name
FROM solaris.deliveries AS d
JOIN solaris.events AS e ON d.account_id = e.account_id AND d.event_number = e.number
LEFT JOIN solaris.accounts AS a ON d.account_id = a.account_id
WHERE d.delivery_id = %(delivery_id)s OR d.folded_into = %(delivery_id)s
ORDER BY d.delivery_id <> %(delivery_id)s, e.number
LIMIT %(limit)s;

-- delivery_states --
-- How many deliveries wait or were given up, and since when the oldest waits.
SELECT
    count(*) FILTER (WHERE state = 'dead') AS dead,
    count(*) FILTER (WHERE state IN ('pending', 'failed')) AS waiting,
    min(created_at) FILTER (WHERE state IN ('pending', 'failed')) AS waiting_since
FROM solaris.deliveries
WHERE state IN ('dead', 'pending', 'failed');

-- last_heartbeat --
-- When a worker was last heard of.
SELECT max(last_heartbeat) AS at FROM solaris_jobs.procrastinate_workers;

-- purge_deliveries --
-- Forget what ended long ago; see purge_deliveries_v1.
SELECT solaris.purge_deliveries_v1(%(older_than)s, %(limit)s, %(now)s) AS gone;

-- set_mails --
-- Whether an account's user gets mails; see set_mails_v1.
SELECT solaris.set_mails_v1(%(account_id)s, %(mails)s, %(reason)s, %(actor)s, %(now)s) AS done;

-- gets_mails --
-- Whether an account's user gets mails.
SELECT mails FROM solaris.accounts WHERE account_id = %(account_id)s;
