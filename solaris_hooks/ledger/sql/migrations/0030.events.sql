-- Events: what people and other programs are told of, each written once, in the transaction in which it happened.
-- And the audit trail: what people changed.
-- depends: 0022.books-id

ALTER TABLE solaris.accounts
    -- The account's own thresholds; null for its plan's.
    ADD COLUMN thresholds smallint[]
        CHECK (cardinality(thresholds) <= 20 AND 1 <= ALL (thresholds) AND 100 >= ALL (thresholds)),
    -- The highest threshold that was announced and still holds; and how often in this period credits undid one.
    ADD COLUMN alert_level smallint NOT NULL DEFAULT 0 CHECK (alert_level BETWEEN 0 AND 100),
    ADD COLUMN alert_round integer NOT NULL DEFAULT 0 CHECK (alert_round >= 0),
    -- Events that wait to be told in the chat.
    ADD COLUMN unread_notices integer NOT NULL DEFAULT 0 CHECK (unread_notices >= 0);

CREATE TABLE solaris.events (
    account_id text NOT NULL, -- '' where it is about no account
    key text NOT NULL, -- what makes it happen once
    event_id uuid NOT NULL DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind ~ '^[a-z]+\.[a-z_]+$'),
    at timestamptz NOT NULL,
    -- The figures of that moment, and more.
    details jsonb NOT NULL,
    -- Whether the chat tells it, and when it did.
    in_chat boolean NOT NULL,
    told_at timestamptz,
    -- When deliveries were made of it.
    dispatched_at timestamptz,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX events_to_dispatch ON solaris.events (number) WHERE dispatched_at IS NULL;
CREATE INDEX events_to_tell ON solaris.events (account_id) WHERE in_chat AND told_at IS NULL;
CREATE INDEX events_in_order ON solaris.events (account_id, number);

CREATE TABLE solaris.audit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'), -- account.change, plan.put, credits.grant, ...
    account_id text, -- null where it is about no account
    subject text NOT NULL, -- the plan, lot, request or account that was changed
    before jsonb, -- null where there was none
    after jsonb,
    reason text
);
CREATE INDEX audit_of_account ON solaris.audit (account_id, number);

CREATE FUNCTION solaris.refuse_change_v2() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'solaris.% is append-only: no %', tg_table_name, tg_op USING ERRCODE = 'SH006';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON solaris.audit
FOR EACH ROW EXECUTE FUNCTION solaris.refuse_change_v2();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON solaris.audit
FOR EACH STATEMENT EXECUTE FUNCTION solaris.refuse_change_v2();
REVOKE UPDATE, DELETE, TRUNCATE ON solaris.audit FROM public;

-- Use in whole percent of what was granted; 100 where nothing was.
CREATE FUNCTION solaris.use_percent_v1(a solaris.accounts) RETURNS integer
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    granted bigint := a.allowance_granted + a.credits_used + a.credits_remaining;
BEGIN
    RETURN CASE WHEN granted = 0 THEN 100 ELSE
        least(100 * (a.allowance_used + a.credits_used + a.overage) / granted, 1000000) END;
END
$$;

-- What an event says of its account.
CREATE FUNCTION solaris.figures_v1(a solaris.accounts) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'plan', a.plan_id,
        'granted', a.allowance_granted + a.credits_used + a.credits_remaining,
        'used', a.allowance_used + a.credits_used + a.overage,
        'remaining', a.allowance_granted - a.allowance_used + a.credits_remaining,
        'credits', a.credits_remaining,
        'overage', a.overage,
        'percent', solaris.use_percent_v1(a),
        'period_start', to_char(a.period_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'period_end', to_char(a.period_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
END
$$;

-- Let an event of an account happen, once for each key. The caller stores the account that is returned.
CREATE FUNCTION solaris.emit_v1(
    a solaris.accounts, p_kind text, p_key text, p_at timestamptz, p_details jsonb, p_in_chat boolean
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO solaris.events (account_id, key, kind, at, details, in_chat)
    VALUES (a.account_id, p_key, p_kind, p_at, solaris.figures_v1(a) || p_details, p_in_chat)
    ON CONFLICT (account_id, key) DO NOTHING;
    IF FOUND AND p_in_chat THEN
        a.unread_notices := a.unread_notices + 1;
    END IF;
    RETURN a;
END
$$;

-- Announce the thresholds that use has crossed: one event, for the highest. The caller stores the account.
CREATE FUNCTION solaris.announce_v1(a solaris.accounts, p_thresholds smallint[], p_percent integer, p_at timestamptz)
RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    crossed smallint[] := ARRAY(
        SELECT t FROM unnest(p_thresholds) AS t WHERE t > a.alert_level AND t <= p_percent ORDER BY t);
    highest smallint := crossed[cardinality(crossed)];
BEGIN
    IF highest IS NULL THEN
        RETURN a;
    END IF;
    a.alert_level := highest;
    RETURN solaris.emit_v1(
        a, CASE WHEN highest = 100 THEN 'quota.exhausted' ELSE 'threshold.crossed' END,
        'threshold:' || extract(EPOCH FROM a.period_start)::bigint || ':' || a.alert_round || ':' || highest,
        p_at, jsonb_build_object('threshold', highest, 'crossed', to_jsonb(crossed)), true);
END
$$;

-- More was granted: thresholds that no longer hold can be crossed again. The caller stores the account.
CREATE FUNCTION solaris.rearm_v1(a solaris.accounts) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    level smallint;
BEGIN
    IF a.alert_level > 0 THEN
        level := (
            SELECT max(t) FROM solaris.plans AS p, unnest(coalesce(a.thresholds, p.thresholds)) AS t
            WHERE p.plan_id = a.plan_id AND t <= solaris.use_percent_v1(a));
        IF coalesce(level, 0) < a.alert_level THEN
            a.alert_level := coalesce(level, 0);
            a.alert_round := a.alert_round + 1;
        END IF;
    END IF;
    RETURN a;
END
$$;

-- What the chat has not told yet, oldest first; it is told once, so whoever takes it tells it.
CREATE FUNCTION solaris.take_notices_v1(p_account_id text, p_now timestamptz) RETURNS SETOF solaris.events
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE solaris.accounts AS a SET unread_notices = 0
    WHERE a.account_id = p_account_id AND a.unread_notices > 0;
    IF FOUND THEN
        RETURN QUERY
        WITH taken AS (
            UPDATE solaris.events AS e SET told_at = coalesce(p_now, clock_timestamp())
            WHERE e.account_id = p_account_id AND e.in_chat AND e.told_at IS NULL
            RETURNING *)
        SELECT * FROM taken ORDER BY taken.number;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION solaris.store_account_v1(a solaris.accounts) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE solaris.accounts SET
        plan_id = a.plan_id, plan_tokens = a.plan_tokens, status = a.status, status_reason = a.status_reason,
        email = a.email, name = a.name, locale = a.locale, time_zone = a.time_zone, anchor_day = a.anchor_day,
        period_start = a.period_start, period_end = a.period_end,
        allowance_granted = a.allowance_granted, allowance_used = a.allowance_used,
        credits_remaining = a.credits_remaining, credits_used = a.credits_used,
        held = a.held, overage = a.overage, next_lot_expiry = a.next_lot_expiry,
        entries = a.entries, chain = a.chain, last_used_at = a.last_used_at,
        thresholds = a.thresholds, alert_level = a.alert_level, alert_round = a.alert_round,
        unread_notices = a.unread_notices
    WHERE account_id = a.account_id;
END
$$;
