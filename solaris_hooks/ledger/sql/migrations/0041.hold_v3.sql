-- Hold, grow and settle by the terms of the account. They mean what hold_v2, extend_v1 and settle_v3 mean; what is new:
-- * an overdraft can be held, and is booked as overage like any use beyond what was granted;
-- * an account may have a limit of requests at once;
-- * whoever is refused with next to nothing left is told that it is used up;
-- * what was scheduled takes effect before anything is booked;
-- * the answers say overdraft, limit, and the terms that only proxies look at.
-- depends: 0040.terms

-- Hold tokens for a request before its provider is called: p_want of a balance of p_ample, else a twentieth of the
-- balance, but p_step at the least and p_fair at the most, else what is left if p_minimum fits. An overdraft is part of
-- the balance as far as it is not used. An account with a limit of requests at once always takes the long way.
CREATE FUNCTION solaris.hold_v3(
    p_account_id text, p_hold_id uuid, p_model text, p_want bigint, p_ample bigint, p_fair bigint, p_step bigint,
    p_minimum bigint, p_prompt bigint, p_lease_seconds integer, p_email text, p_create boolean, p_plan_id text, p_locale text,
    p_time_zone text, p_anchor_day integer, p_status text, p_now timestamptz,
    OUT outcome text, OUT amount bigint, OUT created boolean,
    OUT status text, OUT status_reason text, OUT plan_id text, OUT locale text, OUT time_zone text,
    OUT period_start timestamptz, OUT period_end timestamptz, OUT allowance_granted bigint, OUT allowance_used bigint,
    OUT credits_remaining bigint, OUT credits_used bigint, OUT held bigint, OUT overage bigint,
    OUT overdraft bigint, OUT max_in_flight integer, OUT terms text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    account solaris.accounts;
    at timestamptz := coalesce(p_now, clock_timestamp());
    spendable bigint;
    available bigint;
    least_useful bigint;
    thresholds smallint[];
    entries_before bigint;
    announced boolean := false;
    committing text;
BEGIN
    created := false;

    -- The usual case: nothing is due, and there is enough. Where the row was locked, its new figures are looked at.
    UPDATE solaris.accounts AS a
    SET held = a.held + p_want, last_used_at = at, email = coalesce(p_email, a.email)
    WHERE a.account_id = p_account_id AND a.status = 'active'
        AND a.allowance_granted - a.allowance_used + a.credits_remaining + a.overdraft - a.overage - a.held
        >= greatest(p_want, p_ample)
        AND a.max_in_flight IS NULL AND least(a.period_end, a.next_lot_expiry, a.terms_until) > at
        AND a.plan_revision = (SELECT p.revision FROM solaris.plans AS p WHERE p.plan_id = a.plan_id)
    RETURNING
        'held', p_want, a.status, a.status_reason, a.plan_id, a.locale, a.time_zone, a.period_start, a.period_end,
        a.allowance_granted, a.allowance_used, a.credits_remaining, a.credits_used, a.held, a.overage,
        a.overdraft, a.max_in_flight, a.terms
    INTO
        outcome, amount, status, status_reason, plan_id, locale, time_zone, period_start, period_end,
        allowance_granted, allowance_used, credits_remaining, credits_used, held, overage,
        overdraft, max_in_flight, terms;
    IF outcome IS NOT NULL THEN
        INSERT INTO solaris.holds (
            account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until)
        VALUES (
            p_account_id, p_hold_id, p_model, p_want, least(p_prompt, p_want),
            allowance_granted - allowance_used + credits_remaining + overdraft - overage - held + p_want, at,
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
        created := solaris.open_account_v2(
            p_account_id, p_plan_id, p_locale, p_time_zone, p_anchor_day, p_email, p_status, p_now);
        account := solaris.lock_account_v1(p_account_id, p_now);
    END IF;
    at := coalesce(p_now, clock_timestamp());
    SELECT h.amount INTO amount FROM solaris.holds AS h
    WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id;
    IF FOUND THEN
        outcome := 'held';
    ELSE
        amount := 0;
        spendable := account.allowance_granted - account.allowance_used + account.credits_remaining
            + account.overdraft - account.overage;
        available := greatest(0, spendable - account.held);
        least_useful := greatest(p_minimum, 1); -- holding nothing would bound nothing
        outcome := CASE
            WHEN account.status <> 'active' THEN 'inactive'
            WHEN greatest(p_want, p_ample) <= available OR least_useful <= available THEN 'held'
            WHEN least_useful <= spendable THEN 'contended'
            ELSE 'tight'
        END;
        IF outcome IN ('held', 'contended') AND account.max_in_flight <= (
            SELECT count(*) FROM solaris.holds AS h WHERE h.account_id = p_account_id) THEN
            outcome := 'crowded';
        END IF;
        -- Whoever is refused for the few tokens that are left has used up what he can use. (A minimum beyond what is
        -- wanted only asks whether the balance is ample.)
        IF outcome = 'tight' AND p_minimum <= p_want AND account.alert_level < 100
            AND solaris.use_percent_v1(account) >= 99 THEN
            SELECT coalesce(account.thresholds, p.thresholds) INTO thresholds
            FROM solaris.plans AS p WHERE p.plan_id = account.plan_id;
            IF 100 = ANY (thresholds) THEN
                account := solaris.announce_v1(account, thresholds, 100, at);
                announced := true;
            END IF;
        END IF;
        IF outcome = 'held' THEN
            amount := CASE WHEN greatest(p_want, p_ample) <= available THEN p_want ELSE
                least(p_want, available, greatest(least_useful, p_step, least(p_fair, available / 20))) END;
            INSERT INTO solaris.holds (
                account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until)
            VALUES (
                p_account_id, p_hold_id, p_model, hold_v3.amount, least(p_prompt, hold_v3.amount), available, at,
                at + make_interval(secs => p_lease_seconds));
            account.held := account.held + amount;
        END IF;
    END IF;
    account.email := coalesce(p_email, account.email);
    account.last_used_at := at;
    SELECT a.entries INTO entries_before FROM solaris.accounts AS a WHERE a.account_id = p_account_id;
    -- Where no history was written, and nobody is told anything: need not wait, as above.
    IF entries_before = account.entries AND NOT created AND NOT announced THEN
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
    overdraft := account.overdraft;
    max_in_flight := account.max_in_flight;
    terms := account.terms;
END
$$;

-- Let the hold of a running request grow towards p_amount: by its share of what is available, but at least to
-- p_step, as far as there is so much. A hold that a crash has lost begins anew; one that was settled stays so,
-- and 0 is returned.
CREATE FUNCTION solaris.extend_v2(
    p_account_id text, p_hold_id uuid, p_amount bigint, p_step bigint, p_model text, p_prompt bigint,
    p_lease_seconds integer, p_now timestamptz, OUT amount bigint, OUT contended boolean
)
-- As in settle: the look-up of a settlement goes over all partitions and is planned once.
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    account solaris.accounts;
    at timestamptz;
    entries_before bigint;
    before bigint;
    available bigint;
BEGIN
    SELECT a.entries INTO entries_before FROM solaris.accounts AS a WHERE a.account_id = p_account_id;
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    amount := 0;
    contended := false;
    IF account.account_id IS NULL THEN
        RETURN;
    END IF;
    SELECT h.amount INTO before FROM solaris.holds AS h
    WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id;
    IF NOT FOUND THEN
        before := 0;
        PERFORM FROM solaris.usage AS u
        WHERE u.account_id = p_account_id AND u.hold_id = p_hold_id AND u.status = 'settled';
        IF FOUND THEN
            PERFORM solaris.store_account_v1(account);
            RETURN;
        END IF;
    END IF;
    available := CASE WHEN account.status = 'active' THEN greatest(
        0, account.allowance_granted - account.allowance_used + account.credits_remaining
        + account.overdraft - account.overage - account.held)
        ELSE 0 END; -- whoever was suspended meanwhile ends with what is held
    -- Its share of what is available, a twentieth, or the step that it needs now.
    amount := greatest(before, least(p_amount, before + available, greatest(p_step, before + available / 20)));
    IF amount > 0 THEN
        INSERT INTO solaris.holds AS h (
            account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until)
        VALUES (
            p_account_id, p_hold_id, p_model, extend_v2.amount, least(p_prompt, extend_v2.amount), before + available,
            at, at + make_interval(secs => p_lease_seconds))
        ON CONFLICT (account_id, hold_id) DO UPDATE SET
            amount = excluded.amount, available_before = greatest(h.available_before, excluded.available_before),
            lease_until = greatest(h.lease_until, excluded.lease_until); -- who asks for more still runs
    END IF;
    account.held := account.held + amount - before;
    contended := amount < p_amount AND account.held > amount AND account.status = 'active';
    -- As with a hold: what a crash loses harms nobody, unless this call also wrote history.
    IF entries_before = account.entries THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    PERFORM solaris.store_account_v1(account);
END
$$;

-- Turn a hold into use, once, and announce the thresholds that it crosses. Books even where the hold is gone (lost,
-- released or swept before). Where the account has no notices, none is said to be unread.
CREATE FUNCTION solaris.settle_v4(
    p_account_id text, p_hold_id uuid, p_model text, p_charge bigint, p_input bigint, p_cached bigint,
    p_output bigint, p_reasoning bigint, p_source text, p_details json, p_now timestamptz,
    OUT outcome text, OUT charge bigint, OUT beyond bigint, OUT use_percent_before integer,
    OUT status text, OUT status_reason text, OUT plan_id text, OUT locale text, OUT time_zone text,
    OUT period_start timestamptz, OUT period_end timestamptz, OUT allowance_granted bigint, OUT allowance_used bigint,
    OUT credits_remaining bigint, OUT credits_used bigint, OUT held bigint, OUT overage bigint,
    OUT unread_notices integer, OUT overdraft bigint, OUT max_in_flight integer, OUT terms text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    account solaris.accounts;
    at timestamptz;
    revision bigint;
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
    SELECT p.revision, p.thresholds INTO revision, thresholds FROM solaris.plans AS p WHERE p.plan_id = account.plan_id;
    IF least(account.period_end, account.next_lot_expiry, account.terms_until) <= at
        OR revision IS DISTINCT FROM account.plan_revision THEN
        account := solaris.lock_account_v1(p_account_id, p_now);
        SELECT p.thresholds INTO thresholds FROM solaris.plans AS p WHERE p.plan_id = account.plan_id;
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
    unread_notices := CASE WHEN account.notices THEN account.unread_notices ELSE 0 END;
    overdraft := account.overdraft;
    max_in_flight := account.max_in_flight;
    terms := account.terms;
END
$$;
