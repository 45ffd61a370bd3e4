-- What is known of a member of a team can be erased: for himself, with the account of his own, and with the team's.
-- depends: 0062.member-limits 0066.refusals-of-members 0077.erasure
--
-- Errors of our own: as in 0004.

ALTER TABLE solaris.members ADD COLUMN erased_at timestamptz;

-- Of a member who was forgotten no address is learned again while he, or his whole team, is out of use.
CREATE FUNCTION solaris.keep_forgotten_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (new.erased_at IS NOT NULL AND new.limit_is_own AND new.own_limit = 0) OR EXISTS (
        SELECT FROM solaris.accounts AS a
        WHERE a.account_id = new.account_id AND a.erased_at IS NOT NULL AND a.status <> 'active') THEN
        new.email := NULL;
    END IF;
    RETURN new;
END
$$;
-- Called for a new address alone, so that requests do not pay for it.
CREATE TRIGGER keep_forgotten BEFORE UPDATE OF email ON solaris.members
FOR EACH ROW WHEN (new.email IS NOT NULL AND new.email IS DISTINCT FROM old.email)
EXECUTE FUNCTION solaris.keep_forgotten_v1();

-- Forget what a team's account knows of one member: his address, and every text of his or about him. What he used stays,
-- under his id. He can use nothing afterwards, until he gets another limit. Returns what was erased, in numbers.
CREATE FUNCTION solaris.forget_member_v1(p_account_id text, p_member_id text, p_actor text, p_now timestamptz)
RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts := solaris.lock_existing_v1(p_account_id, p_now);
    at timestamptz := coalesce(p_now, clock_timestamp());
    erased text := '[erased]';
    member solaris.members;
    asked text[];
    texts bigint;
    events bigint;
    rows_of_audit bigint;
    clear_reasons bigint;
BEGIN
    SELECT * INTO member FROM solaris.members AS m
    WHERE m.account_id = p_account_id AND m.member_id = p_member_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The account "%" has no member "%".', p_account_id, p_member_id USING ERRCODE = 'SH001';
    END IF;
    member := solaris.member_v1(account, p_member_id, at);
    PERFORM set_config('solaris.erasing', p_account_id, TRUE);
    -- What he asked for, and what came of it, in his words and in those of whoever answered.
    UPDATE solaris.credit_lots AS lot SET reason = erased FROM solaris.credit_requests AS r
    WHERE r.account_id = p_account_id AND r.requested_by = p_member_id
        AND lot.account_id = r.account_id AND lot.lot_id = r.lot_id;
    WITH changed AS (
        UPDATE solaris.credit_requests AS r SET
            reason = erased,
            decision_reason = CASE WHEN r.decision_reason IS NOT NULL THEN erased END,
            state = CASE WHEN r.state = 'requested' THEN 'cancelled' ELSE r.state END,
            decided_at = coalesce(r.decided_at, at), decided_by = coalesce(r.decided_by, p_actor)
        WHERE r.account_id = p_account_id AND r.requested_by = p_member_id
        RETURNING r.request_id
    )
    SELECT coalesce(array_agg(c.request_id::text), '{}') INTO asked FROM changed AS c;
    clear_reasons := (
        SELECT count(*) FROM solaris.entries AS e
        WHERE e.account_id = p_account_id AND e.reason !~ '^sha256:[0-9a-f]{64}$'
            AND e.idempotency_key = ANY (SELECT 'credit:request:' || each.id FROM unnest(asked) AS each (id)));
    DELETE FROM solaris.entry_texts AS t USING solaris.entries AS e
    WHERE t.account_id = p_account_id AND e.account_id = t.account_id AND e.number = t.number
        AND e.idempotency_key = ANY (SELECT 'credit:request:' || each.id FROM unnest(asked) AS each (id));
    GET DIAGNOSTICS texts = ROW_COUNT;
    UPDATE solaris.events AS e SET details = solaris.without_texts_v1(e.details)
    WHERE e.account_id = p_account_id
        AND (e.details ->> 'request_id' = ANY (asked) OR e.details ->> 'lot_id' IN (
            SELECT r.lot_id::text FROM solaris.credit_requests AS r
            WHERE r.account_id = p_account_id AND r.requested_by = p_member_id));
    GET DIAGNOSTICS events = ROW_COUNT;
    IF member.email IS NOT NULL THEN -- in events about no account, such as mails that failed
        UPDATE solaris.events AS e
        SET details = replace(e.details::text, to_json(member.email)::text, '"[erased]"')::jsonb
        WHERE e.account_id = '' AND position(to_json(member.email)::text IN e.details::text) > 0;
    END IF;
    UPDATE solaris.refusals AS f SET
        message = erased, key_prefix = NULL, figures = solaris.without_texts_v1(f.figures::jsonb)::json
    WHERE f.account_id = p_account_id AND f.member_id = p_member_id;
    UPDATE solaris.audit AS a SET
        before = solaris.without_texts_v1(a.before), after = solaris.without_texts_v1(a.after),
        reason = CASE WHEN a.reason IS NOT NULL THEN erased END
    WHERE a.account_id = p_account_id AND (
        a.subject = p_member_id OR a.actor = p_member_id OR a.subject = ANY (asked) OR a.subject IN (
            SELECT r.lot_id::text FROM solaris.credit_requests AS r
            WHERE r.account_id = p_account_id AND r.requested_by = p_member_id));
    GET DIAGNOSTICS rows_of_audit = ROW_COUNT;
    PERFORM set_config('solaris.erasing', '', TRUE);

    member.email := NULL;
    member.limit_is_own := TRUE;
    member.own_limit := 0;
    UPDATE solaris.members AS m SET erased_at = at
    WHERE m.account_id = p_account_id AND m.member_id = p_member_id;
    PERFORM solaris.store_member_v1(member);
    PERFORM solaris.store_account_v1(account);
    RETURN jsonb_build_object(
        'entry_texts', texts, 'events', events, 'deliveries', 0, 'audit_rows', rows_of_audit,
        'clear_reasons', clear_reasons);
END
$$;

-- Forget one member of a team. Audited, without what was erased.
CREATE FUNCTION solaris.erase_member_v1(
    p_account_id text, p_member_id text, p_reason text, p_actor text, p_now timestamptz
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    counted jsonb := solaris.forget_member_v1(p_account_id, p_member_id, p_actor, p_now);
BEGIN
    PERFORM solaris.record_v1(
        'member.erase', p_account_id, p_member_id, NULL, counted, p_reason, p_actor, coalesce(p_now, clock_timestamp()));
    RETURN counted;
END
$$;

-- As before; and of a team's members, and of what teams know of a person.
CREATE OR REPLACE FUNCTION solaris.erase_account_v1(p_account_id text, p_reason text, p_actor text, p_now timestamptz)
RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts := solaris.lock_existing_v1(p_account_id, p_now);
    at timestamptz := coalesce(p_now, clock_timestamp());
    erased text := '[erased]';
    persons text[];
    person text;
    team text;
    texts bigint;
    events bigint;
    deliveries bigint;
    rows_of_audit bigint;
    clear_reasons bigint;
    counted jsonb;
BEGIN
    persons := ARRAY[account.name, account.email] || (
        SELECT coalesce(array_agg(m.email), '{}') FROM solaris.members AS m WHERE m.account_id = p_account_id);
    -- Of a team all members; of a person also what teams know of him.
    UPDATE solaris.members AS m SET email = NULL, erased_at = at WHERE m.account_id = p_account_id;
    FOR team IN
        SELECT m.account_id FROM solaris.members AS m WHERE m.member_id = p_account_id ORDER BY m.account_id COLLATE "C"
    LOOP
        PERFORM solaris.forget_member_v1(team, p_account_id, p_actor, p_now);
    END LOOP;
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
    FOREACH person IN ARRAY persons LOOP
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
