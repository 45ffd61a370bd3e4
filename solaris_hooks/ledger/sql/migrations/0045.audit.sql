-- What people change is written down with who, why, before and after, in the transaction of the change.
-- depends: 0031.event-sources
--
-- Errors of our own: as in 0004.

-- Write down a change. p_before is null where nothing was there before. Returns the row's number.
CREATE FUNCTION solaris.record_v1(
    p_action text, p_account_id text, p_subject text, p_before jsonb, p_after jsonb,
    p_reason text, p_actor text, p_at timestamptz
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO solaris.audit (at, actor, action, account_id, subject, before, after, reason)
    VALUES (p_at, p_actor, p_action, p_account_id, p_subject, p_before, p_after, p_reason)
    RETURNING number INTO written;
    RETURN written;
END
$$;

-- What people can change of an account, and what follows from it.
CREATE FUNCTION solaris.profile_v1(a solaris.accounts) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'plan', a.plan_id, 'status', a.status, 'status_reason', a.status_reason, 'email', a.email, 'name', a.name,
        'locale', a.locale, 'time_zone', a.time_zone, 'anchor_day', a.anchor_day,
        'period_end', to_char(a.period_end AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
END
$$;

-- The fields of p_these that are others in p_those; null where none is.
CREATE FUNCTION solaris.differing_v1(p_these jsonb, p_those jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (
        SELECT jsonb_object_agg(field.key, field.value) FROM jsonb_each(p_these) AS field
        WHERE field.value IS DISTINCT FROM p_those -> field.key);
END
$$;

-- When the present period ends once the account has another time zone or anchor day: never earlier than it does. Where
-- little of the new calendar's month would be left then, the period lasts until the next one begins: or the account
-- would be granted two allowances in a short time.
CREATE FUNCTION solaris.rescheduled_end_v1(p_period_end timestamptz, p_time_zone text, p_anchor_day integer)
RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    month record;
BEGIN
    SELECT * INTO month FROM solaris.period_bounds_v1(p_period_end, p_time_zone, p_anchor_day);
    IF extract(EPOCH FROM p_period_end - month.starts) > extract(EPOCH FROM month.ends - p_period_end) THEN
        RETURN month.ends;
    END IF;
    RETURN p_period_end;
END
$$;

-- Change an account, making it if it is missing. Null leaves a field as it is; p_clear names those that become null
-- (status_reason, email, name). Whoever takes an account out of use says why.
CREATE FUNCTION solaris.put_account_v2(
    p_account_id text, p_plan_id text, p_status text, p_status_reason text, p_email text, p_name text,
    p_locale text, p_time_zone text, p_anchor_day integer, p_clear text [], p_reason text, p_actor text,
    p_default_plan_id text, p_default_locale text, p_default_time_zone text, p_default_anchor_day integer,
    p_now timestamptz
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz;
    created boolean := false;
    before jsonb;
    after jsonb;
    status_before text;
    written bigint;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    IF account.account_id IS NULL THEN
        created := solaris.open_account_v1(
            p_account_id, coalesce(p_plan_id, p_default_plan_id), coalesce(p_locale, p_default_locale),
            coalesce(p_time_zone, p_default_time_zone), coalesce(p_anchor_day, p_default_anchor_day),
            p_email, p_now);
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

-- Add a lot of credits to an account that is locked; what is owed is taken from it first. The caller stores the account.
CREATE FUNCTION solaris.credit_v1(
    account solaris.accounts, p_lot_id uuid, p_tokens bigint, p_origin text, p_reason text, p_actor text,
    p_key text, p_expires_at timestamptz, p_in_chat boolean, p_at timestamptz
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    repaid bigint := least(account.overage, p_tokens);
BEGIN
    IF p_origin NOT IN ('grant', 'purchase', 'bonus', 'compensation', 'request') THEN
        RAISE EXCEPTION 'Credits do not come from "%".', p_origin USING ERRCODE = 'SH003';
    END IF;
    IF p_expires_at <= p_at THEN
        RAISE EXCEPTION 'Credits must expire in the future, not at %.', p_expires_at USING ERRCODE = 'SH003';
    END IF;
    INSERT INTO solaris.credit_lots (
        account_id, lot_id, tokens, remaining, origin, reason, actor, created_at, expires_at)
    VALUES (
        account.account_id, p_lot_id, p_tokens, p_tokens - repaid, p_origin, p_reason, p_actor, p_at, p_expires_at);
    account.overage := account.overage - repaid;
    account.credits_used := account.credits_used + repaid;
    account.credits_remaining := account.credits_remaining + p_tokens - repaid;
    IF p_tokens > repaid THEN
        account.next_lot_expiry := least(account.next_lot_expiry, p_expires_at);
    END IF;
    account := solaris.append_entry_v1(
        account, 'credit', p_tokens, p_at, p_actor, p_reason, 'credit:' || p_key,
        json_build_object('lot_id', p_lot_id, 'origin', p_origin,
            'expires_at', to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'overage_repaid', repaid));
    account := solaris.rearm_v1(account);
    RETURN solaris.emit_v1(
        account, 'credit.granted', 'credit:' || p_lot_id, p_at,
        jsonb_build_object('tokens', p_tokens, 'lot_id', p_lot_id, 'origin', p_origin, 'reason', p_reason,
            'expires_at', to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
        p_in_chat);
END
$$;

-- Grant credits, once for each key, and write it down. True if the key granted them before.
CREATE FUNCTION solaris.grant_credits_v2(
    p_account_id text, p_lot_id uuid, p_tokens bigint, p_origin text, p_reason text, p_actor text,
    p_key text, p_expires_at timestamptz, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz;
    first record;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    IF account.account_id IS NULL THEN
        RAISE EXCEPTION 'There is no account "%".', p_account_id USING ERRCODE = 'SH004';
    END IF;
    SELECT e.tokens, lot.origin, lot.expires_at INTO first
    FROM solaris.entries AS e
    JOIN solaris.credit_lots AS lot
        ON lot.account_id = e.account_id AND lot.lot_id = (e.details ->> 'lot_id')::uuid
    WHERE e.account_id = p_account_id AND e.idempotency_key = 'credit:' || p_key;
    IF FOUND THEN
        IF first.tokens <> p_tokens OR first.origin <> p_origin
            OR first.expires_at IS DISTINCT FROM p_expires_at THEN
            RAISE EXCEPTION 'The idempotency key "%" was used for another grant.', p_key USING ERRCODE = 'SH002';
        END IF;
        PERFORM solaris.store_account_v1(account);
        RETURN true;
    END IF;
    account := solaris.credit_v1(
        account, p_lot_id, p_tokens, p_origin, p_reason, p_actor, p_key, p_expires_at,
        p_origin <> 'request', at); -- what was asked for is told with the answer to the request
    PERFORM solaris.record_v1(
        'credits.grant', p_account_id, p_lot_id::text, NULL,
        jsonb_build_object('tokens', p_tokens, 'origin', p_origin, 'key', p_key,
            'expires_at', to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
        p_reason, p_actor, at);
    PERFORM solaris.store_account_v1(account);
    RETURN false;
END
$$;
