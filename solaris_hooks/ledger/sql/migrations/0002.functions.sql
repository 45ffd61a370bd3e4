-- The ledger's rules, one function a phase. depends on 0001 alone.
-- depends: 0001.tables
--
-- Errors of our own: SH001 no such plan, SH002 idempotency key used for something else,
-- SH003 a value cannot be, SH004 no such account, SH005 the books contradict themselves,
-- SH006 a change of history.
--
-- In every function p_now is the database's clock unless a test says otherwise; the clock is read
-- after the account's row is locked, so that entries of an account are in order of time.

------------------------------------------------------------------------------ periods

-- First instant of the anchor day in the month that begins with p_month; the last day of shorter months.
CREATE FUNCTION solaris.anchor_v1(p_month date, p_time_zone text, p_anchor_day integer) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    last_day integer := extract(DAY FROM p_month + interval '1 month' - interval '1 day');
    midnight timestamp := p_month + least(p_anchor_day, last_day) - 1;
    instant timestamptz := midnight AT TIME ZONE p_time_zone;
BEGIN
    -- Where clocks go back over midnight it happens twice, and the day starts with the first.
    IF (instant - interval '1 hour') AT TIME ZONE p_time_zone = midnight THEN
        RETURN instant - interval '1 hour';
    END IF;
    RETURN instant;
END
$$;

-- The period in which an instant lies.
CREATE FUNCTION solaris.period_bounds_v1(
    p_at timestamptz, p_time_zone text, p_anchor_day integer, OUT starts timestamptz, OUT ends timestamptz
)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    month date := date_trunc('month', p_at AT TIME ZONE p_time_zone);
BEGIN
    starts := solaris.anchor_v1(month, p_time_zone, p_anchor_day);
    IF starts > p_at THEN
        month := month - interval '1 month';
        starts := solaris.anchor_v1(month, p_time_zone, p_anchor_day);
    END IF;
    ends := solaris.anchor_v1((month + interval '1 month')::date, p_time_zone, p_anchor_day);
END
$$;

------------------------------------------------------------------------------ entries

-- A netstring of the UTF-8 text, `-` for null: no two lists of fields read the same.
CREATE FUNCTION solaris.netstring_v1(p_field text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT coalesce(octet_length(convert_to(p_field, 'UTF8')) || ':' || p_field || ',', '-') $$;

CREATE FUNCTION solaris.entry_digest_v1(
    p_previous bytea, p_account_id text, p_number bigint, p_kind text, p_tokens bigint,
    p_allowance_after bigint, p_credits_after bigint, p_overage_after bigint, p_at timestamptz,
    p_actor text, p_reason text, p_key text, p_details text
) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT sha256(p_previous || convert_to(
        solaris.netstring_v1(p_account_id) || solaris.netstring_v1(p_number::text)
        || solaris.netstring_v1(p_kind) || solaris.netstring_v1(p_tokens::text)
        || solaris.netstring_v1(p_allowance_after::text) || solaris.netstring_v1(p_credits_after::text)
        || solaris.netstring_v1(p_overage_after::text)
        || solaris.netstring_v1((extract(EPOCH FROM p_at) * 1000000)::bigint::text)
        || solaris.netstring_v1(p_actor) || solaris.netstring_v1(p_reason)
        || solaris.netstring_v1(p_key) || solaris.netstring_v1(p_details), 'UTF8'))
$$;

-- Append one entry to the account's chain. The account's figures are already those after it.
CREATE FUNCTION solaris.append_entry_v1(
    a solaris.accounts, p_kind text, p_tokens bigint, p_at timestamptz,
    p_actor text, p_reason text, p_key text, p_details json
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    previous bytea := a.chain;
    allowance_after bigint := a.allowance_granted - a.allowance_used;
BEGIN
    a.entries := a.entries + 1;
    a.chain := solaris.entry_digest_v1(
        previous, a.account_id, a.entries, p_kind, p_tokens, allowance_after, a.credits_remaining,
        a.overage, p_at, p_actor, p_reason, p_key, p_details::text);
    INSERT INTO solaris.entries (
        account_id, number, kind, tokens, allowance_after, credits_after, overage_after,
        at, actor, reason, idempotency_key, details, previous_hash, hash)
    VALUES (
        a.account_id, a.entries, p_kind, p_tokens, allowance_after, a.credits_remaining, a.overage,
        p_at, p_actor, p_reason, p_key, p_details, previous, a.chain);
    RETURN a;
END
$$;

------------------------------------------------------------------------------ the account as of now

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
        ORDER BY expires_at, lot_id
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

CREATE FUNCTION solaris.store_account_v1(a solaris.accounts) RETURNS void
LANGUAGE sql AS $$
    UPDATE solaris.accounts SET
        plan_id = a.plan_id, plan_tokens = a.plan_tokens, status = a.status, status_reason = a.status_reason,
        email = a.email, name = a.name, locale = a.locale, time_zone = a.time_zone, anchor_day = a.anchor_day,
        period_start = a.period_start, period_end = a.period_end,
        allowance_granted = a.allowance_granted, allowance_used = a.allowance_used,
        credits_remaining = a.credits_remaining, credits_used = a.credits_used,
        held = a.held, overage = a.overage, next_lot_expiry = a.next_lot_expiry,
        entries = a.entries, chain = a.chain, last_used_at = a.last_used_at
    WHERE account_id = a.account_id
$$;

------------------------------------------------------------------------------ hold, settle, release

-- Hold tokens for a request before its provider is called: p_want if available, else what is left if p_minimum fits.
CREATE FUNCTION solaris.hold_v1(
    p_account_id text, p_hold_id uuid, p_model text, p_want bigint, p_minimum bigint, p_prompt bigint,
    p_lease_seconds integer, p_email text, p_create boolean, p_plan_id text, p_locale text,
    p_time_zone text, p_anchor_day integer, p_now timestamptz,
    OUT outcome text, OUT amount bigint, OUT created boolean, OUT account solaris.accounts
)
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz;
    remaining bigint;
    available bigint;
    entries_before bigint;
BEGIN
    created := false;
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    IF account.account_id IS NULL THEN
        IF NOT p_create THEN
            outcome := 'unknown';
            amount := 0;
            RETURN;
        END IF;
        created := solaris.open_account_v1(
            p_account_id, p_plan_id, p_locale, p_time_zone, p_anchor_day, p_email, p_now);
        account := solaris.lock_account_v1(p_account_id, p_now);
        at := coalesce(p_now, clock_timestamp());
    END IF;
    SELECT h.amount INTO amount FROM solaris.holds AS h
    WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id;
    IF FOUND THEN -- asked again after a broken connection: the first time stands
        outcome := 'held';
        PERFORM solaris.store_account_v1(account);
        RETURN;
    END IF;
    amount := 0;
    remaining := account.allowance_granted - account.allowance_used + account.credits_remaining;
    available := greatest(0, remaining - account.held);
    outcome := CASE
        WHEN account.status <> 'active' THEN 'inactive'
        WHEN p_minimum <= available OR p_want <= available THEN 'held'
        WHEN p_minimum <= remaining THEN 'contended'
        ELSE 'tight'
    END;
    IF outcome = 'held' THEN
        amount := least(p_want, available);
        INSERT INTO solaris.holds (
            account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until)
        VALUES (
            p_account_id, p_hold_id, p_model, amount, least(p_prompt, amount), available, at,
            at + make_interval(secs => p_lease_seconds));
        account.held := account.held + amount;
    END IF;
    account.email := coalesce(p_email, account.email);
    account.last_used_at := at;
    -- A hold that a crash of the database loses harms nobody, for settle books without one. So the
    -- commit need not wait for the disk, unless this call also wrote history.
    SELECT a.entries INTO entries_before FROM solaris.accounts AS a WHERE a.account_id = p_account_id;
    IF entries_before = account.entries AND NOT created THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    PERFORM solaris.store_account_v1(account);
END
$$;

-- Take tokens from the account's credit lots: the earliest expiry first, then the oldest.
CREATE FUNCTION solaris.take_credits_v1(p_account_id text, p_tokens bigint) RETURNS json
LANGUAGE plpgsql AS $$
DECLARE
    lot record;
    take bigint;
    owed bigint := p_tokens;
    taken json[] := '{}';
BEGIN
    FOR lot IN
        SELECT lot_id, remaining FROM solaris.credit_lots
        WHERE account_id = p_account_id AND remaining > 0
        ORDER BY expires_at NULLS LAST, created_at, lot_id
    LOOP
        EXIT WHEN owed = 0;
        take := least(owed, lot.remaining);
        UPDATE solaris.credit_lots SET remaining = remaining - take
        WHERE account_id = p_account_id AND lot_id = lot.lot_id;
        taken := taken || json_build_object('lot_id', lot.lot_id, 'tokens', take);
        owed := owed - take;
    END LOOP;
    IF owed > 0 THEN
        RAISE EXCEPTION 'Credit lots of % hold fewer tokens than the account says; run `solaris ledger verify`.',
            p_account_id USING ERRCODE = 'SH005';
    END IF;
    RETURN array_to_json(taken);
END
$$;

-- Turn a hold into use, once. Books even where the hold is gone (lost, released or swept before).
CREATE FUNCTION solaris.settle_v1(
    p_account_id text, p_hold_id uuid, p_model text, p_charge bigint, p_input bigint, p_cached bigint,
    p_output bigint, p_reasoning bigint, p_source text, p_details json, p_now timestamptz,
    OUT outcome text, OUT charge bigint, OUT overage bigint, OUT use_percent_before integer,
    OUT account solaris.accounts
)
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz;
    held record;
    before record;
    from_allowance bigint;
    from_credits bigint;
    details json;
    granted bigint;
    estimated integer := (p_source IN ('estimate', 'sweep'))::integer;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    IF account.account_id IS NULL THEN
        outcome := 'unknown';
        charge := 0;
        overage := 0;
        use_percent_before := 0;
        RETURN;
    END IF;
    granted := account.allowance_granted + account.credits_used + account.credits_remaining;
    use_percent_before := CASE WHEN granted = 0 THEN 100 ELSE
        least(100 * (account.allowance_used + account.credits_used + account.overage) / granted, 1000000) END;

    SELECT u.charge, u.overage INTO before FROM solaris.usage AS u
    WHERE u.account_id = p_account_id AND u.hold_id = p_hold_id AND u.status = 'settled';
    IF FOUND THEN
        outcome := CASE WHEN before.charge = p_charge THEN 'replayed' ELSE 'conflict' END;
        charge := before.charge;
        overage := before.overage;
        PERFORM solaris.store_account_v1(account);
        RETURN;
    END IF;

    DELETE FROM solaris.holds AS h WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id
    RETURNING h.amount, h.held_at INTO held;
    account.held := account.held - coalesce(held.amount, 0);

    charge := p_charge;
    from_allowance := least(p_charge, account.allowance_granted - account.allowance_used);
    from_credits := least(p_charge - from_allowance, account.credits_remaining);
    overage := p_charge - from_allowance - from_credits;
    details := json_build_object(
        'hold_id', p_hold_id, 'model', p_model, 'source', p_source, 'input_tokens', p_input,
        'cached_input_tokens', p_cached, 'output_tokens', p_output, 'reasoning_tokens', p_reasoning,
        'from_allowance', from_allowance,
        'from_credits', CASE WHEN from_credits > 0
            THEN solaris.take_credits_v1(p_account_id, from_credits) ELSE '[]'::json END,
        'more', p_details);
    account.allowance_used := account.allowance_used + from_allowance;
    account.credits_remaining := account.credits_remaining - from_credits;
    account.credits_used := account.credits_used + from_credits;
    account := solaris.append_entry_v1(
        account, 'usage', -(from_allowance + from_credits), at, 'proxy', NULL, 'usage:' || p_hold_id, details);
    IF overage > 0 THEN
        account.overage := account.overage + overage;
        account := solaris.append_entry_v1(
            account, 'overage', -overage, at, 'proxy', NULL, 'overage:' || p_hold_id,
            json_build_object('hold_id', p_hold_id));
    END IF;

    INSERT INTO solaris.usage AS u (
        account_id, hold_id, status, model, source, charge, overage, input_tokens, cached_input_tokens,
        output_tokens, reasoning_tokens, held, held_at, ended_at)
    VALUES (
        p_account_id, p_hold_id, 'settled', p_model, p_source, p_charge, settle_v1.overage, p_input, p_cached,
        p_output, p_reasoning, held.amount, held.held_at, at)
    ON CONFLICT (account_id, hold_id) DO UPDATE SET -- it was released before: the use came late
        status = 'settled', model = excluded.model, source = excluded.source, charge = excluded.charge,
        overage = excluded.overage, input_tokens = excluded.input_tokens,
        cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens,
        reasoning_tokens = excluded.reasoning_tokens, ended_at = excluded.ended_at;
    INSERT INTO solaris.usage_daily AS d (
        account_id, day, model, requests, estimated_requests, input_tokens, cached_input_tokens,
        output_tokens, charge)
    VALUES (
        p_account_id, (at AT TIME ZONE account.time_zone)::date, p_model, 1, estimated, p_input, p_cached,
        p_output, p_charge)
    ON CONFLICT (account_id, day, model) DO UPDATE SET
        requests = d.requests + 1, estimated_requests = d.estimated_requests + estimated,
        input_tokens = d.input_tokens + excluded.input_tokens,
        cached_input_tokens = d.cached_input_tokens + excluded.cached_input_tokens,
        output_tokens = d.output_tokens + excluded.output_tokens, charge = d.charge + excluded.charge;
    PERFORM solaris.store_account_v1(account);
    outcome := 'settled';
END
$$;

-- Turn a hold into nothing: its request used nothing.
CREATE FUNCTION solaris.release_v1(p_account_id text, p_hold_id uuid, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz;
    gone record;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    DELETE FROM solaris.holds AS h WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id
    RETURNING h.amount, h.held_at, h.model INTO gone;
    IF FOUND THEN
        account.held := account.held - gone.amount;
        INSERT INTO solaris.usage (
            account_id, hold_id, status, model, charge, overage, input_tokens, cached_input_tokens,
            output_tokens, reasoning_tokens, held, held_at, ended_at)
        VALUES (
            p_account_id, p_hold_id, 'released', gone.model, 0, 0, 0, 0, 0, 0, gone.amount, gone.held_at, at);
    END IF;
    IF account.account_id IS NOT NULL THEN
        PERFORM solaris.store_account_v1(account);
    END IF;
    RETURN gone.amount IS NOT NULL;
END
$$;

-- Let the holds of requests that still run live on; the same place in both arrays is one hold.
CREATE FUNCTION solaris.renew_leases_v1(
    p_account_ids text[], p_hold_ids uuid[], p_lease_seconds integer, p_now timestamptz
) RETURNS bigint
LANGUAGE sql AS $$
    WITH renewed AS (
        UPDATE solaris.holds AS h
        SET lease_until = coalesce(p_now, clock_timestamp()) + make_interval(secs => p_lease_seconds)
        FROM unnest(p_account_ids, p_hold_ids) AS mine (account_id, hold_id)
        WHERE h.account_id = mine.account_id AND h.hold_id = mine.hold_id
        RETURNING 1
    )
    SELECT count(*) FROM renewed
$$;

-- Take holds whose lease ran out, so that one sweeper alone ends them.
CREATE FUNCTION solaris.claim_expired_v1(p_limit integer, p_claim_seconds integer, p_now timestamptz)
RETURNS SETOF solaris.holds
LANGUAGE sql AS $$
    WITH expired AS (
        SELECT account_id, hold_id FROM solaris.holds
        WHERE lease_until < coalesce(p_now, clock_timestamp())
        ORDER BY lease_until
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    )
    UPDATE solaris.holds AS h
    SET lease_until = coalesce(p_now, clock_timestamp()) + make_interval(secs => p_claim_seconds)
    FROM expired
    WHERE h.account_id = expired.account_id AND h.hold_id = expired.hold_id
    RETURNING h.*
$$;

------------------------------------------------------------------------------ people

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

-- Grant credits, once for each key; what is owed is taken from them first.
CREATE FUNCTION solaris.grant_credits_v1(
    p_account_id text, p_lot_id uuid, p_tokens bigint, p_origin text, p_reason text, p_actor text,
    p_key text, p_expires_at timestamptz, p_now timestamptz
) RETURNS solaris.accounts
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
        RETURN account;
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
    RETURN account;
END
$$;

------------------------------------------------------------------------------ partitions of usage

-- The least UUIDv7 of an instant: its milliseconds, then zeros (RFC 9562).
CREATE FUNCTION solaris.uuid7_floor_v1(p_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE
AS $$ SELECT (lpad(to_hex((extract(EPOCH FROM p_at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- Make the partitions of usage for this month and the p_months after it. Returns how many were made.
CREATE FUNCTION solaris.make_usage_partitions_v1(p_months integer, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    month timestamp := date_trunc('month', coalesce(p_now, clock_timestamp()) AT TIME ZONE 'UTC');
    partition text;
    made integer := 0;
BEGIN
    FOR ahead IN 0..p_months LOOP
        partition := 'usage_' || to_char(month, 'YYYY_MM');
        IF to_regclass('solaris.' || partition) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE solaris.%I PARTITION OF solaris.usage FOR VALUES FROM (%L) TO (%L)', partition,
                solaris.uuid7_floor_v1(month AT TIME ZONE 'UTC'),
                solaris.uuid7_floor_v1((month + interval '1 month') AT TIME ZONE 'UTC'));
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END
$$;
