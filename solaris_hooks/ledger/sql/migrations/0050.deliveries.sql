-- Deliveries: events on their way to somebody. Made of an event once, by the dispatcher; each is sent by a job.
-- depends: 0031.event-sources

-- Whether the account's user gets mails.
ALTER TABLE solaris.accounts ADD COLUMN mails boolean NOT NULL DEFAULT TRUE;

CREATE TABLE solaris.deliveries (
    account_id text NOT NULL, -- of the event; '' where it is about no account
    delivery_id uuid NOT NULL, -- UUIDv7: grows with time
    event_id uuid NOT NULL,
    event_number bigint NOT NULL,
    kind text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('mail', 'webhook')),
    target text NOT NULL, -- an address, or the name of a webhook
    audience text NOT NULL CHECK (audience IN ('user', 'administrator')),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed', 'dead', 'skipped')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    resends integer NOT NULL DEFAULT 0 CHECK (resends >= 0),
    last_error text CHECK (length(last_error) <= 500), -- or why it was skipped
    folded_into uuid, -- the delivery that tells this one's event too
    created_at timestamptz NOT NULL,
    attempted_at timestamptz,
    trying_until timestamptz, -- until then nobody else tries
    ended_at timestamptz,
    PRIMARY KEY (account_id, delivery_id),
    UNIQUE (account_id, event_id, channel, target, audience)
);
CREATE INDEX deliveries_by_id ON solaris.deliveries (delivery_id);
CREATE INDEX deliveries_open ON solaris.deliveries (channel, target) WHERE state IN ('pending', 'failed');
CREATE INDEX deliveries_to_look_at ON solaris.deliveries (state, delivery_id) WHERE state <> 'sent';
CREATE INDEX deliveries_folded ON solaris.deliveries (folded_into) WHERE folded_into IS NOT NULL;
CREATE INDEX deliveries_mails ON solaris.deliveries (attempted_at) WHERE channel = 'mail';

-- Let one attempt begin, unless there is a reason against it. The outcome is 'send', or
--   ended       it was sent, skipped or given up meanwhile
--   superseded  a later threshold, or a new period, tells the user more than this would; it is skipped
--   worn_out    all its attempts began, and none ended: whatever sends it dies of it
--   busy        another attempt is under way, until again_at
--   limited     enough mails were sent in this hour; there will be room at again_at
-- Where more than p_fold_above mails wait for one reader, this one tells them all.
CREATE FUNCTION solaris.begin_delivery_v1(
    p_delivery_id uuid, p_most_attempts integer, p_lease interval, p_mails_per_account integer, p_mails integer,
    p_fold_above integer, p_now timestamptz, OUT outcome text, OUT again_at timestamptz
)
LANGUAGE plpgsql AS $$
DECLARE
    d solaris.deliveries;
    at timestamptz;
    waiting bigint;
BEGIN
    SELECT * INTO d FROM solaris.deliveries AS each WHERE each.delivery_id = p_delivery_id;
    IF d.channel = 'mail' THEN -- mails are counted: one after the other, before any row is locked
        PERFORM pg_advisory_xact_lock(x'501A2150'::integer, 1);
    END IF;
    SELECT * INTO d FROM solaris.deliveries AS each WHERE each.delivery_id = p_delivery_id FOR UPDATE;
    at := coalesce(p_now, clock_timestamp());
    outcome := 'send';
    IF d.delivery_id IS NULL OR d.state NOT IN ('pending', 'failed') THEN
        outcome := 'ended';
    ELSIF d.trying_until > at THEN
        outcome := 'busy';
        again_at := d.trying_until;
    ELSIF d.attempts >= p_most_attempts THEN
        outcome := 'worn_out';
    ELSIF d.channel = 'mail' THEN
        IF d.audience = 'user' AND d.resends = 0 AND d.kind IN ('threshold.crossed', 'quota.exhausted') AND EXISTS (
            SELECT FROM solaris.deliveries AS later
            WHERE later.account_id = d.account_id AND later.channel = 'mail' AND later.audience = 'user'
                AND later.event_number > d.event_number AND later.state <> 'dead'
                AND later.kind IN ('threshold.crossed', 'quota.exhausted', 'period.renewed')
        ) THEN
            UPDATE solaris.deliveries AS each SET
                state = 'skipped', last_error = 'a later event tells more', ended_at = at
            WHERE each.account_id = d.account_id AND each.delivery_id = d.delivery_id;
            outcome := 'superseded';
            RETURN;
        END IF;
        -- Summaries come by the thousand when a month begins: they leave room for what is urgent.
        again_at := solaris.room_for_mail_v1(
            d, p_mails_per_account, CASE WHEN d.kind = 'period.renewed' THEN greatest(p_mails * 3 / 4, 1) ELSE p_mails END,
            at);
        IF again_at IS NOT NULL THEN
            outcome := 'limited';
        END IF;
    END IF;
    IF outcome <> 'send' THEN
        RETURN;
    END IF;
    IF d.channel = 'mail' THEN
        SELECT count(*) INTO waiting FROM solaris.deliveries AS each
        WHERE each.channel = 'mail' AND each.target = d.target AND each.audience = d.audience
            AND each.state IN ('pending', 'failed') AND coalesce(each.trying_until <= at, TRUE);
        IF waiting > p_fold_above THEN
            UPDATE solaris.deliveries AS each SET folded_into = d.delivery_id
            WHERE each.folded_into IN (
                SELECT carrier.delivery_id FROM solaris.deliveries AS carrier
                WHERE carrier.channel = 'mail' AND carrier.target = d.target AND carrier.audience = d.audience
                    AND carrier.state IN ('pending', 'failed') AND coalesce(carrier.trying_until <= at, TRUE));
            UPDATE solaris.deliveries AS each SET
                state = 'skipped', folded_into = d.delivery_id, last_error = 'told together with others', ended_at = at
            WHERE each.channel = 'mail' AND each.target = d.target AND each.audience = d.audience
                AND each.state IN ('pending', 'failed') AND coalesce(each.trying_until <= at, TRUE)
                AND each.delivery_id <> d.delivery_id;
        END IF;
    END IF;
    UPDATE solaris.deliveries AS each SET
        attempts = d.attempts + 1, attempted_at = at, trying_until = at + p_lease
    WHERE each.account_id = d.account_id AND each.delivery_id = d.delivery_id;
END
$$;

-- When there is room for one more mail; null if now. Mails of the last hour are counted, whatever became of them.
CREATE FUNCTION solaris.room_for_mail_v1(
    d solaris.deliveries, p_mails_per_account integer, p_mails integer, p_at timestamptz
) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    of_all timestamptz;
    of_account timestamptz;
BEGIN
    -- The mail that must be an hour old before another may follow.
    of_all := (
        SELECT m.attempted_at FROM solaris.deliveries AS m
        WHERE m.channel = 'mail' AND m.attempted_at > p_at - interval '1 hour' AND m.delivery_id <> d.delivery_id
        ORDER BY m.attempted_at DESC OFFSET p_mails - 1 LIMIT 1);
    IF d.audience = 'user' THEN
        of_account := (
            SELECT m.attempted_at FROM solaris.deliveries AS m
            WHERE m.channel = 'mail' AND m.attempted_at > p_at - interval '1 hour' AND m.delivery_id <> d.delivery_id
                AND m.account_id = d.account_id AND m.audience = 'user'
            ORDER BY m.attempted_at DESC OFFSET p_mails_per_account - 1 LIMIT 1);
    END IF;
    RETURN greatest(of_all, of_account) + interval '1 hour';
END
$$;

-- Write down how an attempt ended: p_state is 'sent', 'failed' (to be tried again) or 'dead'. What is given up becomes an
-- event, once an hour for each target; but not where it was to tell of such a failure itself. False if it had ended.
CREATE FUNCTION solaris.end_delivery_v1(p_delivery_id uuid, p_state text, p_error text, p_now timestamptz)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    d solaris.deliveries;
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    UPDATE solaris.deliveries AS each SET
        state = p_state, last_error = left(p_error, 500), trying_until = NULL,
        ended_at = CASE WHEN p_state = 'failed' THEN NULL ELSE at END
    WHERE each.delivery_id = p_delivery_id AND each.state IN ('pending', 'failed')
    RETURNING * INTO d;
    IF d.delivery_id IS NULL THEN
        RETURN FALSE;
    END IF;
    IF p_state = 'dead' AND d.kind <> 'delivery.failed' THEN
        INSERT INTO solaris.events (account_id, key, kind, at, details, in_chat)
        VALUES (
            '', 'delivery:' || (extract(EPOCH FROM at)::bigint / 3600) || ':' || d.channel || ':' || d.target,
            'delivery.failed', at,
            jsonb_build_object('delivery_id', d.delivery_id, 'kind', d.kind, 'account', nullif(d.account_id, ''),
                'channel', d.channel, 'target', d.target, 'audience', d.audience,
                'attempts', d.attempts, 'error', d.last_error),
            FALSE)
        ON CONFLICT (account_id, key) DO NOTHING;
    END IF;
    RETURN TRUE;
END
$$;

-- Let a delivery be sent once more, and write down who wanted it. The caller puts the job into the queue.
CREATE FUNCTION solaris.resend_delivery_v1(p_delivery_id uuid, p_actor text, p_reason text, p_now timestamptz)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    d solaris.deliveries;
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    SELECT * INTO d FROM solaris.deliveries AS each WHERE each.delivery_id = p_delivery_id FOR UPDATE;
    IF d.delivery_id IS NULL THEN
        RAISE EXCEPTION 'There is no delivery %.', p_delivery_id USING ERRCODE = 'SH004';
    END IF;
    IF d.state = 'pending' OR d.trying_until > at THEN
        RAISE EXCEPTION 'Delivery % is about to be sent.', p_delivery_id USING ERRCODE = 'SH002';
    END IF;
    UPDATE solaris.deliveries AS each SET
        state = 'pending', attempts = 0, resends = d.resends + 1, last_error = NULL, folded_into = NULL,
        trying_until = NULL, ended_at = NULL
    WHERE each.account_id = d.account_id AND each.delivery_id = d.delivery_id;
    INSERT INTO solaris.audit (at, actor, action, account_id, subject, before, after, reason)
    VALUES (
        at, p_actor, 'delivery.resend', nullif(d.account_id, ''), d.delivery_id::text,
        jsonb_build_object('state', d.state, 'attempts', d.attempts), jsonb_build_object('state', 'pending', 'attempts', 0),
        p_reason);
END
$$;

-- Forget deliveries that ended, and events that need nothing more, older than p_older_than. Returns how many went.
CREATE FUNCTION solaris.purge_deliveries_v1(p_older_than interval, p_limit integer, p_now timestamptz)
RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    before timestamptz := coalesce(p_now, clock_timestamp()) - p_older_than;
    deliveries bigint;
    events bigint;
BEGIN
    DELETE FROM solaris.deliveries AS d
    WHERE d.delivery_id IN (
        SELECT old.delivery_id FROM solaris.deliveries AS old
        WHERE old.created_at < before AND old.state IN ('sent', 'skipped', 'dead')
        ORDER BY old.delivery_id LIMIT p_limit);
    GET DIAGNOSTICS deliveries = ROW_COUNT;
    DELETE FROM solaris.events AS e
    WHERE e.number IN (
        SELECT old.number FROM solaris.events AS old
        WHERE old.at < before AND old.dispatched_at IS NOT NULL AND (old.told_at IS NOT NULL OR NOT old.in_chat)
            AND NOT EXISTS (
                SELECT FROM solaris.deliveries AS d WHERE d.account_id = old.account_id AND d.event_id = old.event_id)
        ORDER BY old.number LIMIT p_limit);
    GET DIAGNOSTICS events = ROW_COUNT;
    RETURN deliveries + events;
END
$$;
