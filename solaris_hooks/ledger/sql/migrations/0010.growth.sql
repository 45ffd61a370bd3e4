-- Holds that grow while their request runs, and how long answers really get.
-- depends: 0007.partitions

-- Let the hold of a running request grow towards p_amount: by its share of what is available, but at least to
-- p_step, as far as there is so much. A hold that a crash has lost begins anew; one that was settled stays so,
-- and 0 is returned.
CREATE FUNCTION solaris.extend_v1(
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
        0, account.allowance_granted - account.allowance_used + account.credits_remaining - account.held)
        ELSE 0 END; -- whoever was suspended meanwhile ends with what is held
    -- Its share of what is available, a twentieth, or the step that it needs now.
    amount := greatest(before, least(p_amount, before + available, greatest(p_step, before + available / 20)));
    IF amount > 0 THEN
        INSERT INTO solaris.holds AS h (
            account_id, hold_id, model, amount, prompt, available_before, held_at, lease_until)
        VALUES (
            p_account_id, p_hold_id, p_model, extend_v1.amount, least(p_prompt, extend_v1.amount), before + available,
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

-- Lengths of answers by model and kind, in buckets (see solaris_hooks/quota/lengths.py): what holds are sized by.
CREATE TABLE solaris.answer_lengths (
    model text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('stream', 'whole', 'prompt', 'beyond_cap')),
    bucket integer NOT NULL CHECK (bucket >= 0),
    count bigint NOT NULL CHECK (count > 0),
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (model, kind, bucket)
);

-- Add counts (the same place in all arrays is one count) and return all that is known. The newest answers say
-- most: where more than p_most are counted, half of them are forgotten; a model that nobody asks for, wholly.
CREATE FUNCTION solaris.exchange_lengths_v1(
    p_models text[], p_kinds text[], p_buckets integer[], p_counts bigint[], p_most bigint, p_now timestamptz
) RETURNS SETOF solaris.answer_lengths
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(p_now, clock_timestamp());
    full_histogram record;
BEGIN
    IF cardinality(p_models) > 0 THEN
        -- One process at a time: two that add to the same rows in another order would lock each other out.
        PERFORM pg_advisory_xact_lock(hashtextextended('solaris.answer_lengths', 0));
        INSERT INTO solaris.answer_lengths AS l (model, kind, bucket, count, changed_at)
        SELECT fresh.model, fresh.kind, fresh.bucket, sum(fresh.count), at
        FROM unnest(p_models, p_kinds, p_buckets, p_counts) AS fresh (model, kind, bucket, count)
        GROUP BY fresh.model, fresh.kind, fresh.bucket
        ON CONFLICT (model, kind, bucket) DO UPDATE SET count = l.count + excluded.count, changed_at = at;
        FOR full_histogram IN
            SELECT l.model, l.kind FROM solaris.answer_lengths AS l
            GROUP BY l.model, l.kind HAVING sum(l.count) > p_most
        LOOP
            DELETE FROM solaris.answer_lengths AS l
            WHERE l.model = full_histogram.model AND l.kind = full_histogram.kind AND l.count = 1;
            UPDATE solaris.answer_lengths AS l SET count = l.count / 2
            WHERE l.model = full_histogram.model AND l.kind = full_histogram.kind;
        END LOOP;
        DELETE FROM solaris.answer_lengths AS l WHERE l.changed_at < at - interval '90 days';
    END IF;
    RETURN QUERY SELECT * FROM solaris.answer_lengths;
END
$$;
