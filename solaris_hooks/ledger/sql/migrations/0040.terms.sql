-- Terms of a plan beside its tokens: models, requests at once, overdraft, weights, notices, trials; and how accounts
-- differ from their plan for a while.
-- depends: 0031.event-sources
--
-- Errors of our own: as in 0004.

CREATE SEQUENCE solaris.plan_revisions;

ALTER TABLE solaris.plans
    -- Patterns of the public names of models; null for all.
    ADD COLUMN allowed_models text[] CHECK (cardinality(allowed_models) <= 200),
    ADD COLUMN max_in_flight integer CHECK (max_in_flight > 0),
    -- Tokens that may be used beyond what was granted.
    ADD COLUMN overdraft bigint NOT NULL DEFAULT 0 CHECK (overdraft BETWEEN 0 AND 1000000000000000),
    -- Of new accounts; null for the settings'.
    ADD COLUMN time_zone text,
    ADD COLUMN anchor_day smallint CHECK (anchor_day BETWEEN 1 AND 31),
    -- By pattern of model, in order: json, not jsonb, which forgets the order. Null for the settings'.
    ADD COLUMN weights json,
    ADD COLUMN notices boolean NOT NULL DEFAULT true,
    -- An account is on the plan for so long, and then on the next one; where there is none, it is suspended.
    ADD COLUMN trial_days integer CHECK (trial_days BETWEEN 1 AND 3660),
    ADD COLUMN trial_then text REFERENCES solaris.plans,
    -- Another one after each change, and no two plans have the same: what accounts compare theirs with.
    ADD COLUMN revision bigint NOT NULL DEFAULT nextval('solaris.plan_revisions'),
    ADD CONSTRAINT another_plan_follows_a_trial
    CHECK (trial_then IS null OR (trial_days IS NOT null AND trial_then <> plan_id));

CREATE FUNCTION solaris.revise_plan_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := nextval('solaris.plan_revisions');
    RETURN NEW;
END
$$;
CREATE TRIGGER revise BEFORE UPDATE ON solaris.plans
FOR EACH ROW EXECUTE FUNCTION solaris.revise_plan_v1();

-- What an account took over from its plan and its own overrides, so that a hold looks at one row. All of these are
-- written by store_terms_v1 alone.
ALTER TABLE solaris.accounts
    -- Of the plan when its terms were taken over; 0 for never.
    ADD COLUMN plan_revision bigint NOT NULL DEFAULT 0,
    ADD COLUMN adopted_plan_id text,
    ADD COLUMN overdraft bigint NOT NULL DEFAULT 0 CHECK (overdraft >= 0),
    ADD COLUMN max_in_flight integer CHECK (max_in_flight > 0),
    ADD COLUMN notices boolean NOT NULL DEFAULT true,
    -- What only the proxies look at, as JSON: allowed_models and weights; null where there is neither.
    ADD COLUMN terms text,
    -- By name of field: value, until, reason, actor, at.
    ADD COLUMN overrides jsonb NOT NULL DEFAULT '{}',
    -- The change of plan at the next renewal: plan, reason, actor, at.
    ADD COLUMN scheduled jsonb,
    ADD COLUMN trial_ends_at timestamptz,
    -- The earliest moment at which any of this changes by itself, except by a renewal.
    ADD COLUMN terms_until timestamptz;

CREATE FUNCTION solaris.store_terms_v1(a solaris.accounts) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE solaris.accounts SET
        plan_revision = a.plan_revision, adopted_plan_id = a.adopted_plan_id, overdraft = a.overdraft,
        max_in_flight = a.max_in_flight, notices = a.notices, terms = a.terms, overrides = a.overrides,
        scheduled = a.scheduled, trial_ends_at = a.trial_ends_at, terms_until = a.terms_until
    WHERE account_id = a.account_id;
END
$$;

CREATE FUNCTION solaris.plan_v1(p_plan_id text) RETURNS solaris.plans
LANGUAGE plpgsql STABLE AS $$
DECLARE
    p solaris.plans;
BEGIN
    SELECT * INTO p FROM solaris.plans WHERE plan_id = p_plan_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no plan "%".', p_plan_id USING ERRCODE = 'SH001';
    END IF;
    RETURN p;
END
$$;

-- A time as the JSON of this schema has it.
CREATE FUNCTION solaris.instant_text_v1(p_at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
END
$$;

-- What the account is granted a month: its own figure while it has one, else its plan's.
CREATE FUNCTION solaris.monthly_tokens_v1(a solaris.accounts, p_plan_tokens bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN coalesce((a.overrides -> 'monthly_tokens' ->> 'value')::bigint, p_plan_tokens);
END
$$;

-- Take over what plan and overrides say, tokens excepted. A trial begins when the account comes to its plan, and
-- a change that was scheduled goes with the plan that it was scheduled on. The caller stores the account's terms.
CREATE FUNCTION solaris.adopt_terms_v1(a solaris.accounts, p solaris.plans, p_at timestamptz)
RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    models json;
BEGIN
    IF a.adopted_plan_id IS DISTINCT FROM p.plan_id THEN
        a.adopted_plan_id := p.plan_id;
        a.trial_ends_at := p_at + make_interval(hours => 24 * p.trial_days);
        a.scheduled := NULL;
    END IF;
    a.plan_revision := p.revision;
    a.overdraft := coalesce((a.overrides -> 'overdraft' ->> 'value')::bigint, p.overdraft);
    a.max_in_flight := CASE WHEN a.overrides ? 'max_in_flight'
        THEN (a.overrides -> 'max_in_flight' ->> 'value')::integer ELSE p.max_in_flight END;
    a.notices := coalesce((a.overrides -> 'notices' ->> 'value')::boolean, p.notices);
    a.thresholds := CASE WHEN a.overrides ? 'thresholds' THEN ARRAY(
        SELECT t::smallint
        FROM jsonb_array_elements_text(a.overrides -> 'thresholds' -> 'value') WITH ORDINALITY AS own (t, place)
        ORDER BY own.place) END;
    models := CASE WHEN a.overrides ? 'allowed_models'
        THEN nullif(a.overrides -> 'allowed_models' -> 'value', 'null')::json ELSE to_json(p.allowed_models) END;
    a.terms := CASE WHEN models IS NOT NULL OR p.weights IS NOT NULL
        THEN json_build_object('allowed_models', models, 'weights', p.weights)::text END;
    a.terms_until := least(
        a.trial_ends_at,
        (SELECT min((own.value ->> 'until')::timestamptz) FROM jsonb_each(a.overrides) AS own));
    RETURN a;
END
$$;

-- Grant what is granted a month now, if that is not what it was (p_before): at once, and never less than is used.
CREATE FUNCTION solaris.regrant_v1(
    a solaris.accounts, p_before bigint, p_plan_tokens bigint, p_at timestamptz, p_actor text, p_reason text
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    monthly bigint := solaris.monthly_tokens_v1(a, p_plan_tokens);
BEGIN
    a.plan_tokens := p_plan_tokens;
    IF monthly = p_before THEN
        RETURN a;
    END IF;
    RETURN solaris.grant_allowance_v1(a, monthly, p_at, p_actor, p_reason);
END
$$;

-- Let the allowance of this period be another one, but not less than is used; new room repays what is owed.
CREATE FUNCTION solaris.grant_allowance_v1(
    a solaris.accounts, p_tokens bigint, p_at timestamptz, p_actor text, p_reason text
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    granted bigint := greatest(p_tokens, a.allowance_used); -- what is used cannot be taken back
    delta bigint := granted - a.allowance_granted;
    repaid bigint := least(a.overage, granted - a.allowance_used);
BEGIN
    IF delta = 0 THEN
        RETURN a;
    END IF;
    a.allowance_granted := granted;
    a.allowance_used := a.allowance_used + repaid;
    a.overage := a.overage - repaid;
    a := solaris.append_entry_v1(
        a, 'plan_change', delta, p_at, p_actor, p_reason, 'plan:' || (a.entries + 1),
        json_build_object('plan', a.plan_id, 'granted', granted, 'overage_repaid', repaid));
    RETURN solaris.rearm_v1(a);
END
$$;

-- The account came to another plan: its tokens at once. What else the plan says, the next look takes over.
CREATE OR REPLACE FUNCTION solaris.adopt_plan_v1(a solaris.accounts, p_plan_tokens bigint, p_at timestamptz, p_actor text)
RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
BEGIN
    RETURN solaris.regrant_v1(
        a, solaris.monthly_tokens_v1(a, a.plan_tokens), p_plan_tokens, p_at, p_actor, NULL);
END
$$;

-- The period in which p_instant lies begins, whatever it is now (p_at): what is left of the old allowance lapses, a
-- change of plan that waited for this applies, the new allowance is granted, and what is owed is taken from it.
CREATE FUNCTION solaris.renew_v2(a solaris.accounts, p_instant timestamptz, p_at timestamptz)
RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    p solaris.plans;
    monthly bigint;
    lapsed bigint := a.allowance_granted - a.allowance_used;
    used_before bigint := a.allowance_used + a.credits_used + a.overage;
    moves boolean := a.scheduled IS NOT NULL;
    repaid bigint;
    period record;
    period_key text;
    details jsonb;
BEGIN
    SELECT * INTO period FROM solaris.period_bounds_v1(p_instant, a.time_zone, a.anchor_day);
    period_key := extract(EPOCH FROM period.starts)::bigint::text;
    IF lapsed > 0 THEN
        a.allowance_used := a.allowance_granted;
        a := solaris.append_entry_v1(
            a, 'lapse', -lapsed, p_at, 'system', NULL, 'lapse:' || period_key, '{}');
    END IF;
    IF moves THEN
        a.plan_id := a.scheduled ->> 'plan';
        a.scheduled := NULL;
    END IF;
    p := solaris.plan_v1(a.plan_id);
    a := solaris.adopt_terms_v1(a, p, a.period_end);
    monthly := solaris.monthly_tokens_v1(a, p.monthly_tokens);
    repaid := least(a.overage, monthly);
    a.period_start := period.starts;
    a.period_end := period.ends;
    a.plan_tokens := p.monthly_tokens;
    a.allowance_granted := monthly;
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
    details := jsonb_build_object('granted', monthly, 'overage_repaid', repaid)
        || CASE WHEN moves THEN jsonb_build_object('plan', a.plan_id) ELSE '{}' END;
    a := solaris.append_entry_v1(
        a, 'renewal', monthly, p_at, 'system', NULL, 'renewal:' || period_key, details::json);
    IF period.ends <= p_at THEN -- a month that has passed meanwhile is no news
        RETURN a;
    END IF;
    RETURN solaris.emit_v1(
        a, 'period.renewed', 'renewal:' || period_key, p_at,
        jsonb_build_object('used_before', used_before, 'overage_repaid', repaid), true);
END
$$;

-- Overrides whose time is up at p_instant end, and so does a trial.
CREATE FUNCTION solaris.end_terms_v1(a solaris.accounts, p_instant timestamptz, p_at timestamptz)
RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    p solaris.plans := solaris.plan_v1(a.plan_id);
    before bigint := solaris.monthly_tokens_v1(a, a.plan_tokens);
BEGIN
    a.overrides := (
        SELECT coalesce(jsonb_object_agg(own.key, own.value), '{}') FROM jsonb_each(a.overrides) AS own
        WHERE ((own.value ->> 'until')::timestamptz <= p_instant) IS NOT TRUE);
    IF a.trial_ends_at <= p_instant THEN
        a.trial_ends_at := NULL;
        IF p.trial_then IS NOT NULL THEN
            p := solaris.plan_v1(p.trial_then);
            a.plan_id := p.plan_id;
        ELSIF p.trial_days IS NOT NULL AND a.status = 'active' THEN
            a.status := 'suspended';
            a.status_reason := CASE a.locale WHEN 'en' THEN 'The trial has ended.'
                ELSE 'O período de teste terminou.' END;
            a := solaris.emit_v1(
                a, 'account.suspended', 'trial:' || extract(EPOCH FROM p_instant)::bigint, p_at,
                jsonb_build_object('status', a.status, 'reason', a.status_reason), false);
        END IF;
    END IF;
    a := solaris.adopt_terms_v1(a, p, p_instant);
    RETURN solaris.regrant_v1(a, before, p.monthly_tokens, p_at, 'system', NULL);
END
$$;

-- Lock the account's row and bring it up to now: periods, plan, terms, expired credits. Null if there is none.
-- The caller stores it with store_account_v1; its terms are stored already.
CREATE OR REPLACE FUNCTION solaris.lock_account_v1(p_account_id text, p_now timestamptz) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    a solaris.accounts;
    p solaris.plans;
    at timestamptz;
    before bigint;
BEGIN
    SELECT * INTO a FROM solaris.accounts WHERE account_id = p_account_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    at := coalesce(p_now, clock_timestamp());
    p := solaris.plan_v1(a.plan_id);
    IF least(a.period_end, a.terms_until) <= at OR a.plan_revision <> p.revision THEN
        -- In order of time. Months without a call are skipped, but not those in which the terms changed.
        WHILE least(a.period_end, a.terms_until) <= at LOOP
            IF a.terms_until < a.period_end THEN
                a := solaris.end_terms_v1(a, a.terms_until, at);
            ELSE
                a := solaris.renew_v2(a, least(a.terms_until, at), at);
            END IF;
        END LOOP;
        p := solaris.plan_v1(a.plan_id);
        IF a.plan_revision <> p.revision THEN
            before := solaris.monthly_tokens_v1(a, a.plan_tokens);
            a := solaris.adopt_terms_v1(a, p, at);
            a := solaris.regrant_v1(a, before, p.monthly_tokens, at, 'system', NULL);
        END IF;
        PERFORM solaris.store_terms_v1(a);
    END IF;
    IF a.next_lot_expiry <= at THEN
        a := solaris.expire_lots_v1(a, at);
    END IF;
    RETURN a;
END
$$;

-- The account as of now; null if there is none. Where nothing is due, it is read and not written.
CREATE OR REPLACE FUNCTION solaris.refresh_account_v1(p_account_id text, p_now timestamptz) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz := coalesce(p_now, clock_timestamp());
    revision bigint;
BEGIN
    SELECT * INTO account FROM solaris.accounts AS a WHERE a.account_id = p_account_id;
    IF account.account_id IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT p.revision INTO revision FROM solaris.plans AS p WHERE p.plan_id = account.plan_id;
    IF least(account.period_end, account.next_lot_expiry, account.terms_until) <= at
        OR revision IS DISTINCT FROM account.plan_revision THEN
        account := solaris.lock_account_v1(p_account_id, p_now);
        PERFORM solaris.store_account_v1(account);
    END IF;
    RETURN account;
END
$$;

-- Make the account if it is missing, with the months that its plan wants. Two first requests at once: the second
-- waits, then finds it.
CREATE FUNCTION solaris.open_account_v2(
    p_account_id text, p_plan_id text, p_locale text, p_time_zone text, p_anchor_day integer,
    p_email text, p_status text, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    a solaris.accounts;
    p solaris.plans := solaris.plan_v1(p_plan_id);
    at timestamptz := coalesce(p_now, clock_timestamp());
    zone text := coalesce(p.time_zone, p_time_zone);
    anchor integer := coalesce(p.anchor_day, p_anchor_day);
BEGIN
    INSERT INTO solaris.accounts (
        account_id, plan_id, plan_tokens, email, locale, time_zone, anchor_day, status,
        period_start, period_end, allowance_granted, created_at)
    SELECT
        p_account_id, p_plan_id, p.monthly_tokens, p_email, p_locale, zone, anchor, p_status,
        b.starts, b.ends, p.monthly_tokens, at
    FROM solaris.period_bounds_v1(at, zone, anchor) AS b
    ON CONFLICT (account_id) DO NOTHING
    RETURNING * INTO a;
    IF a.account_id IS NULL THEN
        RETURN false;
    END IF;
    a := solaris.append_entry_v1(
        a, 'opening', p.monthly_tokens, at, 'system', NULL, 'opening', json_build_object('plan', p_plan_id));
    a := solaris.emit_v1(
        a, 'account.created', 'created', at, jsonb_build_object('email', p_email, 'status', p_status), false);
    UPDATE solaris.accounts SET entries = a.entries, chain = a.chain WHERE account_id = p_account_id;
    a := solaris.adopt_terms_v1(a, p, at);
    PERFORM solaris.store_terms_v1(a);
    RETURN true;
END
$$;

-- Make or change a plan, and write down who did and why. Its accounts take it over when they are next looked at.
CREATE FUNCTION solaris.put_plan_v1(
    p_plan_id text, p_monthly_tokens bigint, p_thresholds smallint [], p_allowed_models text [],
    p_max_in_flight integer, p_overdraft bigint, p_time_zone text, p_anchor_day integer, p_weights json,
    p_notices boolean, p_trial_days integer, p_trial_then text, p_actor text, p_reason text, p_now timestamptz
) RETURNS solaris.plans
LANGUAGE plpgsql AS $$
DECLARE
    before jsonb;
    after jsonb;
    p solaris.plans;
    bookkeeping text[] := '{plan_id,created_at,changed_at,changed_by,revision}';
BEGIN
    IF p_trial_then IS NOT NULL THEN
        p := solaris.plan_v1(p_trial_then);
    END IF;
    SELECT to_jsonb(known) - bookkeeping INTO before FROM solaris.plans AS known WHERE known.plan_id = p_plan_id FOR UPDATE;
    INSERT INTO solaris.plans AS known (
        plan_id, monthly_tokens, thresholds, allowed_models, max_in_flight, overdraft, time_zone, anchor_day,
        weights, notices, trial_days, trial_then, changed_by)
    VALUES (
        p_plan_id, p_monthly_tokens, p_thresholds, p_allowed_models, p_max_in_flight, p_overdraft, p_time_zone,
        p_anchor_day, p_weights, p_notices, p_trial_days, p_trial_then, p_actor)
    ON CONFLICT (plan_id) DO UPDATE SET
        monthly_tokens = excluded.monthly_tokens, thresholds = excluded.thresholds,
        allowed_models = excluded.allowed_models, max_in_flight = excluded.max_in_flight,
        overdraft = excluded.overdraft, time_zone = excluded.time_zone, anchor_day = excluded.anchor_day,
        weights = excluded.weights, notices = excluded.notices, trial_days = excluded.trial_days,
        trial_then = excluded.trial_then, changed_by = excluded.changed_by, changed_at = clock_timestamp()
    RETURNING * INTO p;
    after := to_jsonb(p) - bookkeeping;
    IF before IS DISTINCT FROM after THEN -- of a change, what changed
        INSERT INTO solaris.audit (at, actor, action, subject, before, after, reason)
        SELECT
            coalesce(p_now, clock_timestamp()), p_actor, 'plan.put', p_plan_id,
            jsonb_object_agg(field.key, before -> field.key) FILTER (WHERE before IS NOT NULL),
            jsonb_object_agg(field.key, field.value), p_reason
        FROM jsonb_each(after) AS field
        WHERE field.value IS DISTINCT FROM before -> field.key;
    END IF;
    RETURN p;
END
$$;
