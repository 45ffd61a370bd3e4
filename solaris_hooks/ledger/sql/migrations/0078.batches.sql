-- The same done to many accounts: each in a transaction of its own, whose outcome is written down with it.
-- depends: 0077.erasure
--
-- Errors of our own: as in 0004.

CREATE TABLE solaris.batches (
    batch_id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    key text NOT NULL UNIQUE,
    action jsonb NOT NULL, -- kind, and what the kind needs
    selection jsonb NOT NULL, -- as it was asked for
    reason text NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL
);
CREATE TABLE solaris.batch_items (
    batch_id uuid NOT NULL,
    account_id text NOT NULL,
    outcome text CHECK (outcome IN ('done', 'unchanged', 'limited', 'unreachable', 'failed')), -- null for not yet
    message text, -- why it failed
    at timestamptz,
    PRIMARY KEY (batch_id, account_id)
);
CREATE INDEX batch_items_waiting ON solaris.batch_items (batch_id) WHERE outcome IS NULL;

ALTER TABLE solaris.audit
    ADD COLUMN batch_id uuid, -- the batch that it is part of
    ADD COLUMN undoes bigint; -- number of the row that it undoes
CREATE INDEX audit_of_batch ON solaris.audit (batch_id, number) WHERE batch_id IS NOT NULL;
CREATE UNIQUE INDEX audit_undone ON solaris.audit (undoes) WHERE undoes IS NOT NULL;

-- As before, with the batch that it is part of and the row that it undoes, which the transaction's settings name.
CREATE OR REPLACE FUNCTION solaris.record_v1(
    p_action text, p_account_id text, p_subject text, p_before jsonb, p_after jsonb,
    p_reason text, p_actor text, p_at timestamptz
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO solaris.audit (at, actor, action, account_id, subject, before, after, reason, batch_id, undoes)
    VALUES (
        p_at, p_actor, p_action, p_account_id, p_subject, p_before, p_after, p_reason,
        nullif(current_setting('solaris.batch', TRUE), '')::uuid,
        nullif(current_setting('solaris.undoes', TRUE), '')::bigint)
    RETURNING number INTO written;
    RETURN written;
END
$$;

-- Begin a batch, or find the one of this key. Its id.
CREATE FUNCTION solaris.begin_batch_v1(
    p_batch_id uuid, p_key text, p_action jsonb, p_selection jsonb, p_account_ids text [], p_reason text, p_actor text,
    p_now timestamptz
) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    known solaris.batches;
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    INSERT INTO solaris.batches (batch_id, key, action, selection, reason, actor, at)
    VALUES (p_batch_id, p_key, p_action, p_selection, p_reason, p_actor, at)
    ON CONFLICT (key) DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO known FROM solaris.batches AS b WHERE b.key = p_key;
        IF known.action <> p_action OR known.selection <> p_selection OR known.reason <> p_reason THEN
            RAISE EXCEPTION 'The idempotency key "%" was used for another batch.', p_key USING ERRCODE = 'SH002';
        END IF;
        RETURN known.batch_id;
    END IF;
    INSERT INTO solaris.batch_items (batch_id, account_id)
    SELECT DISTINCT p_batch_id, wanted.account_id FROM unnest(p_account_ids) AS wanted (account_id);
    PERFORM set_config('solaris.batch', p_batch_id::text, TRUE);
    PERFORM solaris.record_v1(
        'batch.begin', NULL, p_batch_id::text, NULL,
        jsonb_build_object('key', p_key, 'action', p_action, 'accounts', cardinality(p_account_ids)),
        p_reason, p_actor, at);
    PERFORM set_config('solaris.batch', '', TRUE);
    RETURN p_batch_id;
END
$$;

-- Do to one account what a batch does, and tell the outcome.
CREATE FUNCTION solaris.act_v1(
    b solaris.batches, a solaris.accounts, p_lot_id uuid, p_most_a_day integer, p_actor text, p_now timestamptz
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    key text := 'batch:' || b.batch_id;
    sent record;
    taken record;
BEGIN
    CASE b.action ->> 'kind'
    WHEN 'plan' THEN
        IF a.plan_id = b.action ->> 'plan' THEN
            RETURN 'unchanged';
        END IF;
        PERFORM solaris.change_plan_v1(a.account_id, b.action ->> 'plan', FALSE, FALSE, b.reason, p_actor, p_now);
    WHEN 'credits' THEN
        PERFORM solaris.grant_credits_v2(
            a.account_id, p_lot_id, (b.action ->> 'tokens')::bigint, 'grant', b.reason, p_actor, key,
            (b.action ->> 'expires_at')::timestamptz, p_now);
    WHEN 'message' THEN
        sent := solaris.send_message_v1(
            a.account_id, b.action ->> 'text', (b.action ->> 'chat')::boolean, (b.action ->> 'mail')::boolean,
            p_most_a_day, b.reason, p_actor, key, p_now);
        RETURN CASE WHEN sent.outcome IN ('limited', 'unreachable') THEN sent.outcome ELSE 'done' END;
    WHEN 'reset' THEN
        taken := solaris.reset_period_v1(a.account_id, b.reason, p_actor, key, p_now);
        RETURN CASE WHEN taken.tokens = 0 THEN 'unchanged' ELSE 'done' END;
    WHEN 'suspend' THEN
        IF a.status <> 'active' THEN
            RETURN 'unchanged';
        END IF;
        PERFORM solaris.put_account_v2(
            a.account_id, NULL, 'suspended', b.action ->> 'status_reason', NULL, NULL, NULL, NULL, NULL, '{}', b.reason,
            p_actor, NULL, NULL, NULL, NULL, p_now);
    WHEN 'reactivate' THEN
        IF a.status <> 'suspended' THEN -- who is blocked or waits for approval is another matter
            RETURN 'unchanged';
        END IF;
        PERFORM solaris.put_account_v2(
            a.account_id, NULL, 'active', NULL, NULL, NULL, NULL, NULL, NULL, '{}', b.reason, p_actor, NULL, NULL, NULL,
            NULL, p_now);
    END CASE;
    RETURN 'done';
END
$$;

-- Do the next account of a batch, with its outcome. Null where none waits that nobody else does.
CREATE FUNCTION solaris.do_next_v1(
    p_batch_id uuid, p_lot_id uuid, p_most_a_day integer, p_actor text, p_now timestamptz
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    b solaris.batches;
    a solaris.accounts;
    next_id text;
    came_of_it text;
    why text;
BEGIN
    SELECT i.account_id INTO next_id FROM solaris.batch_items AS i
    WHERE i.batch_id = p_batch_id AND i.outcome IS NULL
    LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO b FROM solaris.batches AS known WHERE known.batch_id = p_batch_id;
    PERFORM set_config('solaris.batch', p_batch_id::text, TRUE);
    BEGIN
        a := solaris.refresh_account_v1(next_id, p_now);
        IF a.account_id IS NULL THEN
            RAISE EXCEPTION 'There is no such account.' USING ERRCODE = 'SH004';
        END IF;
        came_of_it := solaris.act_v1(b, a, p_lot_id, p_most_a_day, p_actor, p_now);
    EXCEPTION WHEN SQLSTATE 'SH001' OR SQLSTATE 'SH002' OR SQLSTATE 'SH003' OR SQLSTATE 'SH004' THEN
        came_of_it := 'failed';
        why := sqlerrm;
    END;
    UPDATE solaris.batch_items AS i SET outcome = came_of_it, message = why, at = coalesce(p_now, clock_timestamp())
    WHERE i.batch_id = p_batch_id AND i.account_id = next_id;
    RETURN came_of_it;
END
$$;
