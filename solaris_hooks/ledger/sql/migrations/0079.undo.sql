-- What people changed can be changed back, as far as nothing changed since.
-- depends: 0078.batches
--
-- Errors of our own: as in 0004.

-- Put the fields of an account back that a change of it changed.
CREATE FUNCTION solaris.restore_v1(r solaris.audit, p_reason text, p_actor text, p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM solaris.put_account_v2(
        r.account_id, r.before ->> 'plan', r.before ->> 'status', r.before ->> 'status_reason', r.before ->> 'email',
        r.before ->> 'name', r.before ->> 'locale', NULL, NULL,
        ARRAY(SELECT f.key FROM jsonb_each(r.before) AS f WHERE f.value = 'null'), p_reason, p_actor,
        NULL, NULL, NULL, NULL, p_now);
END
$$;

-- Undo what a row of the audit trail tells of, once. The number of the row that tells of the undoing.
CREATE FUNCTION solaris.undo_v1(p_number bigint, p_reason text, p_actor text, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    r solaris.audit;
    account solaris.accounts;
    present jsonb;
    again bigint;
    taken record;
BEGIN
    SELECT * INTO r FROM solaris.audit AS a WHERE a.number = p_number;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no change %.', p_number USING ERRCODE = 'SH004';
    END IF;
    IF r.account_id IS NOT NULL THEN
        account := solaris.lock_existing_v1(r.account_id, p_now);
        PERFORM solaris.store_account_v1(account);
    END IF;
    again := (SELECT a.number FROM solaris.audit AS a WHERE a.undoes = p_number);
    IF again IS NOT NULL THEN
        RAISE EXCEPTION 'Change % was undone by change %.', p_number, again USING ERRCODE = 'SH002';
    END IF;
    present := CASE r.action
        WHEN 'account.change' THEN solaris.profile_v1(account)
        WHEN 'account.plan' THEN jsonb_build_object('plan', account.plan_id)
        WHEN 'account.plan_scheduled' THEN jsonb_build_object('scheduled_plan', account.scheduled ->> 'plan')
        WHEN 'account.mails' THEN solaris.preferences_v1(account)
        WHEN 'account.preferences' THEN solaris.preferences_v1(account) END;
    IF EXISTS (
        SELECT FROM jsonb_each(r.after) AS field
        WHERE present ? field.key AND present -> field.key <> field.value) THEN
        RAISE EXCEPTION 'Change % cannot be undone: what it changed has changed since.', p_number USING ERRCODE = 'SH002';
    END IF;
    PERFORM set_config('solaris.undoes', p_number::text, TRUE);
    CASE
    WHEN r.action = 'account.change' AND NOT r.after ?| '{time_zone,anchor_day}'
        AND NOT EXISTS (SELECT FROM jsonb_each(r.before) AS f WHERE f.value = '"[erased]"') THEN
        PERFORM solaris.restore_v1(r, p_reason, p_actor, p_now);
    WHEN r.action = 'account.plan' THEN
        PERFORM solaris.change_plan_v1(r.account_id, r.before ->> 'plan', FALSE, FALSE, p_reason, p_actor, p_now);
    WHEN r.action = 'account.plan_scheduled' THEN
        PERFORM solaris.change_plan_v1(
            r.account_id, coalesce(r.before ->> 'scheduled_plan', account.plan_id), TRUE, FALSE, p_reason, p_actor, p_now);
    WHEN r.action = 'credits.grant' THEN
        taken := solaris.revoke_credits_v1(
            r.account_id, r.subject::uuid, p_reason, p_actor, 'undo:' || p_number, p_now);
        IF taken.revoked = 0 THEN
            RAISE EXCEPTION 'Change % cannot be undone: nothing of these credits is left, or requests in flight hold it.',
                p_number USING ERRCODE = 'SH002';
        END IF;
    WHEN r.action IN ('account.mails', 'account.preferences') THEN
        PERFORM solaris.set_preferences_v1(
            r.account_id, r.before ->> 'locale', (r.before ->> 'mails')::boolean,
            (r.before ->> 'chat_notices')::boolean, p_reason, p_actor, p_now);
    ELSE
        RAISE EXCEPTION 'A change of this kind (%) cannot be undone.', r.action USING ERRCODE = 'SH003';
    END CASE;
    PERFORM set_config('solaris.undoes', '', TRUE);
    RETURN (SELECT a.number FROM solaris.audit AS a WHERE a.undoes = p_number);
END
$$;
