-- Accounts that people make have the months of their plan, as those have that requests make.
-- depends: 0062.member-limits 0045.audit
--
-- Errors of our own: as in 0004.

-- Change an account, making it if it is missing, with the months that its plan wants unless others are given. Null leaves a field as it is; p_clear names those that become null
-- (status_reason, email, name). Whoever takes an account out of use says why.
CREATE OR REPLACE FUNCTION solaris.put_account_v2(
    p_account_id text, p_plan_id text, p_status text, p_status_reason text, p_email text, p_name text,
    p_locale text, p_time_zone text, p_anchor_day integer, p_clear text [], p_reason text, p_actor text,
    p_default_plan_id text, p_default_locale text, p_default_time_zone text, p_default_anchor_day integer,
    p_now timestamptz
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    p solaris.plans;
    at timestamptz;
    created boolean := false;
    before jsonb;
    after jsonb;
    status_before text;
    written bigint;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    IF account.account_id IS NULL THEN
        p := solaris.plan_v1(coalesce(p_plan_id, p_default_plan_id));
        created := solaris.open_account_v1(
            p_account_id, p.plan_id, coalesce(p_locale, p_default_locale),
            coalesce(p_time_zone, p.time_zone, p_default_time_zone),
            coalesce(p_anchor_day, p.anchor_day, p_default_anchor_day), p_email, p_now);
        account := solaris.lock_account_v1(p_account_id, p_now);
    END IF;
    at := coalesce(p_now, clock_timestamp());
    before := solaris.profile_v1(account);
    status_before := account.status;

    IF p_plan_id IS NOT NULL AND p_plan_id <> account.plan_id THEN
        account.plan_id := p_plan_id;
        account := solaris.adopt_plan_v1(account, solaris.plan_tokens_v1(p_plan_id), at, p_actor);
    END IF;
    account.status := coalesce(p_status, account.status);
    account.status_reason := CASE WHEN account.status = 'active' OR 'status_reason' = ANY (p_clear) THEN NULL
        ELSE coalesce(p_status_reason, account.status_reason) END;
    IF account.status NOT IN (status_before, 'active')
        AND coalesce(nullif(btrim(account.status_reason), ''), nullif(btrim(p_reason), '')) IS NULL THEN
        RAISE EXCEPTION 'Say why the account becomes %: give a reason.', account.status USING ERRCODE = 'SH003';
    END IF;
    account.email := CASE WHEN 'email' = ANY (p_clear) THEN NULL ELSE coalesce(p_email, account.email) END;
    account.name := CASE WHEN 'name' = ANY (p_clear) THEN NULL ELSE coalesce(p_name, account.name) END;
    account.locale := coalesce(p_locale, account.locale);
    IF p_time_zone <> account.time_zone OR p_anchor_day <> account.anchor_day THEN
        account.time_zone := coalesce(p_time_zone, account.time_zone);
        account.anchor_day := coalesce(p_anchor_day, account.anchor_day);
        account.period_end := solaris.rescheduled_end_v1(
            account.period_end, account.time_zone, account.anchor_day);
    END IF;

    after := solaris.profile_v1(account);
    IF created THEN
        written := solaris.record_v1(
            'account.create', p_account_id, p_account_id, NULL, after, p_reason, p_actor, at);
    ELSIF before <> after THEN
        written := solaris.record_v1(
            'account.change', p_account_id, p_account_id, solaris.differing_v1(before, after),
            solaris.differing_v1(after, before), coalesce(p_reason, p_status_reason), p_actor, at);
    END IF;
    IF account.status <> status_before AND account.status <> 'pending' THEN
        account := solaris.emit_v1(
            account, CASE account.status WHEN 'active' THEN 'account.reactivated' ELSE 'account.suspended' END,
            'status:' || written, at,
            jsonb_build_object('status', account.status, 'reason', account.status_reason), false);
    END IF;
    PERFORM solaris.store_account_v1(account);
    RETURN account;
END
$$;
