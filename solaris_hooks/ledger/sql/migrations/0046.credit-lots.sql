-- Credit lots: taken back by administrators, and expired for accounts that nobody looks at.
-- depends: 0045.audit

-- Not validated: what was written before keeps to the narrower rule that this one replaces.
ALTER TABLE solaris.entries
    DROP CONSTRAINT entries_kind_check,
    ADD CONSTRAINT entries_kind_check CHECK (kind IN (
        'opening', 'renewal', 'lapse', 'usage', 'overage', 'credit', 'credit_expiry', 'credit_revocation',
        'plan_change')) NOT VALID;

CREATE INDEX accounts_by_lot_expiry ON solaris.accounts (next_lot_expiry) WHERE next_lot_expiry IS NOT NULL;

-- Take back what is unused of a lot, once for each key: no more than no request holds. Where that is nothing, nothing
-- is written, and the key can be used again.
CREATE FUNCTION solaris.revoke_credits_v1(
    p_account_id text, p_lot_id uuid, p_reason text, p_actor text, p_key text, p_now timestamptz,
    OUT revoked bigint, OUT replayed boolean
)
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz;
    first record;
    unused bigint;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    IF account.account_id IS NULL THEN
        RAISE EXCEPTION 'There is no account "%".', p_account_id USING ERRCODE = 'SH004';
    END IF;
    replayed := false;
    SELECT -e.tokens AS amount, (e.details ->> 'lot_id')::uuid AS lot_id INTO first
    FROM solaris.entries AS e
    WHERE e.account_id = p_account_id AND e.idempotency_key = 'revocation:' || p_key;
    IF FOUND THEN
        IF first.lot_id <> p_lot_id THEN
            RAISE EXCEPTION 'The idempotency key "%" was used for another lot.', p_key USING ERRCODE = 'SH002';
        END IF;
        revoked := first.amount;
        replayed := true;
    ELSE
        SELECT lot.remaining INTO unused FROM solaris.credit_lots AS lot
        WHERE lot.account_id = p_account_id AND lot.lot_id = p_lot_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'Account "%" has no lot %.', p_account_id, p_lot_id USING ERRCODE = 'SH004';
        END IF;
        revoked := least(unused, greatest(
            0, account.allowance_granted - account.allowance_used + account.credits_remaining - account.held));
        IF revoked > 0 THEN
            UPDATE solaris.credit_lots AS lot SET remaining = unused - revoked
            WHERE lot.account_id = p_account_id AND lot.lot_id = p_lot_id;
            account.credits_remaining := account.credits_remaining - revoked;
            account := solaris.append_entry_v1(
                account, 'credit_revocation', -revoked, at, p_actor, p_reason, 'revocation:' || p_key,
                json_build_object('lot_id', p_lot_id));
            account := solaris.emit_v1(
                account, 'credit.revoked', 'revocation:' || p_key, at,
                jsonb_build_object('tokens', revoked, 'lot_id', p_lot_id, 'reason', p_reason), false);
            PERFORM solaris.record_v1(
                'credits.revoke', p_account_id, p_lot_id::text, jsonb_build_object('remaining', unused),
                jsonb_build_object('remaining', unused - revoked), p_reason, p_actor, at);
        END IF;
    END IF;
    PERFORM solaris.store_account_v1(account);
END
$$;

-- Expire lots of accounts that nobody looked at since, at most p_limit accounts. Returns how many there were; accounts
-- that are busy just now expire their lots themselves.
CREATE FUNCTION solaris.expire_due_v1(p_limit integer, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    due record;
    done bigint := 0;
BEGIN
    FOR due IN
        SELECT a.account_id FROM solaris.accounts AS a
        WHERE a.next_lot_expiry <= coalesce(p_now, clock_timestamp())
        ORDER BY a.next_lot_expiry
        LIMIT p_limit
        FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        PERFORM solaris.store_account_v1(solaris.lock_account_v1(due.account_id, p_now));
        done := done + 1;
    END LOOP;
    RETURN done;
END
$$;
