-- Personal data can be erased, and the books still balance: what people write stands beside the chain, which has a
-- salted digest of it.
-- depends: 0065.refusals 0076.merge
--
-- Errors of our own: as in 0004.

-- The reasons of entries in the words of whoever gave them. The chain covers their digests: a text that is gone leaves
-- the chain whole, one that was changed is found out, and without the salt nobody can guess it from its digest.
CREATE TABLE solaris.entry_texts (
    account_id text NOT NULL,
    number bigint NOT NULL,
    salt bytea NOT NULL CHECK (octet_length(salt) = 16),
    said text NOT NULL,
    PRIMARY KEY (account_id, number)
);

CREATE FUNCTION solaris.sealed_reason_v1(p_salt bytea, p_said text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN 'sha256:' || encode(sha256(p_salt || convert_to(p_said, 'UTF8')), 'hex');
END
$$;

-- What people read of a reason: its words, or that they were erased. Entries from before this migration have the words.
CREATE FUNCTION solaris.read_reason_v1(p_reason text, p_said text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(p_said, CASE WHEN p_reason ~ '^sha256:[0-9a-f]{64}$' THEN '[erased]' ELSE p_reason END);
END
$$;

-- As before; but of a reason the chain gets the digest.
CREATE OR REPLACE FUNCTION solaris.append_entry_v1(
    a solaris.accounts, p_kind text, p_tokens bigint, p_at timestamptz,
    p_actor text, p_reason text, p_key text, p_details json
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    previous bytea := a.chain;
    allowance_after bigint := a.allowance_granted - a.allowance_used;
    salt bytea;
    sealed text;
BEGIN
    a.entries := a.entries + 1;
    IF p_reason IS NOT NULL THEN -- what requests use has none
        salt := uuid_send(gen_random_uuid());
        sealed := solaris.sealed_reason_v1(salt, p_reason);
        INSERT INTO solaris.entry_texts (account_id, number, salt, said)
        VALUES (a.account_id, a.entries, salt, p_reason);
    END IF;
    a.chain := solaris.entry_digest_v1(
        previous, a.account_id, a.entries, p_kind, p_tokens, allowance_after, a.credits_remaining,
        a.overage, p_at, p_actor, sealed, p_key, p_details::text);
    INSERT INTO solaris.entries (
        account_id, number, kind, tokens, allowance_after, credits_after, overage_after,
        at, actor, reason, idempotency_key, details, previous_hash, hash)
    VALUES (
        a.account_id, a.entries, p_kind, p_tokens, allowance_after, a.credits_remaining, a.overage,
        p_at, p_actor, sealed, p_key, p_details, previous, a.chain);
    RETURN a;
END
$$;

-- As before; but of a person who was forgotten nothing is learned again while his account is out of use.
CREATE OR REPLACE FUNCTION solaris.store_account_v1(a solaris.accounts) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    forgotten boolean := a.erased_at IS NOT NULL AND a.status <> 'active';
BEGIN
    UPDATE solaris.accounts SET
        plan_id = a.plan_id, plan_tokens = a.plan_tokens, status = a.status, status_reason = a.status_reason,
        email = CASE WHEN forgotten THEN NULL ELSE a.email END, name = CASE WHEN forgotten THEN NULL ELSE a.name END,
        locale = a.locale, time_zone = a.time_zone, anchor_day = a.anchor_day,
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

-- Of the audit trail an erasure may take texts away: who changed which fields of what, and when, stays as it is.
CREATE FUNCTION solaris.refuse_change_v3() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF tg_op = 'UPDATE' AND current_setting('solaris.erasing', TRUE) = OLD.account_id
        AND (NEW.number, NEW.at, NEW.actor, NEW.action, NEW.account_id, NEW.subject)
        = (OLD.number, OLD.at, OLD.actor, OLD.action, OLD.account_id, OLD.subject) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'solaris.% is append-only: no %', tg_table_name, tg_op USING ERRCODE = 'SH006';
END
$$;
DROP TRIGGER append_only ON solaris.audit;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON solaris.audit
FOR EACH ROW EXECUTE FUNCTION solaris.refuse_change_v3();

-- JSON of ours without what it says of a person: these fields keep their names and lose what they said.
CREATE FUNCTION solaris.without_texts_v1(p_facts jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN p_facts IS NULL THEN NULL ELSE p_facts || (
        SELECT coalesce(jsonb_object_agg(field.key, '[erased]'), '{}') FROM jsonb_each(p_facts) AS field
        WHERE field.key IN ('email', 'name', 'status_reason', 'reason', 'text', 'target', 'error')
            AND field.value <> 'null') END;
END
$$;

-- Forget the person of an account. What he used and paid stays, under the account's id. The account is out of use
-- afterwards, with what it has. Returns what was erased, in numbers, and how many of its entries are from a time when
-- the chain had reasons in words: these stay.
CREATE FUNCTION solaris.erase_account_v1(p_account_id text, p_reason text, p_actor text, p_now timestamptz)
RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts := solaris.lock_existing_v1(p_account_id, p_now);
    at timestamptz := coalesce(p_now, clock_timestamp());
    erased text := '[erased]';
    person text;
    texts bigint;
    events bigint;
    deliveries bigint;
    rows_of_audit bigint;
    clear_reasons bigint;
    counted jsonb;
BEGIN
    PERFORM set_config('solaris.erasing', p_account_id, TRUE);
    DELETE FROM solaris.entry_texts AS t WHERE t.account_id = p_account_id;
    GET DIAGNOSTICS texts = ROW_COUNT;
    clear_reasons := (
        SELECT count(*) FROM solaris.entries AS e
        WHERE e.account_id = p_account_id AND e.reason !~ '^sha256:[0-9a-f]{64}$');
    UPDATE solaris.credit_lots AS lot SET reason = erased WHERE lot.account_id = p_account_id;
    UPDATE solaris.credit_requests AS r SET
        reason = erased,
        decision_reason = CASE WHEN r.decision_reason IS NOT NULL THEN erased END,
        state = CASE WHEN r.state = 'requested' THEN 'cancelled' ELSE r.state END,
        decided_at = coalesce(r.decided_at, p_now, clock_timestamp()),
        decided_by = coalesce(r.decided_by, p_actor)
    WHERE r.account_id = p_account_id;
    UPDATE solaris.events AS e SET
        details = solaris.without_texts_v1(e.details), told_at = coalesce(e.told_at, p_now, clock_timestamp()),
        dispatched_at = coalesce(e.dispatched_at, p_now, clock_timestamp())
    WHERE e.account_id = p_account_id;
    GET DIAGNOSTICS events = ROW_COUNT;
    -- Of events about no account: deliveries that failed name the address, reports the person.
    UPDATE solaris.events AS e SET details = solaris.without_texts_v1(e.details)
    WHERE e.account_id = '' AND e.details ->> 'account' = p_account_id;
    FOREACH person IN ARRAY ARRAY[account.name, account.email] LOOP
        UPDATE solaris.events AS e SET details = replace(e.details::text, to_json(person)::text, '"[erased]"')::jsonb
        WHERE e.account_id = '' AND position(to_json(person)::text IN e.details::text) > 0;
    END LOOP;
    UPDATE solaris.deliveries AS d SET
        target = erased || ':' || d.delivery_id, last_error = NULL,
        state = CASE WHEN d.state IN ('pending', 'failed') THEN 'skipped' ELSE d.state END,
        ended_at = coalesce(d.ended_at, p_now, clock_timestamp())
    WHERE d.account_id = p_account_id AND d.channel = 'mail' AND d.audience = 'user';
    GET DIAGNOSTICS deliveries = ROW_COUNT;
    -- What he read when he was refused may have had the reason of his status in it.
    UPDATE solaris.refusals AS f SET
        message = erased, key_prefix = NULL, figures = solaris.without_texts_v1(f.figures::jsonb)::json
    WHERE f.account_id = p_account_id;
    UPDATE solaris.audit AS a SET
        before = solaris.without_texts_v1(a.before), after = solaris.without_texts_v1(a.after),
        reason = CASE WHEN a.reason IS NOT NULL THEN erased END
    WHERE a.account_id = p_account_id;
    GET DIAGNOSTICS rows_of_audit = ROW_COUNT;
    PERFORM set_config('solaris.erasing', '', TRUE);

    account.email := NULL;
    account.name := NULL;
    account.status := 'blocked';
    account.status_reason := NULL;
    account.unread_notices := 0;
    account.erased_at := at;
    account.overrides := (
        SELECT coalesce(jsonb_object_agg(own.key, solaris.without_texts_v1(own.value)), '{}')
        FROM jsonb_each(account.overrides) AS own);
    account.scheduled := solaris.without_texts_v1(account.scheduled);
    UPDATE solaris.accounts AS a SET erased_at = account.erased_at WHERE a.account_id = p_account_id;
    PERFORM solaris.store_terms_v1(account);
    PERFORM solaris.store_account_v1(account);
    counted := jsonb_build_object(
        'entry_texts', texts, 'events', events, 'deliveries', deliveries, 'audit_rows', rows_of_audit,
        'clear_reasons', clear_reasons);
    PERFORM solaris.record_v1(
        'account.erase', p_account_id, p_account_id, NULL, counted, p_reason, p_actor, at);
    RETURN counted;
END
$$;
