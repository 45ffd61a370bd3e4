-- Accounts and credits: what people change.
-- depends: 0005.metering

-- The account as of now; null if there is none.
CREATE FUNCTION solaris.refresh_account_v1(p_account_id text, p_now timestamptz) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    IF account.account_id IS NOT NULL THEN
        PERFORM solaris.store_account_v1(account);
    END IF;
    RETURN account;
END
$$;

-- Change an account, making it if it is missing. Null leaves a field as it is.
CREATE FUNCTION solaris.put_account_v1(
    p_account_id text, p_plan_id text, p_status text, p_status_reason text, p_email text, p_name text,
    p_locale text, p_time_zone text, p_anchor_day integer, p_actor text,
    p_default_plan_id text, p_default_locale text, p_default_time_zone text, p_default_anchor_day integer,
    p_now timestamptz
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    IF account.account_id IS NULL THEN
        PERFORM solaris.open_account_v1(
            p_account_id, coalesce(p_plan_id, p_default_plan_id), coalesce(p_locale, p_default_locale),
            coalesce(p_time_zone, p_default_time_zone), coalesce(p_anchor_day, p_default_anchor_day),
            p_email, p_now);
        account := solaris.lock_account_v1(p_account_id, p_now);
        at := coalesce(p_now, clock_timestamp());
    END IF;
    IF p_plan_id IS NOT NULL AND p_plan_id <> account.plan_id THEN
        account.plan_id := p_plan_id;
        account := solaris.adopt_plan_v1(account, solaris.plan_tokens_v1(p_plan_id), at, p_actor);
    END IF;
    account.status := coalesce(p_status, account.status);
    account.status_reason := CASE WHEN account.status = 'active' THEN NULL
        ELSE coalesce(p_status_reason, account.status_reason) END;
    account.email := coalesce(p_email, account.email);
    account.name := coalesce(p_name, account.name);
    account.locale := coalesce(p_locale, account.locale);
    IF p_time_zone <> account.time_zone OR p_anchor_day <> account.anchor_day THEN
        account.time_zone := coalesce(p_time_zone, account.time_zone);
        account.anchor_day := coalesce(p_anchor_day, account.anchor_day);
        account.period_end := (solaris.period_bounds_v1(at, account.time_zone, account.anchor_day)).ends;
    END IF;
    PERFORM solaris.store_account_v1(account);
    RETURN account;
END
$$;

-- Grant credits, once for each key; what is owed is taken from them first. True if the key granted them before.
CREATE FUNCTION solaris.grant_credits_v1(
    p_account_id text, p_lot_id uuid, p_tokens bigint, p_origin text, p_reason text, p_actor text,
    p_key text, p_expires_at timestamptz, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz;
    repaid bigint;
    before record;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    IF account.account_id IS NULL THEN
        RAISE EXCEPTION 'There is no account "%".', p_account_id USING ERRCODE = 'SH004';
    END IF;
    SELECT e.tokens, lot.origin, lot.expires_at INTO before
    FROM solaris.entries AS e
    JOIN solaris.credit_lots AS lot
        ON lot.account_id = e.account_id AND lot.lot_id = (e.details ->> 'lot_id')::uuid
    WHERE e.account_id = p_account_id AND e.idempotency_key = 'credit:' || p_key;
    IF FOUND THEN
        IF before.tokens <> p_tokens OR before.origin <> p_origin
            OR before.expires_at IS DISTINCT FROM p_expires_at THEN
            RAISE EXCEPTION 'The idempotency key "%" was used for another grant.', p_key USING ERRCODE = 'SH002';
        END IF;
        PERFORM solaris.store_account_v1(account);
        RETURN true;
    END IF;
    IF p_expires_at <= at THEN
        RAISE EXCEPTION 'Credits must expire in the future, not at %.', p_expires_at USING ERRCODE = 'SH003';
    END IF;
    repaid := least(account.overage, p_tokens);
    INSERT INTO solaris.credit_lots (
        account_id, lot_id, tokens, remaining, origin, reason, actor, created_at, expires_at)
    VALUES (
        p_account_id, p_lot_id, p_tokens, p_tokens - repaid, p_origin, p_reason, p_actor, at, p_expires_at);
    account.overage := account.overage - repaid;
    account.credits_used := account.credits_used + repaid;
    account.credits_remaining := account.credits_remaining + p_tokens - repaid;
    IF p_tokens > repaid THEN
        account.next_lot_expiry := least(account.next_lot_expiry, p_expires_at);
    END IF;
    account := solaris.append_entry_v1(
        account, 'credit', p_tokens, at, p_actor, p_reason, 'credit:' || p_key,
        json_build_object('lot_id', p_lot_id, 'origin', p_origin,
            'expires_at', to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'overage_repaid', repaid));
    PERFORM solaris.store_account_v1(account);
    RETURN false;
END
$$;
