-- Hold, settle, release, and the leases of holds: what requests need.
-- depends: 0004.account_as_of_now

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
    least_useful bigint;
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
    least_useful := greatest(p_minimum, least(p_want, 1)); -- holding nothing would bound nothing
    outcome := CASE
        WHEN account.status <> 'active' THEN 'inactive'
        WHEN least_useful <= available OR p_want <= available THEN 'held'
        WHEN least_useful <= remaining THEN 'contended'
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
-- The look-up of an earlier settlement goes over all partitions; a plan of its own at each call costs more than it.
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
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

    DELETE FROM solaris.holds AS h WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id
    RETURNING h.amount, h.held_at INTO held;
    account.held := account.held - coalesce(held.amount, 0);

    SELECT u.charge, u.overage INTO before FROM solaris.usage AS u
    WHERE u.account_id = p_account_id AND u.hold_id = p_hold_id AND u.status = 'settled';
    IF FOUND THEN
        outcome := CASE WHEN before.charge = p_charge THEN 'replayed' ELSE 'conflict' END;
        charge := before.charge;
        overage := before.overage;
        PERFORM solaris.store_account_v1(account);
        RETURN;
    END IF;

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
            p_account_id, p_hold_id, 'released', gone.model, 0, 0, 0, 0, 0, 0, gone.amount, gone.held_at, at)
        ON CONFLICT (account_id, hold_id) DO NOTHING; -- a hold that came again: what it ended with stands
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
        SELECT account_id, hold_id, lease_until AS ran_out FROM solaris.holds
        WHERE lease_until < coalesce(p_now, clock_timestamp())
        ORDER BY lease_until
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE solaris.holds AS h
        SET lease_until = coalesce(p_now, clock_timestamp()) + make_interval(secs => p_claim_seconds)
        FROM expired
        WHERE h.account_id = expired.account_id AND h.hold_id = expired.hold_id
        RETURNING
            h.account_id, h.hold_id, h.model, h.amount, h.prompt, h.available_before, h.held_at,
            h.lease_until, expired.ran_out
    )
    SELECT account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until
    FROM claimed
    ORDER BY ran_out, hold_id
$$;
