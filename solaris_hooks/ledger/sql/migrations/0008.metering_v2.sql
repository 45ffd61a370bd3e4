-- Hold and settle with less work for PostgreSQL; they mean what hold_v1 and settle_v1 mean. What is different:
-- * the usual call touches each table once: no row is read before it is written, where the write itself can tell;
-- * the account's row is written in those columns alone that changed;
-- * the answer has the columns of a balance and no others.
-- depends: 0007.partitions

-- As before, but in one expression. A database in another encoding than UTF-8 takes the long way.
CREATE OR REPLACE FUNCTION solaris.entry_digest_v1(
    p_previous bytea, p_account_id text, p_number bigint, p_kind text, p_tokens bigint,
    p_allowance_after bigint, p_credits_after bigint, p_overage_after bigint, p_at timestamptz,
    p_actor text, p_reason text, p_key text, p_details text
) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    number text := p_number;
    tokens text := p_tokens;
    allowance text := p_allowance_after;
    credits text := p_credits_after;
    overage text := p_overage_after;
    at text := (extract(EPOCH FROM p_at) * 1000000)::bigint;
    field text;
    field_bytes bytea;
    canonical bytea := p_previous;
BEGIN
    IF getdatabaseencoding() = 'UTF8' THEN
        RETURN sha256(p_previous || convert_to(
            octet_length(p_account_id) || ':' || p_account_id || ',' || length(number) || ':' || number || ','
            || length(p_kind) || ':' || p_kind || ',' || length(tokens) || ':' || tokens || ','
            || length(allowance) || ':' || allowance || ',' || length(credits) || ':' || credits || ','
            || length(overage) || ':' || overage || ',' || length(at) || ':' || at || ','
            || octet_length(p_actor) || ':' || p_actor || ','
            || coalesce(octet_length(p_reason) || ':' || p_reason || ',', '-')
            || octet_length(p_key) || ':' || p_key || ',' || octet_length(p_details) || ':' || p_details || ',',
            'UTF8'));
    END IF;
    FOREACH field IN ARRAY ARRAY[
        p_account_id, number, p_kind, tokens, allowance, credits, overage, at, p_actor, p_reason, p_key, p_details
    ] LOOP
        IF field IS NULL THEN
            canonical := canonical || '-'::bytea;
        ELSE
            field_bytes := convert_to(field, 'UTF8');
            canonical := canonical || convert_to(octet_length(field_bytes) || ':', 'UTF8') || field_bytes || ','::bytea;
        END IF;
    END LOOP;
    RETURN sha256(canonical);
END
$$;

-- Hold tokens for a request before its provider is called: p_want of a balance of p_ample, else a twentieth of the
-- balance, but p_step at the least and p_fair at the most, else what is left if p_minimum fits.
CREATE FUNCTION solaris.hold_v2(
    p_account_id text, p_hold_id uuid, p_model text, p_want bigint, p_ample bigint, p_fair bigint, p_step bigint,
    p_minimum bigint, p_prompt bigint, p_lease_seconds integer, p_email text, p_create boolean, p_plan_id text, p_locale text,
    p_time_zone text, p_anchor_day integer, p_now timestamptz,
    OUT outcome text, OUT amount bigint, OUT created boolean,
    OUT status text, OUT status_reason text, OUT plan_id text, OUT locale text, OUT time_zone text,
    OUT period_start timestamptz, OUT period_end timestamptz, OUT allowance_granted bigint, OUT allowance_used bigint,
    OUT credits_remaining bigint, OUT credits_used bigint, OUT held bigint, OUT overage bigint
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    account solaris.accounts;
    at timestamptz := coalesce(p_now, clock_timestamp());
    remaining bigint;
    available bigint;
    least_useful bigint;
    entries_before bigint;
    committing text;
BEGIN
    created := false;

    -- The usual case: nothing is due, and there is enough. Where the row was locked, its new figures are looked at.
    UPDATE solaris.accounts AS a
    SET held = a.held + p_want, last_used_at = at, email = coalesce(p_email, a.email)
    WHERE a.account_id = p_account_id AND a.status = 'active'
        AND a.allowance_granted - a.allowance_used + a.credits_remaining - a.held >= greatest(p_want, p_ample)
        AND a.period_end > at AND (a.next_lot_expiry > at) IS NOT FALSE
        AND a.plan_tokens = (SELECT p.monthly_tokens FROM solaris.plans AS p WHERE p.plan_id = a.plan_id)
    RETURNING
        'held', p_want, a.status, a.status_reason, a.plan_id, a.locale, a.time_zone, a.period_start, a.period_end,
        a.allowance_granted, a.allowance_used, a.credits_remaining, a.credits_used, a.held, a.overage
    INTO
        outcome, amount, status, status_reason, plan_id, locale, time_zone, period_start, period_end,
        allowance_granted, allowance_used, credits_remaining, credits_used, held, overage;
    IF outcome IS NOT NULL THEN
        INSERT INTO solaris.holds (
            account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until)
        VALUES (
            p_account_id, p_hold_id, p_model, p_want, least(p_prompt, p_want),
            allowance_granted - allowance_used + credits_remaining - held + p_want, at,
            at + make_interval(secs => p_lease_seconds))
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            -- A hold that a crash of the database loses harms nobody, for settle books without one. So the
            -- commit need not wait for the disk.
            committing := set_config('synchronous_commit', 'off', true);
            RETURN;
        END IF;
        -- Asked again after a broken connection: the first time stands.
        UPDATE solaris.accounts AS a SET held = a.held - p_want WHERE a.account_id = p_account_id;
    END IF;

    account := solaris.lock_account_v1(p_account_id, p_now);
    IF account.account_id IS NULL THEN
        amount := 0;
        IF NOT p_create THEN
            outcome := 'unknown';
            RETURN;
        END IF;
        created := solaris.open_account_v1(
            p_account_id, p_plan_id, p_locale, p_time_zone, p_anchor_day, p_email, p_now);
        account := solaris.lock_account_v1(p_account_id, p_now);
    END IF;
    at := coalesce(p_now, clock_timestamp());
    SELECT h.amount INTO amount FROM solaris.holds AS h
    WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id;
    IF FOUND THEN
        outcome := 'held';
    ELSE
        amount := 0;
        remaining := account.allowance_granted - account.allowance_used + account.credits_remaining;
        available := greatest(0, remaining - account.held);
        least_useful := greatest(p_minimum, 1); -- holding nothing would bound nothing
        outcome := CASE
            WHEN account.status <> 'active' THEN 'inactive'
            WHEN greatest(p_want, p_ample) <= available OR least_useful <= available THEN 'held'
            WHEN least_useful <= remaining THEN 'contended'
            ELSE 'tight'
        END;
        IF outcome = 'held' THEN
            amount := CASE WHEN greatest(p_want, p_ample) <= available THEN p_want ELSE
                least(p_want, available, greatest(least_useful, p_step, least(p_fair, available / 20))) END;
            INSERT INTO solaris.holds (
                account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until)
            VALUES (
                p_account_id, p_hold_id, p_model, hold_v2.amount, least(p_prompt, hold_v2.amount), available, at,
                at + make_interval(secs => p_lease_seconds));
            account.held := account.held + amount;
        END IF;
    END IF;
    account.email := coalesce(p_email, account.email);
    account.last_used_at := at;
    SELECT a.entries INTO entries_before FROM solaris.accounts AS a WHERE a.account_id = p_account_id;
    IF entries_before = account.entries AND NOT created THEN -- no history was written: need not wait, as above
        committing := set_config('synchronous_commit', 'off', true);
    END IF;
    PERFORM solaris.store_account_v1(account);
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
END
$$;

-- Turn a hold into use, once. Books even where the hold is gone (lost, released or swept before).
CREATE FUNCTION solaris.settle_v2(
    p_account_id text, p_hold_id uuid, p_model text, p_charge bigint, p_input bigint, p_cached bigint,
    p_output bigint, p_reasoning bigint, p_source text, p_details json, p_now timestamptz,
    OUT outcome text, OUT charge bigint, OUT beyond bigint, OUT use_percent_before integer,
    OUT status text, OUT status_reason text, OUT plan_id text, OUT locale text, OUT time_zone text,
    OUT period_start timestamptz, OUT period_end timestamptz, OUT allowance_granted bigint, OUT allowance_used bigint,
    OUT credits_remaining bigint, OUT credits_used bigint, OUT held bigint, OUT overage bigint
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    account solaris.accounts;
    at timestamptz;
    tokens bigint;
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
    SELECT p.monthly_tokens INTO tokens FROM solaris.plans AS p WHERE p.plan_id = account.plan_id;
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
            entries = account.entries, chain = account.chain
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
END
$$;
