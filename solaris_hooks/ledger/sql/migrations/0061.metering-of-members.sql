-- Hold, grow, settle and release for members of teams. They mean what hold_v3, extend_v2, settle_v4 and release_v1 mean;
-- what is new, only where there is a member:
-- * he holds no more than is left of his limit, however much his team has;
-- * what he holds and uses is added up beside the team's, under the same lock, and each entry names him;
-- * the answers say his figures beside the team's.
-- depends: 0060.teams

-- Hold tokens for a request before its provider is called: p_want of a balance of p_ample, else a twentieth of the
-- balance, but p_step at the least and p_fair at the most, else what is left if p_minimum fits. An overdraft is part of
-- the balance as far as it is not used. An account with a limit of requests at once always takes the long way.
-- A member of a team (p_member_id, else null) has what is left of his limit, as far as the team has as much; p_email is
-- then his and not the account's.
CREATE FUNCTION solaris.hold_v4(
    p_account_id text, p_hold_id uuid, p_model text, p_want bigint, p_ample bigint, p_fair bigint, p_step bigint,
    p_minimum bigint, p_prompt bigint, p_lease_seconds integer, p_email text, p_create boolean, p_plan_id text, p_locale text,
    p_time_zone text, p_anchor_day integer, p_status text,
    p_member_id text, p_now timestamptz,
    OUT outcome text, OUT amount bigint, OUT created boolean,
    OUT status text, OUT status_reason text, OUT plan_id text, OUT locale text, OUT time_zone text,
    OUT period_start timestamptz, OUT period_end timestamptz, OUT allowance_granted bigint, OUT allowance_used bigint,
    OUT credits_remaining bigint, OUT credits_used bigint, OUT held bigint, OUT overage bigint,
    OUT overdraft bigint, OUT max_in_flight integer, OUT terms text,
    OUT member_limit bigint, OUT member_used bigint, OUT member_held bigint, OUT member_told integer
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    account solaris.accounts;
    member solaris.members;
    at timestamptz := coalesce(p_now, clock_timestamp());
    spendable bigint;
    usable bigint;
    available bigint;
    default_limit bigint;
    fits boolean := true;
    least_useful bigint;
    thresholds smallint[];
    entries_before bigint;
    announced boolean := false;
    account_email text := CASE WHEN p_member_id IS NULL THEN p_email END;
    committing text;
BEGIN
    created := false;

    -- The usual case: nothing is due, and there is enough. Where the row was locked, its new figures are looked at.
    UPDATE solaris.accounts AS a
    SET held = a.held + p_want, last_used_at = at, email = coalesce(account_email, a.email)
    WHERE a.account_id = p_account_id AND a.status = 'active'
        AND a.allowance_granted - a.allowance_used + a.credits_remaining + a.overdraft - a.overage - a.held
        >= greatest(p_want, p_ample)
        AND a.max_in_flight IS NULL AND least(a.period_end, a.next_lot_expiry, a.terms_until) > at
        AND a.plan_revision = (SELECT p.revision FROM solaris.plans AS p WHERE p.plan_id = a.plan_id)
    RETURNING
        'held', p_want, a.status, a.status_reason, a.plan_id, a.locale, a.time_zone, a.period_start, a.period_end,
        a.allowance_granted, a.allowance_used, a.credits_remaining, a.credits_used, a.held, a.overage,
        a.overdraft, a.max_in_flight, a.terms, a.member_limit,
        a.allowance_granted - a.allowance_used + a.credits_remaining + a.overdraft - a.overage - a.held + p_want
    INTO
        outcome, amount, status, status_reason, plan_id, locale, time_zone, period_start, period_end,
        allowance_granted, allowance_used, credits_remaining, credits_used, held, overage,
        overdraft, max_in_flight, terms, default_limit, available;
    IF outcome IS NOT NULL AND p_member_id IS NOT NULL THEN
        -- The account's row is locked now, so that nobody else writes its members meanwhile.
        UPDATE solaris.members AS m
        SET held = m.held + p_want, email = coalesce(p_email, m.email)
        WHERE m.account_id = p_account_id AND m.member_id = p_member_id AND m.period_start = hold_v4.period_start
            AND (CASE WHEN m.limit_is_own THEN m.own_limit ELSE default_limit END - m.used - m.held
                >= greatest(p_want, p_ample)) IS NOT FALSE
        RETURNING CASE WHEN m.limit_is_own THEN m.own_limit ELSE default_limit END, m.used, m.held, m.told_percent
        INTO member_limit, member_used, member_held, member_told;
        fits := FOUND;
        available := least(available, member_limit - member_used - member_held + p_want);
    END IF;
    IF outcome IS NOT NULL AND fits THEN
        INSERT INTO solaris.holds (
            account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until, member_id)
        VALUES (
            p_account_id, p_hold_id, p_model, p_want, least(p_prompt, p_want), available, at,
            at + make_interval(secs => p_lease_seconds), p_member_id)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            -- A hold that a crash of the database loses harms nobody, for settle books without one. So the
            -- commit need not wait for the disk.
            committing := set_config('synchronous_commit', 'off', true);
            RETURN;
        END IF;
        -- Asked again after a broken connection: the first time stands.
        UPDATE solaris.members AS m SET held = m.held - p_want
        WHERE p_member_id IS NOT NULL AND m.account_id = p_account_id AND m.member_id = p_member_id;
    END IF;
    IF outcome IS NOT NULL THEN -- what was taken for granted was not so
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
            p_account_id, p_plan_id, p_locale, p_time_zone, p_anchor_day, account_email, p_status, p_now);
        account := solaris.lock_account_v1(p_account_id, p_now);
    END IF;
    at := coalesce(p_now, clock_timestamp());
    IF p_member_id IS NOT NULL THEN
        member := solaris.member_v1(account, p_member_id, at);
        member.email := coalesce(p_email, member.email);
        member_limit := solaris.member_limit_v1(account, member);
    END IF;
    SELECT h.amount INTO amount FROM solaris.holds AS h
    WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id;
    IF FOUND THEN
        outcome := 'held';
    ELSE
        amount := 0;
        spendable := account.allowance_granted - account.allowance_used + account.credits_remaining
            + account.overdraft - account.overage;
        available := greatest(0, spendable - account.held);
        usable := spendable;
        IF member_limit IS NOT NULL THEN
            usable := least(usable, member_limit - member.used);
            available := least(available, greatest(0, member_limit - member.used - member.held));
        END IF;
        least_useful := greatest(p_minimum, 1); -- holding nothing would bound nothing
        outcome := CASE
            WHEN account.status <> 'active' THEN 'inactive'
            WHEN greatest(p_want, p_ample) <= available OR least_useful <= available THEN 'held'
            WHEN least_useful <= usable THEN 'contended'
            ELSE 'tight'
        END;
        IF outcome IN ('held', 'contended') AND account.max_in_flight <= (
            SELECT count(*) FROM solaris.holds AS h WHERE h.account_id = p_account_id) THEN
            outcome := 'crowded';
        END IF;
        -- Whoever is refused for the few tokens that are left has used up what he can use. (A minimum beyond what is
        -- wanted only asks whether the balance is ample.)
        IF outcome = 'tight' AND p_minimum <= p_want AND account.alert_level < 100 AND least_useful > spendable
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
                account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until, member_id)
            VALUES (
                p_account_id, p_hold_id, p_model, hold_v4.amount, least(p_prompt, hold_v4.amount), available, at,
                at + make_interval(secs => p_lease_seconds), p_member_id);
            account.held := account.held + amount;
            member.held := member.held + amount;
        END IF;
    END IF;
    account.email := coalesce(account_email, account.email);
    IF p_member_id IS NOT NULL THEN
        PERFORM solaris.store_member_v1(member);
        member_used := member.used;
        member_held := member.held;
        member_told := member.told_percent;
    END IF;
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
-- and 0 is returned. The member is of use for a hold that was lost; any other knows its own.
CREATE FUNCTION solaris.extend_v3(
    p_account_id text, p_hold_id uuid, p_amount bigint, p_step bigint, p_model text, p_prompt bigint,
    p_lease_seconds integer, p_member_id text, p_now timestamptz, OUT amount bigint, OUT contended boolean
)
-- As in settle: the look-up of a settlement goes over all partitions and is planned once.
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    account solaris.accounts;
    member solaris.members;
    whose text;
    member_limit bigint;
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
    SELECT h.amount, h.member_id INTO before, whose FROM solaris.holds AS h
    WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id;
    IF NOT FOUND THEN
        before := 0;
        whose := p_member_id;
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
    IF whose IS NOT NULL THEN
        member := solaris.member_v1(account, whose, at);
        member_limit := solaris.member_limit_v1(account, member);
        IF member_limit IS NOT NULL THEN
            available := least(available, greatest(0, member_limit - member.used - member.held));
        END IF;
    END IF;
    -- Its share of what is available, a twentieth, or the step that it needs now.
    amount := greatest(before, least(p_amount, before + available, greatest(p_step, before + available / 20)));
    IF amount > 0 THEN
        INSERT INTO solaris.holds AS h (
            account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until, member_id)
        VALUES (
            p_account_id, p_hold_id, p_model, extend_v3.amount, least(p_prompt, extend_v3.amount), before + available,
            at, at + make_interval(secs => p_lease_seconds), whose)
        ON CONFLICT (account_id, hold_id) DO UPDATE SET
            amount = excluded.amount, available_before = greatest(h.available_before, excluded.available_before),
            lease_until = greatest(h.lease_until, excluded.lease_until); -- who asks for more still runs
    END IF;
    account.held := account.held + amount - before;
    contended := amount < p_amount AND account.held > amount AND account.status = 'active'
        AND (member_limit - member.used > amount) IS NOT FALSE; -- more than his limit no end of others gives him
    IF whose IS NOT NULL THEN
        member.held := member.held + amount - before;
        PERFORM solaris.store_member_v1(member);
    END IF;
    -- As with a hold: what a crash loses harms nobody, unless this call also wrote history.
    IF entries_before = account.entries THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    PERFORM solaris.store_account_v1(account);
END
$$;

-- Turn a hold into use, once, and announce the thresholds that it crosses. Books even where the hold is gone (lost,
-- released or swept before). Where the account has no notices, none is said to be unread.
-- The member is of use where the hold is gone; any other knows its own.
CREATE FUNCTION solaris.settle_v5(
    p_account_id text, p_hold_id uuid, p_model text, p_charge bigint, p_input bigint, p_cached bigint,
    p_output bigint, p_reasoning bigint, p_source text, p_details json, p_member_id text,
    p_now timestamptz,
    OUT outcome text, OUT charge bigint, OUT beyond bigint, OUT use_percent_before integer,
    OUT status text, OUT status_reason text, OUT plan_id text, OUT locale text, OUT time_zone text,
    OUT period_start timestamptz, OUT period_end timestamptz, OUT allowance_granted bigint, OUT allowance_used bigint,
    OUT credits_remaining bigint, OUT credits_used bigint, OUT held bigint, OUT overage bigint,
    OUT unread_notices integer, OUT overdraft bigint, OUT max_in_flight integer, OUT terms text,
    OUT member_limit bigint, OUT member_used bigint, OUT member_held bigint, OUT member_told integer
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    account solaris.accounts;
    member solaris.members;
    whose text;
    held_whose text;
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
    RETURNING h.amount, h.held_at, h.member_id INTO held_amount, held_since, held_whose;
    account.held := account.held - coalesce(held_amount, 0);
    whose := coalesce(held_whose, p_member_id);

    outcome := 'settled';
    charge := p_charge;
    from_allowance := least(p_charge, account.allowance_granted - account.allowance_used);
    from_credits := least(p_charge - from_allowance, account.credits_remaining);
    beyond := p_charge - from_allowance - from_credits;
    -- The write tells whether the call was settled before; but what cannot be booked is looked up, for it raises.
    IF NOT unbookable THEN
        INSERT INTO solaris.usage (
            account_id, hold_id, status, model, source, charge, overage, input_tokens, cached_input_tokens,
            output_tokens, reasoning_tokens, held, held_at, ended_at, member_id)
        VALUES (
            p_account_id, p_hold_id, 'settled', p_model, p_source, p_charge, beyond, p_input, p_cached,
            p_output, p_reasoning, held_amount, held_since, at, whose)
        ON CONFLICT DO NOTHING;
    END IF;
    IF unbookable OR NOT FOUND THEN
        SELECT u.status, u.charge, u.overage, coalesce(held_whose, u.member_id, p_member_id)
        INTO first_status, first_charge, first_overage, whose
        FROM solaris.usage AS u
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
                reasoning_tokens = p_reasoning, ended_at = at, member_id = whose
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
        IF whose IS NOT NULL THEN
            details := json_build_object(
                'hold_id', p_hold_id, 'model', p_model, 'source', p_source, 'input_tokens', p_input,
                'cached_input_tokens', p_cached, 'output_tokens', p_output, 'reasoning_tokens', p_reasoning,
                'from_allowance', from_allowance, 'from_credits', taken, 'more', p_details, 'member', whose);
        END IF;
        account.allowance_used := account.allowance_used + from_allowance;
        account.credits_remaining := account.credits_remaining - from_credits;
        account.credits_used := account.credits_used + from_credits;
        account := solaris.append_entry_v1(
            account, 'usage', -(from_allowance + from_credits), at, 'proxy', NULL, 'usage:' || p_hold_id, details);
        IF beyond > 0 THEN
            account.overage := account.overage + beyond;
            account := solaris.append_entry_v1(
                account, 'overage', -beyond, at, 'proxy', NULL, 'overage:' || p_hold_id,
                CASE WHEN whose IS NULL THEN json_build_object('hold_id', p_hold_id)
                    ELSE json_build_object('hold_id', p_hold_id, 'member', whose) END);
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

    IF whose IS NOT NULL THEN
        member := solaris.member_v1(account, whose, at);
        IF held_whose IS NOT NULL THEN
            member.held := member.held - held_amount;
        END IF;
        IF outcome = 'settled' THEN
            member.used := member.used + p_charge;
            INSERT INTO solaris.member_daily AS d (
                account_id, member_id, day, model, requests, estimated_requests, input_tokens, cached_input_tokens,
                output_tokens, charge)
            VALUES (p_account_id, whose, today, p_model, 1, estimated, p_input, p_cached, p_output, p_charge)
            ON CONFLICT ON CONSTRAINT member_daily_pkey DO UPDATE SET
                requests = d.requests + 1, estimated_requests = d.estimated_requests + excluded.estimated_requests,
                input_tokens = d.input_tokens + excluded.input_tokens,
                cached_input_tokens = d.cached_input_tokens + excluded.cached_input_tokens,
                output_tokens = d.output_tokens + excluded.output_tokens, charge = d.charge + excluded.charge;
        END IF;
        PERFORM solaris.store_member_v1(member);
        member_limit := solaris.member_limit_v1(account, member);
        member_used := member.used;
        member_held := member.held;
        member_told := CASE WHEN account.notices THEN member.told_percent ELSE 100 END;
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

-- For proxies of the version before, of which a sweeper may end a member's hold.
CREATE OR REPLACE FUNCTION solaris.settle_v4(
    p_account_id text, p_hold_id uuid, p_model text, p_charge bigint, p_input bigint, p_cached bigint,
    p_output bigint, p_reasoning bigint, p_source text, p_details json, p_now timestamptz,
    OUT outcome text, OUT charge bigint, OUT beyond bigint, OUT use_percent_before integer,
    OUT status text, OUT status_reason text, OUT plan_id text, OUT locale text, OUT time_zone text,
    OUT period_start timestamptz, OUT period_end timestamptz, OUT allowance_granted bigint, OUT allowance_used bigint,
    OUT credits_remaining bigint, OUT credits_used bigint, OUT held bigint, OUT overage bigint,
    OUT unread_notices integer, OUT overdraft bigint, OUT max_in_flight integer, OUT terms text
)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT
        s.outcome, s.charge, s.beyond, s.use_percent_before, s.status, s.status_reason, s.plan_id, s.locale,
        s.time_zone, s.period_start, s.period_end, s.allowance_granted, s.allowance_used, s.credits_remaining,
        s.credits_used, s.held, s.overage, s.unread_notices, s.overdraft, s.max_in_flight, s.terms
    INTO
        outcome, charge, beyond, use_percent_before, status, status_reason, plan_id, locale,
        time_zone, period_start, period_end, allowance_granted, allowance_used, credits_remaining,
        credits_used, held, overage, unread_notices, overdraft, max_in_flight, terms
    FROM solaris.settle_v5(
        p_account_id, p_hold_id, p_model, p_charge, p_input, p_cached, p_output, p_reasoning, p_source, p_details,
        NULL, p_now) AS s;
END
$$;

-- Turn a hold into nothing: its request used nothing.
CREATE OR REPLACE FUNCTION solaris.release_v1(p_account_id text, p_hold_id uuid, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    member solaris.members;
    at timestamptz;
    gone record;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    DELETE FROM solaris.holds AS h WHERE h.account_id = p_account_id AND h.hold_id = p_hold_id
    RETURNING h.amount, h.held_at, h.model, h.member_id INTO gone;
    IF FOUND THEN
        account.held := account.held - gone.amount;
        INSERT INTO solaris.usage (
            account_id, hold_id, status, model, charge, overage, input_tokens, cached_input_tokens,
            output_tokens, reasoning_tokens, held, held_at, ended_at, member_id)
        VALUES (
            p_account_id, p_hold_id, 'released', gone.model, 0, 0, 0, 0, 0, 0, gone.amount, gone.held_at, at,
            gone.member_id)
        ON CONFLICT (account_id, hold_id) DO NOTHING; -- a hold that came again: what it ended with stands
        IF gone.member_id IS NOT NULL THEN
            member := solaris.member_v1(account, gone.member_id, at);
            member.held := member.held - gone.amount;
            PERFORM solaris.store_member_v1(member);
        END IF;
    END IF;
    IF account.account_id IS NOT NULL THEN
        PERFORM solaris.store_account_v1(account);
    END IF;
    RETURN gone.amount IS NOT NULL;
END
$$;
