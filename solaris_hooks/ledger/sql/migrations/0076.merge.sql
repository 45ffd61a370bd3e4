-- Two accounts of one person become one: what is left of the one moves to the other, which pays for both from then on.
-- depends: 0056.end-users 0075.account-actions
--
-- Errors of our own: as in 0004, and SH000, by which a dry run takes back what it has tried.

ALTER TABLE solaris.accounts
    -- The account that pays for this one while this one is out of use. Read where a request is refused, and nowhere else.
    ADD COLUMN merged_into text CHECK (merged_into <> account_id),
    -- When what was known of its person was erased. While the account is out of use, nothing is learned of him again.
    ADD COLUMN erased_at timestamptz;
CREATE INDEX accounts_merged ON solaris.accounts (merged_into) WHERE merged_into IS NOT NULL;

-- Several ids may use one account once accounts were merged; by e-mail address still only one is linked to each.
ALTER TABLE solaris.end_users
    ADD COLUMN merged boolean NOT NULL DEFAULT FALSE,
    DROP CONSTRAINT end_users_account_id_key;
CREATE UNIQUE INDEX end_users_of_account ON solaris.end_users (account_id) WHERE NOT merged;
CREATE INDEX end_users_merged ON solaris.end_users (account_id) WHERE merged;

-- As before; but an account that was merged or erased goes to nobody who comes with its e-mail address.
CREATE OR REPLACE FUNCTION solaris.account_of_end_user_v1(
    p_alias text, p_by_email text, p_create boolean, p_now timestamptz
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    decided text;
    wanted text := p_alias;
    known boolean;
BEGIN
    SELECT e.account_id INTO decided FROM solaris.end_users AS e WHERE e.alias = p_alias;
    IF FOUND THEN
        RETURN decided;
    END IF;
    known := EXISTS (SELECT FROM solaris.accounts AS a WHERE a.account_id = p_alias);
    IF NOT known AND EXISTS (
        SELECT FROM solaris.accounts AS a
        WHERE a.account_id = p_by_email AND a.merged_into IS NULL AND a.erased_at IS NULL)
        AND NOT EXISTS (SELECT FROM solaris.end_users AS e WHERE e.account_id = p_by_email) THEN
        wanted := p_by_email;
        known := true;
    END IF;
    IF NOT known AND NOT p_create THEN
        RETURN p_alias;
    END IF;
    INSERT INTO solaris.end_users (alias, account_id, at)
    VALUES (p_alias, wanted, coalesce(p_now, clock_timestamp()))
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        -- Somebody was faster: with this id, which is decided then, or with the account of its e-mail address.
        SELECT e.account_id INTO decided FROM solaris.end_users AS e WHERE e.alias = p_alias;
        RETURN coalesce(decided, p_alias);
    END IF;
    IF wanted <> p_alias THEN
        INSERT INTO solaris.audit (at, actor, action, account_id, subject, after)
        VALUES (coalesce(p_now, clock_timestamp()), 'system', 'account.link', wanted, p_alias,
            jsonb_build_object('account', wanted));
    END IF;
    RETURN wanted;
END
$$;

-- The account that pays for one that is out of use; null where that is none.
CREATE FUNCTION solaris.merged_into_v1(p_account_id text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_id text := p_account_id;
    further text;
BEGIN
    FOR step IN 1..10 LOOP -- merged accounts are merged again now and then, but not for ever
        further := (
            SELECT a.merged_into FROM solaris.accounts AS a WHERE a.account_id = found_id AND a.status <> 'active');
        EXIT WHEN further IS NULL;
        found_id := further;
    END LOOP;
    RETURN nullif(found_id, p_account_id);
END
$$;

-- Move what an account has to another; both are locked, and the caller stores them. Lots keep their origin and their
-- expiry. What requests in flight hold stays, first of the allowance, then of the lots that are used first; the rest of
-- the allowance lapses. What the one owes (and has used of its allowance, with p_move_use) is taken from the other, as
-- far as it goes, and is owed by it beyond that. The two entries add up to nothing, and the second names the first.
CREATE FUNCTION solaris.carry_over_v1(
    INOUT source solaris.accounts, INOUT target solaris.accounts, p_move_use boolean, p_key text, p_reason text,
    p_actor text, p_at timestamptz, OUT moved jsonb
)
LANGUAGE plpgsql AS $$
DECLARE
    used bigint := CASE WHEN p_move_use THEN source.allowance_used ELSE 0 END;
    overage bigint := source.overage;
    kept bigint := greatest(0, source.held - (source.allowance_granted - source.allowance_used) - used);
    credits bigint := greatest(0, source.credits_remaining - kept);
    lots json;
    lapsed bigint;
    owed bigint := target.overage + overage + used;
    from_allowance bigint := least(owed, target.allowance_granted - target.allowance_used);
    from_credits bigint := least(owed - from_allowance, target.credits_remaining + credits);
BEGIN
    -- Lots in the order of their use: those that cover what is kept stay.
    WITH lined_up AS (
        SELECT
            lot.lot_id, lot.remaining,
            sum(lot.remaining) OVER (ORDER BY lot.expires_at NULLS LAST, lot.created_at, lot.lot_id) - lot.remaining AS ahead
        FROM solaris.credit_lots AS lot WHERE lot.account_id = source.account_id AND lot.remaining > 0
    ), taken AS (
        UPDATE solaris.credit_lots AS lot SET remaining = lot.remaining - part.tokens
        FROM (
            SELECT l.lot_id, (l.remaining - least(l.remaining, greatest(0, kept - l.ahead)))::bigint AS tokens
            FROM lined_up AS l) AS part
        WHERE lot.account_id = source.account_id AND lot.lot_id = part.lot_id AND part.tokens > 0
        RETURNING lot.lot_id, part.tokens, lot.origin, lot.reason, lot.actor, lot.created_at, lot.expires_at
    ), given AS (
        INSERT INTO solaris.credit_lots AS lot (
            account_id, lot_id, tokens, remaining, origin, reason, actor, created_at, expires_at)
        SELECT
            target.account_id, t.lot_id, t.tokens, t.tokens, t.origin, t.reason, t.actor, t.created_at, t.expires_at
        FROM taken AS t
        ON CONFLICT (account_id, lot_id) DO UPDATE SET
            tokens = lot.tokens + excluded.tokens, remaining = lot.remaining + excluded.remaining
        RETURNING lot.lot_id)
    SELECT coalesce(json_agg(json_build_object('lot_id', t.lot_id, 'tokens', t.tokens) ORDER BY t.lot_id), '[]')
    INTO lots FROM taken AS t;

    source.allowance_used := source.allowance_used - used;
    source.overage := 0;
    source.credits_remaining := source.credits_remaining - credits;
    source.next_lot_expiry := (
        SELECT min(lot.expires_at) FROM solaris.credit_lots AS lot
        WHERE lot.account_id = source.account_id AND lot.remaining > 0);
    source := solaris.append_entry_v1(
        source, 'merge', overage + used - credits, p_at, p_actor, p_reason, 'merge:' || p_key,
        json_build_object('credits', -credits, 'overage', -overage, 'used', -used, 'lots', lots));

    IF from_credits > 0 THEN
        PERFORM solaris.take_credits_v1(target.account_id, from_credits);
    END IF;
    target.allowance_used := target.allowance_used + from_allowance;
    target.credits_used := target.credits_used + from_credits;
    target.credits_remaining := target.credits_remaining + credits - from_credits;
    target.overage := owed - from_allowance - from_credits;
    target.next_lot_expiry := (
        SELECT min(lot.expires_at) FROM solaris.credit_lots AS lot
        WHERE lot.account_id = target.account_id AND lot.remaining > 0);
    -- The digest says which entry is the other side of it, and no name that might have to be erased one day.
    target := solaris.append_entry_v1(
        target, 'merge', credits - overage - used, p_at, p_actor, p_reason, 'merge:' || p_key,
        json_build_object(
            'credits', credits, 'overage', overage, 'used', used, 'lots', lots, 'paid_from_allowance', from_allowance,
            'paid_from_credits', from_credits, 'counterpart', encode(source.chain, 'hex')));
    target := solaris.rearm_v1(target);

    lapsed := greatest(0, source.allowance_granted - source.allowance_used - source.held);
    IF lapsed > 0 THEN
        source.allowance_granted := source.allowance_granted - lapsed;
        source := solaris.append_entry_v1(
            source, 'lapse', -lapsed, p_at, p_actor, NULL, 'lapse:merge:' || p_key, '{}');
    END IF;
    moved := jsonb_build_object(
        'credits', credits, 'overage', overage, 'used', used, 'lapsed', lapsed, 'held', source.held,
        'kept_credits', source.credits_remaining);
END
$$;

-- Both accounts, locked in the order of their ids, so that no two merges wait for each other.
CREATE FUNCTION solaris.lock_both_v1(
    p_source text, p_target text, p_now timestamptz, OUT source solaris.accounts, OUT target solaris.accounts
)
LANGUAGE plpgsql AS $$
BEGIN
    IF p_source COLLATE "C" < p_target COLLATE "C" THEN
        source := solaris.lock_existing_v1(p_source, p_now);
        target := solaris.lock_existing_v1(p_target, p_now);
    ELSE
        target := solaris.lock_existing_v1(p_target, p_now);
        source := solaris.lock_existing_v1(p_source, p_now);
    END IF;
END
$$;

-- Merge p_source into p_target, once for each key. A dry run does all of it, and takes it back.
CREATE FUNCTION solaris.merge_accounts_v1(
    p_source text, p_target text, p_move_use boolean, p_dry_run boolean, p_reason text, p_actor text, p_key text,
    p_now timestamptz, OUT moved jsonb, OUT replayed boolean
)
LANGUAGE plpgsql AS $$
DECLARE
    both_accounts record;
    carried record;
    source solaris.accounts;
    target solaris.accounts;
    at timestamptz;
    requests bigint;
BEGIN
    IF p_source = p_target THEN
        RAISE EXCEPTION 'An account cannot be merged into itself.' USING ERRCODE = 'SH003';
    END IF;
    both_accounts := solaris.lock_both_v1(p_source, p_target, p_now);
    source := both_accounts.source;
    target := both_accounts.target;
    at := coalesce(p_now, clock_timestamp());
    -- Whatever was due for them has happened, even if nothing else does.
    PERFORM solaris.store_account_v1(source);
    PERFORM solaris.store_account_v1(target);

    SELECT a.after -> 'moved' INTO moved FROM solaris.audit AS a
    WHERE a.account_id = p_source AND a.action = 'account.merge' AND a.after ->> 'key' = p_key;
    replayed := FOUND;
    IF replayed THEN
        IF source.merged_into IS DISTINCT FROM p_target THEN
            RAISE EXCEPTION 'The idempotency key "%" was used for another merge.', p_key USING ERRCODE = 'SH002';
        END IF;
        RETURN;
    END IF;
    IF source.merged_into IS NOT NULL AND source.status <> 'active' THEN
        RAISE EXCEPTION 'Account "%" was merged into "%" before.', p_source, source.merged_into USING ERRCODE = 'SH002';
    END IF;
    IF target.merged_into IS NOT NULL AND target.status <> 'active' THEN
        RAISE EXCEPTION 'Account "%" was merged into "%" itself; merge into that one.', p_target, target.merged_into
            USING ERRCODE = 'SH002';
    END IF;

    BEGIN
        carried := solaris.carry_over_v1(source, target, p_move_use, p_key, p_reason, p_actor, at);
        UPDATE solaris.credit_requests AS r SET account_id = p_target
        WHERE r.account_id = p_source AND r.state = 'requested';
        GET DIAGNOSTICS requests = ROW_COUNT;
        moved := carried.moved || jsonb_build_object('requests', requests);
        IF p_dry_run THEN
            RAISE EXCEPTION 'only tried' USING ERRCODE = 'SH000';
        END IF;
        source := carried.source;
        target := carried.target;
        PERFORM solaris.record_v1(
            'account.merge', p_source, p_target, jsonb_build_object('status', source.status),
            jsonb_build_object('status', 'blocked', 'merged_into', p_target, 'key', p_key, 'moved', moved),
            p_reason, p_actor, at);
        PERFORM solaris.record_v1(
            'account.merge', p_target, p_source, NULL, jsonb_build_object('merged', p_source, 'moved', moved),
            p_reason, p_actor, at);
        source.status := 'blocked';
        source.status_reason := NULL;
        target.email := coalesce(nullif(target.email, ''), source.email);
        target.name := coalesce(nullif(target.name, ''), source.name);
        source := solaris.emit_v1(
            source, 'account.merged', 'merge:' || p_key, at, jsonb_build_object('into', p_target, 'moved', moved), FALSE);
        PERFORM solaris.store_account_v1(source);
        PERFORM solaris.store_account_v1(target);
        UPDATE solaris.accounts AS a SET merged_into = p_target WHERE a.account_id = p_source;
        UPDATE solaris.accounts AS a SET merged_into = NULL
        WHERE a.account_id = p_target AND a.merged_into IS NOT NULL;
        UPDATE solaris.end_users AS e SET account_id = p_target, merged = TRUE WHERE e.account_id = p_source;
        PERFORM solaris.summarize_now_v1(p_source);
        PERFORM solaris.summarize_now_v1(p_target);
    EXCEPTION WHEN SQLSTATE 'SH000' THEN
        NULL; -- what was written is taken back; the figures stay
    END;
END
$$;

-- Of one merged account whose requests have ended by now, move what they left or owe. Its id; null where there is none.
CREATE FUNCTION solaris.finish_merge_v1(p_now timestamptz) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    due record;
    both_accounts record;
    carried record;
    source solaris.accounts;
BEGIN
    FOR due IN
        SELECT a.account_id, solaris.merged_into_v1(a.account_id) AS payer FROM solaris.accounts AS a
        WHERE a.merged_into IS NOT NULL AND a.status <> 'active' AND a.held = 0
            AND (a.credits_remaining > 0 OR a.overage > 0)
        ORDER BY a.account_id COLLATE "C"
        LIMIT 1
    LOOP
        both_accounts := solaris.lock_both_v1(due.account_id, due.payer, p_now);
        source := both_accounts.source;
        IF source.held > 0 OR source.credits_remaining + source.overage = 0 OR source.status = 'active' THEN
            PERFORM solaris.store_account_v1(source);
            PERFORM solaris.store_account_v1(both_accounts.target);
            RETURN due.account_id;
        END IF;
        carried := solaris.carry_over_v1(
            source, both_accounts.target, FALSE, 'rest:' || left(encode(source.chain, 'hex'), 32), NULL, 'system',
            coalesce(p_now, clock_timestamp()));
        PERFORM solaris.store_account_v1(carried.source);
        PERFORM solaris.store_account_v1(carried.target);
        PERFORM solaris.summarize_now_v1(due.account_id);
        PERFORM solaris.summarize_now_v1(due.payer);
        RETURN due.account_id;
    END LOOP;
    RETURN NULL;
END
$$;
