-- The account as of now: made if new, its period renewed, its plan taken over, its credits expired.
-- depends: 0003.entries
--
-- Errors of our own: SH001 no such plan, SH002 idempotency key used for something else,
-- SH003 a value cannot be, SH004 no such account, SH005 the books contradict themselves,
-- SH006 a change of history.
--
-- In every function p_now is the database's clock unless a test says otherwise; the clock is read
-- after the account's row is locked, so that entries of an account are in order of time.

CREATE FUNCTION solaris.plan_tokens_v1(p_plan_id text) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found_tokens bigint;
BEGIN
    SELECT monthly_tokens INTO found_tokens FROM solaris.plans WHERE plan_id = p_plan_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no plan "%".', p_plan_id USING ERRCODE = 'SH001';
    END IF;
    RETURN found_tokens;
END
$$;

-- Make the account if it is missing. Two first requests at once: the second waits, then finds it.
CREATE FUNCTION solaris.open_account_v1(
    p_account_id text, p_plan_id text, p_locale text, p_time_zone text, p_anchor_day integer,
    p_email text, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    a solaris.accounts;
    tokens bigint := solaris.plan_tokens_v1(p_plan_id);
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    INSERT INTO solaris.accounts (
        account_id, plan_id, plan_tokens, email, locale, time_zone, anchor_day,
        period_start, period_end, allowance_granted, created_at)
    SELECT
        p_account_id, p_plan_id, tokens, p_email, p_locale, p_time_zone, p_anchor_day,
        b.starts, b.ends, tokens, at
    FROM solaris.period_bounds_v1(at, p_time_zone, p_anchor_day) AS b
    ON CONFLICT (account_id) DO NOTHING
    RETURNING * INTO a;
    IF a.account_id IS NULL THEN
        RETURN false;
    END IF;
    a := solaris.append_entry_v1(
        a, 'opening', tokens, at, 'system', NULL, 'opening', json_build_object('plan', p_plan_id));
    UPDATE solaris.accounts SET entries = a.entries, chain = a.chain WHERE account_id = p_account_id;
    RETURN true;
END
$$;

-- A new period: what is left of the old allowance lapses, the new one is granted, and what is owed is taken from it.
CREATE FUNCTION solaris.renew_v1(a solaris.accounts, p_plan_tokens bigint, p_at timestamptz)
RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    lapsed bigint := a.allowance_granted - a.allowance_used;
    repaid bigint := least(a.overage, p_plan_tokens);
    period record;
    period_key text;
BEGIN
    SELECT * INTO period FROM solaris.period_bounds_v1(p_at, a.time_zone, a.anchor_day);
    period_key := extract(EPOCH FROM period.starts)::bigint::text;
    IF lapsed > 0 THEN
        a.allowance_used := a.allowance_granted;
        a := solaris.append_entry_v1(
            a, 'lapse', -lapsed, p_at, 'system', NULL, 'lapse:' || period_key, '{}');
    END IF;
    a.period_start := period.starts;
    a.period_end := period.ends;
    a.plan_tokens := p_plan_tokens;
    a.allowance_granted := p_plan_tokens;
    a.allowance_used := repaid;
    a.overage := a.overage - repaid;
    a.credits_used := 0;
    RETURN solaris.append_entry_v1(
        a, 'renewal', p_plan_tokens, p_at, 'system', NULL, 'renewal:' || period_key,
        json_build_object('granted', p_plan_tokens, 'overage_repaid', repaid));
END
$$;

-- The plan's tokens are no longer those the account took over: take them over at once.
CREATE FUNCTION solaris.adopt_plan_v1(a solaris.accounts, p_plan_tokens bigint, p_at timestamptz, p_actor text)
RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    granted bigint := greatest(p_plan_tokens, a.allowance_used); -- what is used cannot be taken back
    delta bigint := granted - a.allowance_granted;
    repaid bigint := least(a.overage, granted - a.allowance_used);
BEGIN
    a.plan_tokens := p_plan_tokens;
    IF delta = 0 THEN
        RETURN a;
    END IF;
    a.allowance_granted := granted;
    a.allowance_used := a.allowance_used + repaid;
    a.overage := a.overage - repaid;
    RETURN solaris.append_entry_v1(
        a, 'plan_change', delta, p_at, p_actor, NULL, 'plan:' || (a.entries + 1),
        json_build_object('plan', a.plan_id, 'granted', granted, 'overage_repaid', repaid));
END
$$;

-- Credit lots whose time has come lose what is left of them.
CREATE FUNCTION solaris.expire_lots_v1(a solaris.accounts, p_at timestamptz) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    lot record;
BEGIN
    FOR lot IN
        SELECT lot_id, remaining FROM solaris.credit_lots
        WHERE account_id = a.account_id AND remaining > 0 AND expires_at <= p_at
        ORDER BY expires_at, created_at, lot_id
    LOOP
        UPDATE solaris.credit_lots SET remaining = 0
        WHERE account_id = a.account_id AND lot_id = lot.lot_id;
        a.credits_remaining := a.credits_remaining - lot.remaining;
        a := solaris.append_entry_v1(
            a, 'credit_expiry', -lot.remaining, p_at, 'system', NULL, 'expiry:' || lot.lot_id,
            json_build_object('lot_id', lot.lot_id));
    END LOOP;
    a.next_lot_expiry := (
        SELECT min(expires_at) FROM solaris.credit_lots
        WHERE account_id = a.account_id AND remaining > 0 AND expires_at > p_at);
    RETURN a;
END
$$;

-- Lock the account's row and bring it up to now: period, plan, expired credits. Null if there is none.
-- The caller stores it with store_account_v1.
CREATE FUNCTION solaris.lock_account_v1(p_account_id text, p_now timestamptz) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    a solaris.accounts;
    at timestamptz;
    tokens bigint;
BEGIN
    SELECT * INTO a FROM solaris.accounts WHERE account_id = p_account_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    at := coalesce(p_now, clock_timestamp());
    tokens := solaris.plan_tokens_v1(a.plan_id);
    IF at >= a.period_end THEN
        a := solaris.renew_v1(a, tokens, at);
    ELSIF tokens <> a.plan_tokens THEN
        a := solaris.adopt_plan_v1(a, tokens, at, 'system');
    END IF;
    IF a.next_lot_expiry <= at THEN
        a := solaris.expire_lots_v1(a, at);
    END IF;
    RETURN a;
END
$$;

-- In plpgsql, which keeps its plan; an SQL function would plan the statement anew at each call.
CREATE FUNCTION solaris.store_account_v1(a solaris.accounts) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE solaris.accounts SET
        plan_id = a.plan_id, plan_tokens = a.plan_tokens, status = a.status, status_reason = a.status_reason,
        email = a.email, name = a.name, locale = a.locale, time_zone = a.time_zone, anchor_day = a.anchor_day,
        period_start = a.period_start, period_end = a.period_end,
        allowance_granted = a.allowance_granted, allowance_used = a.allowance_used,
        credits_remaining = a.credits_remaining, credits_used = a.credits_used,
        held = a.held, overage = a.overage, next_lot_expiry = a.next_lot_expiry,
        entries = a.entries, chain = a.chain, last_used_at = a.last_used_at
    WHERE account_id = a.account_id;
END
$$;
