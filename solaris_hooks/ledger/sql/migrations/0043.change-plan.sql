-- What people change of one account's terms: its plan, now or at the renewal, and what it has of its own.
-- depends: 0042.renew-due 0045.audit
--
-- Errors of our own: as in 0004.

-- What a change of plan changes, as the audit trail has it.
CREATE FUNCTION solaris.plan_facts_v1(a solaris.accounts) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'plan', a.plan_id, 'scheduled_plan', a.scheduled ->> 'plan', 'allowance', a.allowance_granted);
END
$$;

-- The account as of now, locked; an error where there is none.
CREATE FUNCTION solaris.lock_existing_v1(p_account_id text, p_now timestamptz) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts := solaris.lock_account_v1(p_account_id, p_now);
BEGIN
    IF account.account_id IS NULL THEN
        RAISE EXCEPTION 'There is no account "%".', p_account_id USING ERRCODE = 'SH004';
    END IF;
    RETURN account;
END
$$;

-- The allowance of a period in which the plan changes: the old part by time elapsed, the new by time left; both parts
-- of the time that is left are rounded down to whole tokens.
CREATE FUNCTION solaris.pro_rata_v1(
    p_granted bigint, p_before bigint, p_after bigint, p_starts timestamptz, p_ends timestamptz, p_at timestamptz
) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    length numeric := (extract(EPOCH FROM p_ends) - extract(EPOCH FROM p_starts)) * 1000000;
    rest numeric := greatest(0, (extract(EPOCH FROM p_ends) - extract(EPOCH FROM p_at)) * 1000000);
BEGIN
    RETURN greatest(0, p_granted - div(p_before * rest, length) + div(p_after * rest, length));
END
$$;

-- Change the account's plan, now or at its renewal. Whoever changes it now undoes what was scheduled, and the plan that
-- it has already, at the renewal, does so too.
CREATE FUNCTION solaris.change_plan_v1(
    p_account_id text, p_plan_id text, p_at_renewal boolean, p_pro_rata boolean, p_reason text, p_actor text,
    p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    p solaris.plans := solaris.plan_v1(p_plan_id);
    account solaris.accounts := solaris.lock_existing_v1(p_account_id, p_now);
    at timestamptz := coalesce(p_now, clock_timestamp());
    before jsonb := solaris.plan_facts_v1(account);
    monthly_before bigint := solaris.monthly_tokens_v1(account, account.plan_tokens);
    after jsonb;
BEGIN
    account.scheduled := NULL;
    IF p_at_renewal AND p_plan_id <> account.plan_id THEN
        account.scheduled := jsonb_build_object(
            'plan', p_plan_id, 'reason', p_reason, 'actor', p_actor, 'at', solaris.instant_text_v1(at));
    ELSIF p_plan_id <> account.plan_id THEN
        account.plan_id := p_plan_id;
        account := solaris.adopt_terms_v1(account, p, at);
        IF p_pro_rata THEN
            account.plan_tokens := p.monthly_tokens;
            account := solaris.grant_allowance_v1(
                account,
                solaris.pro_rata_v1(
                    account.allowance_granted, monthly_before, solaris.monthly_tokens_v1(account, p.monthly_tokens),
                    account.period_start, account.period_end, at),
                at, p_actor, p_reason);
        ELSE
            account := solaris.regrant_v1(account, monthly_before, p.monthly_tokens, at, p_actor, p_reason);
        END IF;
    END IF;
    after := solaris.plan_facts_v1(account);
    IF before <> after THEN
        PERFORM solaris.record_v1(
            CASE WHEN before ->> 'plan' <> p_plan_id AND NOT p_at_renewal THEN 'account.plan'
                WHEN p_at_renewal AND account.scheduled IS NOT NULL THEN 'account.plan_scheduled'
                ELSE 'account.plan_unscheduled' END,
            p_account_id, p_account_id, solaris.differing_v1(before, after), solaris.differing_v1(after, before),
            p_reason, p_actor, at);
    END IF;
    PERFORM solaris.store_terms_v1(account);
    PERFORM solaris.store_account_v1(account);
END
$$;

-- What p_fields are for one account, as the audit trail has it: null for its plan's.
CREATE FUNCTION solaris.override_facts_v1(a solaris.accounts, p_fields text []) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_object_agg(
            field, CASE WHEN a.overrides ? field THEN jsonb_build_object(
                'value', a.overrides -> field -> 'value', 'until', a.overrides -> field -> 'until') END)
        FROM unnest(p_fields) AS field);
END
$$;

-- Give the account terms of its own (p_values by field) until p_until, and take those of p_clear away.
CREATE FUNCTION solaris.put_overrides_v1(
    p_account_id text, p_values jsonb, p_clear text [], p_until timestamptz, p_reason text, p_actor text,
    p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts := solaris.lock_existing_v1(p_account_id, p_now);
    at timestamptz := coalesce(p_now, clock_timestamp());
    p solaris.plans := solaris.plan_v1(account.plan_id);
    fields text[] := p_clear || ARRAY(SELECT jsonb_object_keys(p_values));
    before jsonb := solaris.override_facts_v1(account, fields);
    monthly_before bigint := solaris.monthly_tokens_v1(account, account.plan_tokens);
    after jsonb;
BEGIN
    IF p_until <= at THEN
        RAISE EXCEPTION 'An override must end in the future, not at %.', p_until USING ERRCODE = 'SH003';
    END IF;
    account.overrides := (account.overrides - p_clear) || (
        SELECT coalesce(jsonb_object_agg(own.key, jsonb_build_object(
            'value', own.value, 'until', solaris.instant_text_v1(p_until), 'reason', p_reason, 'actor', p_actor,
            'at', solaris.instant_text_v1(at))), '{}')
        FROM jsonb_each(p_values) AS own);
    account := solaris.adopt_terms_v1(account, p, at);
    account := solaris.regrant_v1(account, monthly_before, p.monthly_tokens, at, p_actor, p_reason);
    after := solaris.override_facts_v1(account, fields);
    IF before <> after THEN
        PERFORM solaris.record_v1(
            'account.overrides', p_account_id, p_account_id, solaris.differing_v1(before, after),
            solaris.differing_v1(after, before), p_reason, p_actor, at);
    END IF;
    PERFORM solaris.store_terms_v1(account);
    PERFORM solaris.store_account_v1(account);
END
$$;
