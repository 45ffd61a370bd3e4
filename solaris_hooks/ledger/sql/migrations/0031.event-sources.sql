-- Where events happen: accounts made, periods renewed, credits granted, thresholds crossed.
-- depends: 0030.events

-- Make the account if it is missing. Two first requests at once: the second waits, then finds it.
CREATE OR REPLACE FUNCTION solaris.open_account_v1(
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
    a := solaris.emit_v1(a, 'account.created', 'created', at, jsonb_build_object('email', p_email), false);
    UPDATE solaris.accounts SET entries = a.entries, chain = a.chain WHERE account_id = p_account_id;
    RETURN true;
END
$$;

-- A new period: what is left of the old allowance lapses, the new one is granted, and what is owed is taken from it.
CREATE OR REPLACE FUNCTION solaris.renew_v1(a solaris.accounts, p_plan_tokens bigint, p_at timestamptz)
RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    lapsed bigint := a.allowance_granted - a.allowance_used;
    repaid bigint := least(a.overage, p_plan_tokens);
    period record;
    period_key text;
    used_before bigint := a.allowance_used + a.credits_used + a.overage;
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
    a.alert_level := 0;
    a.alert_round := 0;
    IF a.unread_notices > 0 THEN -- nobody needs to hear now that the old period was nearly used up
        UPDATE solaris.events AS e SET told_at = p_at
        WHERE e.account_id = a.account_id AND e.in_chat AND e.told_at IS NULL
            AND e.kind IN ('threshold.crossed', 'quota.exhausted', 'period.renewed');
        a.unread_notices := (
            SELECT count(*) FROM solaris.events AS e
            WHERE e.account_id = a.account_id AND e.in_chat AND e.told_at IS NULL);
    END IF;
    a := solaris.append_entry_v1(
        a, 'renewal', p_plan_tokens, p_at, 'system', NULL, 'renewal:' || period_key,
        json_build_object('granted', p_plan_tokens, 'overage_repaid', repaid));
    RETURN solaris.emit_v1(
        a, 'period.renewed', 'renewal:' || period_key, p_at,
        jsonb_build_object('used_before', used_before, 'overage_repaid', repaid), true);
END
$$;

-- The plan's tokens are no longer those the account took over: take them over at once.
CREATE OR REPLACE FUNCTION solaris.adopt_plan_v1(a solaris.accounts, p_plan_tokens bigint, p_at timestamptz, p_actor text)
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
    a := solaris.append_entry_v1(
        a, 'plan_change', delta, p_at, p_actor, NULL, 'plan:' || (a.entries + 1),
        json_build_object('plan', a.plan_id, 'granted', granted, 'overage_repaid', repaid));
    RETURN solaris.rearm_v1(a);
END
$$;

-- Grant credits, once for each key; what is owed is taken from them first. True if the key granted them before.
CREATE OR REPLACE FUNCTION solaris.grant_credits_v1(
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
    account := solaris.rearm_v1(account);
    -- Credits that somebody asked for are told with the answer to the request.
    account := solaris.emit_v1(
        account, 'credit.granted', 'credit:' || p_lot_id, at,
        jsonb_build_object('tokens', p_tokens, 'lot_id', p_lot_id, 'origin', p_origin, 'reason', p_reason,
            'expires_at', to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
        p_origin <> 'request');
    PERFORM solaris.store_account_v1(account);
    RETURN false;
END
$$;

-- Turn a hold into use, once, and announce the thresholds that it crosses. Books even where the hold is gone (lost, released or swept before).
CREATE FUNCTION solaris.settle_v3(
    p_account_id text, p_hold_id uuid, p_model text, p_charge bigint, p_input bigint, p_cached bigint,
    p_output bigint, p_reasoning bigint, p_source text, p_details json, p_now timestamptz,
    OUT outcome text, OUT charge bigint, OUT beyond bigint, OUT use_percent_before integer,
    OUT status text, OUT status_reason text, OUT plan_id text, OUT locale text, OUT time_zone text,
    OUT period_start timestamptz, OUT period_end timestamptz, OUT allowance_granted bigint, OUT allowance_used bigint,
    OUT credits_remaining bigint, OUT credits_used bigint, OUT held bigint, OUT overage bigint,
    OUT unread_notices integer
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    account solaris.accounts;
    at timestamptz;
    tokens bigint;
    thresholds smallint[];
    use_percent integer;
    first_status text;
    first_charge bigint;
    first_overage bigint;
    unbookable boolean := least(
        p_charge, p_input, p_cached, p_output, p_reasoning, p_input - p_cached, p_output - p_reasoning) < 0;
    held_amount bigint;
    held_since timestamptz;
    from_allowance bigint;
    from_credits bigint;
    taken json := '[]';
    details json;
    previous bytea;
    granted bigint;
    estimated integer := (p_source IN ('estimate', 'sweep'))::integer;
    today date;
    refreshed boolean := false;
BEGIN
    SELECT * INTO account FROM solaris.accounts AS a WHERE a.account_id = p_account_id FOR NO KEY UPDATE;
    at := coalesce(p_now, clock_timestamp());
    IF account.account_id IS NULL THEN
        outcome := 'unknown';
        charge := 0;
        beyond := 0;
        use_percent_before := 0;
        RETURN;
    END IF;
    SELECT p.monthly_tokens, p.thresholds INTO tokens, thresholds FROM solaris.plans AS p WHERE p.plan_id = account.plan_id;
    IF account.period_end <= at OR account.next_lot_expiry <= at OR tokens IS DISTINCT FROM account.plan_tokens THEN
        account := solaris.lock_account_v1(p_account_id, p_now);
        refreshed := true;
    END IF;
    granted := account.allowance_granted + account.credits_used + account.credits_remaining;
    use_percent_before := CASE WHEN granted = 0 THEN 100 ELSE
        least(100 * (account.allowance_used + account.credits_used + account.overage) / granted, 1000000) END;

    DELETE FROM solaris.holds AS h WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id
    RETURNING h.amount, h.held_at INTO held_amount, held_since;
    account.held := account.held - coalesce(held_amount, 0);

    outcome := 'settled';
    charge := p_charge;
    from_allowance := least(p_charge, account.allowance_granted - account.allowance_used);
    from_credits := least(p_charge - from_allowance, account.credits_remaining);
    beyond := p_charge - from_allowance - from_credits;
    -- The write tells whether the call was settled before; but what cannot be booked is looked up, for it raises.
    IF NOT unbookable THEN
        INSERT INTO solaris.usage (
            account_id, hold_id, status, model, source, charge, overage, input_tokens, cached_input_tokens,
            output_tokens, reasoning_tokens, held, held_at, ended_at)
        VALUES (
            p_account_id, p_hold_id, 'settled', p_model, p_source, p_charge, beyond, p_input, p_cached,
            p_output, p_reasoning, held_amount, held_since, at)
        ON CONFLICT DO NOTHING;
    END IF;
    IF unbookable OR NOT FOUND THEN
        SELECT u.status, u.charge, u.overage INTO first_status, first_charge, first_overage FROM solaris.usage AS u
        WHERE u.account_id = p_account_id AND u.hold_id = p_hold_id;
        IF first_status = 'settled' THEN
            outcome := CASE WHEN first_charge = p_charge THEN 'replayed' ELSE 'conflict' END;
            charge := first_charge;
            beyond := first_overage;
        ELSIF unbookable THEN
            RAISE EXCEPTION 'No such use can be booked: charge %, tokens % (% cached) to % (% reasoning).',
                p_charge, p_input, p_cached, p_output, p_reasoning USING ERRCODE = 'check_violation';
        ELSE -- it was released before: the use came late
            UPDATE solaris.usage AS u SET
                status = 'settled', model = p_model, source = p_source, charge = p_charge, overage = beyond,
                input_tokens = p_input, cached_input_tokens = p_cached, output_tokens = p_output,
                reasoning_tokens = p_reasoning, ended_at = at
            WHERE u.account_id = p_account_id AND u.hold_id = p_hold_id;
        END IF;
    END IF;

    IF outcome = 'settled' THEN
        IF from_credits > 0 THEN
            taken := solaris.take_credits_v1(p_account_id, from_credits);
        END IF;
        details := json_build_object(
            'hold_id', p_hold_id, 'model', p_model, 'source', p_source, 'input_tokens', p_input,
            'cached_input_tokens', p_cached, 'output_tokens', p_output, 'reasoning_tokens', p_reasoning,
            'from_allowance', from_allowance, 'from_credits', taken, 'more', p_details);
        account.allowance_used := account.allowance_used + from_allowance;
        account.credits_remaining := account.credits_remaining - from_credits;
        account.credits_used := account.credits_used + from_credits;
        account := solaris.append_entry_v1(
            account, 'usage', -(from_allowance + from_credits), at, 'proxy', NULL, 'usage:' || p_hold_id, details);
        IF beyond > 0 THEN
            account.overage := account.overage + beyond;
            account := solaris.append_entry_v1(
                account, 'overage', -beyond, at, 'proxy', NULL, 'overage:' || p_hold_id,
                json_build_object('hold_id', p_hold_id));
        END IF;
        use_percent := CASE WHEN granted = 0 THEN 100 ELSE
            least(100 * (account.allowance_used + account.credits_used + account.overage) / granted, 1000000) END;
        thresholds := coalesce(account.thresholds, thresholds);
        IF use_percent > account.alert_level AND use_percent >= ANY (thresholds) THEN
            account := solaris.announce_v1(account, thresholds, use_percent, at);
        END IF;
        -- Nobody else writes the account's totals meanwhile: its row is locked.
        today := (at AT TIME ZONE account.time_zone)::date;
        UPDATE solaris.usage_daily AS d SET
            requests = d.requests + 1, estimated_requests = d.estimated_requests + estimated,
            input_tokens = d.input_tokens + p_input, cached_input_tokens = d.cached_input_tokens + p_cached,
            output_tokens = d.output_tokens + p_output, charge = d.charge + p_charge
        WHERE d.account_id = p_account_id AND d.day = today AND d.model = p_model;
        IF NOT FOUND THEN
            INSERT INTO solaris.usage_daily (
                account_id, day, model, requests, estimated_requests, input_tokens, cached_input_tokens,
                output_tokens, charge)
            VALUES (p_account_id, today, p_model, 1, estimated, p_input, p_cached, p_output, p_charge);
        END IF;
    END IF;

    IF refreshed THEN
        PERFORM solaris.store_account_v1(account);
    ELSE
        UPDATE solaris.accounts AS a SET
            allowance_used = account.allowance_used, credits_remaining = account.credits_remaining,
            credits_used = account.credits_used, held = account.held, overage = account.overage,
            entries = account.entries, chain = account.chain,
            alert_level = account.alert_level, unread_notices = account.unread_notices
        WHERE a.account_id = p_account_id;
    END IF;
    status := account.status;
    status_reason := account.status_reason;
    plan_id := account.plan_id;
    locale := account.locale;
    time_zone := account.time_zone;
    period_start := account.period_start;
    period_end := account.period_end;
    allowance_granted := account.allowance_granted;
    allowance_used := account.allowance_used;
    credits_remaining := account.credits_remaining;
    credits_used := account.credits_used;
    held := account.held;
    overage := account.overage;
    unread_notices := account.unread_notices;
END
$$;
