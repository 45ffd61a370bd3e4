-- Use by LiteLLM team, whoever pays: a settlement's details say the team of its key, where it has one.
-- depends: 0084.forget-in-batches
--
-- Settlements write it beside the call; the job that keeps the totals adds it up, seconds later. See
-- docs/decisions/0042.

ALTER TABLE solaris.usage ADD COLUMN team_id text; -- LiteLLM's

CREATE TABLE solaris.teams (
    team_id text PRIMARY KEY, -- LiteLLM's
    alias text NOT NULL,
    noted_at timestamptz NOT NULL
);

CREATE TABLE solaris.usage_of_teams (
    day date NOT NULL, -- local to the account that paid, as in usage_of_plans
    team_id text NOT NULL,
    model text NOT NULL,
    requests bigint NOT NULL,
    estimated_requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    charge bigint NOT NULL,
    images numeric NOT NULL,
    seconds numeric NOT NULL,
    characters numeric NOT NULL,
    calls numeric NOT NULL,
    PRIMARY KEY (day, team_id, model)
) WITH (fillfactor = 70);

-- As before (0061), with the team.
CREATE OR REPLACE FUNCTION solaris.settle_v5(
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
            output_tokens, reasoning_tokens, held, held_at, ended_at, member_id, team_id)
        VALUES (
            p_account_id, p_hold_id, 'settled', p_model, p_source, p_charge, beyond, p_input, p_cached,
            p_output, p_reasoning, held_amount, held_since, at, whose, p_details ->> 'team')
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
                reasoning_tokens = p_reasoning, ended_at = at, member_id = whose,
                team_id = p_details ->> 'team'
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

-- Keep what LiteLLM calls a team.
CREATE FUNCTION solaris.note_team_v1(p_team_id text, p_alias text, p_now timestamptz) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO solaris.teams AS t (team_id, alias, noted_at)
    VALUES (p_team_id, p_alias, coalesce(p_now, clock_timestamp()))
    ON CONFLICT (team_id) DO UPDATE SET alias = excluded.alias, noted_at = excluded.noted_at
    WHERE t.alias <> excluded.alias
$$;

-- Add what was settled from p_since until before p_until to the totals of teams. What names no team, since it is older
-- or was booked for a process that died, is of the team whose account paid, if one did.
CREATE FUNCTION solaris.add_team_totals_v1(p_since timestamptz, p_until timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO solaris.usage_of_teams AS t (
        day, team_id, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge,
        images, seconds, characters, calls)
    SELECT
        f.day, f.team_id, f.model, count(*), sum(f.estimated), sum(f.input_tokens), sum(f.cached_input_tokens),
        sum(f.output_tokens), sum(f.charge), sum(coalesce((f.units ->> 'image')::numeric, 0)),
        sum(coalesce((f.units ->> 'second')::numeric, 0)), sum(coalesce((f.units ->> 'character')::numeric, 0)),
        sum(coalesce((f.units ->> 'call')::numeric, 0))
    FROM (
        SELECT
            (u.ended_at AT TIME ZONE a.time_zone)::date AS day, u.model, u.input_tokens, u.cached_input_tokens,
            u.output_tokens, u.charge, (u.source IN ('estimate', 'sweep'))::integer AS estimated,
            coalesce(u.team_id, substring(u.account_id FROM '^team:(.+)$')) AS team_id, paid.units
        FROM solaris.usage AS u
        JOIN solaris.accounts AS a ON u.account_id = a.account_id
        LEFT JOIN LATERAL (
            SELECT e.details -> 'more' -> 'units' AS units FROM solaris.entries AS e
            WHERE u.source IN ('price', 'estimate') AND e.account_id = u.account_id
                AND e.idempotency_key = 'usage:' || u.hold_id
            OFFSET 0 -- kept apart, so that entries are looked up one by one, and only those
        ) AS paid ON true
        WHERE u.ended_at >= p_since AND u.ended_at < p_until AND u.status = 'settled'
            AND (u.team_id IS NOT NULL OR u.account_id LIKE 'team:%')
    ) AS f
    GROUP BY f.day, f.team_id, f.model
    ON CONFLICT (day, team_id, model) DO UPDATE SET
        requests = t.requests + excluded.requests,
        estimated_requests = t.estimated_requests + excluded.estimated_requests,
        input_tokens = t.input_tokens + excluded.input_tokens,
        cached_input_tokens = t.cached_input_tokens + excluded.cached_input_tokens,
        output_tokens = t.output_tokens + excluded.output_tokens, charge = t.charge + excluded.charge,
        images = t.images + excluded.images, seconds = t.seconds + excluded.seconds,
        characters = t.characters + excluded.characters, calls = t.calls + excluded.calls;
END
$$;

-- As before (0070), with the totals of teams.
CREATE OR REPLACE FUNCTION solaris.roll_up_v1(p_limit integer, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    state solaris.rollup;
    since timestamptz;
    until timestamptz;
    behind boolean;
    at timestamptz;
    drawn xid8;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('solaris.rollup', 0)) THEN
        RETURN false;
    END IF;
    SELECT * INTO state FROM solaris.rollup;
    since := coalesce(state.rolled_until, '2000-01-01Z');
    IF pg_snapshot_xmin(pg_current_snapshot()) < state.waiting_for THEN
        RETURN false; -- a transaction that began to write before that moment still runs
    END IF;
    at := coalesce(p_now, clock_timestamp());
    drawn := pg_current_xact_id();
    until := (
        SELECT u.ended_at FROM solaris.usage AS u
        WHERE u.ended_at >= since AND u.ended_at < state.waiting_until
        ORDER BY u.ended_at OFFSET p_limit LIMIT 1);
    behind := until IS NOT NULL;
    IF behind THEN
        until := greatest(until, since + interval '1 microsecond'); -- where very many ended at one moment
    ELSE
        until := greatest(state.waiting_until, since);
    END IF;
    UPDATE solaris.rollup SET
        rolled_until = nullif(until, '2000-01-01Z'),
        skipped = solaris.refresh_summaries_v1(state.skipped || solaris.add_totals_v1(since, until));
    PERFORM solaris.add_team_totals_v1(since, until);
    IF NOT behind THEN
        UPDATE solaris.rollup SET waiting_until = at, waiting_for = drawn;
    END IF;
    RETURN behind;
END
$$;

-- Accounts that teams share had reports before: what they used so far. Nobody else adds totals meanwhile.
DO $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('solaris.rollup', 0));
    IF EXISTS (SELECT FROM solaris.accounts AS a WHERE a.account_id LIKE 'team:%') THEN
        PERFORM solaris.add_team_totals_v1('2000-01-01Z', coalesce(r.rolled_until, '2000-01-01Z'))
        FROM solaris.rollup AS r;
    END IF;
END
$$;
