-- Compensation in bulk: credits for accounts that had requests within some time.
-- depends: 0047.credit-requests

CREATE TABLE solaris.campaigns (
    campaign text PRIMARY KEY CHECK (campaign ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
    -- What it was begun with: whoever goes on with it must say the same.
    terms jsonb NOT NULL,
    begun_at timestamptz NOT NULL,
    begun_by text NOT NULL,
    reason text NOT NULL
);

-- Accounts that had requests of which the books know, begun from p_since until before p_until, in order of id: how many,
-- how many of them failed (nothing was used, or nobody knows what was), what all were charged, and what an account gets:
-- p_tokens, or p_percent of its charge, rounded up. Calls that were refused left no trace in the books.
CREATE FUNCTION solaris.affected_v1(
    p_since timestamptz, p_until timestamptz, p_failed_only boolean, p_tokens bigint, p_percent integer
) RETURNS TABLE (account_id text, requests bigint, failed bigint, charge bigint, tokens bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT counted.account_id, counted.requests, counted.failed, counted.charge, counted.tokens
    FROM (
        SELECT
            u.account_id, count(*) AS requests,
            count(*) FILTER (WHERE u.status = 'released' OR u.source = 'sweep') AS failed,
            sum(u.charge)::bigint AS charge,
            coalesce(p_tokens, ceil(sum(u.charge) * p_percent / 100.0)::bigint) AS tokens
        FROM solaris.usage AS u
        WHERE u.hold_id >= solaris.uuid7_floor_v1(p_since) AND u.hold_id < solaris.uuid7_floor_v1(p_until)
        GROUP BY u.account_id
    ) AS counted
    WHERE counted.tokens > 0 AND (counted.failed > 0 OR NOT p_failed_only)
    ORDER BY counted.account_id COLLATE "C";
END
$$;

-- Begin a campaign, or go on with it.
CREATE FUNCTION solaris.begin_campaign_v1(
    p_campaign text, p_terms jsonb, p_reason text, p_actor text, p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(p_now, clock_timestamp());
    first jsonb;
BEGIN
    INSERT INTO solaris.campaigns (campaign, terms, begun_at, begun_by, reason)
    VALUES (p_campaign, p_terms, at, p_actor, p_reason)
    ON CONFLICT (campaign) DO NOTHING;
    IF FOUND THEN
        PERFORM solaris.record_v1('credits.compensate', NULL, p_campaign, NULL, p_terms, p_reason, p_actor, at);
        RETURN;
    END IF;
    SELECT c.terms INTO first FROM solaris.campaigns AS c WHERE c.campaign = p_campaign;
    IF first <> p_terms THEN
        RAISE EXCEPTION 'The campaign "%" was begun with other terms: %.', p_campaign, first USING ERRCODE = 'SH002';
    END IF;
END
$$;

-- Grant a batch of a campaign's credits, once for each account; the same place in all arrays is one account. The ids are
-- in order, so that no two batches wait for each other. Returns accounts and tokens that were granted now.
CREATE FUNCTION solaris.compensate_v1(
    p_campaign text, p_account_ids text [], p_tokens bigint [], p_lot_ids uuid [], p_expires_at timestamptz,
    p_reason text, p_actor text, p_now timestamptz, OUT accounts bigint, OUT granted bigint
)
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz;
    one record;
BEGIN
    accounts := 0;
    granted := 0;
    FOR one IN
        SELECT batch.account_id, batch.tokens, batch.lot_id
        FROM unnest(p_account_ids, p_tokens, p_lot_ids) AS batch (account_id, tokens, lot_id)
        ORDER BY batch.account_id COLLATE "C"
    LOOP
        account := solaris.lock_account_v1(one.account_id, p_now);
        at := coalesce(p_now, clock_timestamp());
        IF account.account_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM solaris.entries AS e
            WHERE e.account_id = one.account_id AND e.idempotency_key = 'credit:compensation:' || p_campaign
        ) THEN
            account := solaris.credit_v1(
                account, one.lot_id, one.tokens, 'compensation', p_reason, p_actor, 'compensation:' || p_campaign,
                p_expires_at, true, at);
            PERFORM solaris.record_v1(
                'credits.grant', one.account_id, one.lot_id::text, NULL,
                jsonb_build_object('tokens', one.tokens, 'origin', 'compensation', 'key', 'compensation:' || p_campaign,
                    'expires_at', to_char(p_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
                p_reason, p_actor, at);
            accounts := accounts + 1;
            granted := granted + one.tokens;
        END IF;
        IF account.account_id IS NOT NULL THEN
            PERFORM solaris.store_account_v1(account);
        END IF;
    END LOOP;
END
$$;
