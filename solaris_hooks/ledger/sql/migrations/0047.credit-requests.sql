-- Requests for credits: made by users, decided by administrators; or paid for, which decides them too.
-- depends: 0046.credit-lots
--
-- Errors of our own: as in 0004, and SH007 a request that was decided otherwise.

CREATE TABLE solaris.credit_requests (
    request_id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    account_id text NOT NULL,
    tokens bigint NOT NULL CHECK (tokens > 0),
    reason text NOT NULL,
    -- What was chosen of the packages on offer, at the price of that day; null for a number of one's own.
    package text,
    price numeric CHECK (price >= 0),
    currency text CHECK (currency ~ '^[A-Z]{3}$'),
    state text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'rejected', 'cancelled')),
    requested_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    decided_at timestamptz,
    decided_by text,
    decision_reason text,
    granted_tokens bigint CHECK (granted_tokens > 0),
    lot_id uuid,
    -- Where it was paid for: who says so, and that one's own id of the payment.
    payment_provider text,
    payment_id text,
    UNIQUE (payment_provider, payment_id),
    CONSTRAINT decided_by_somebody_at_some_time
        CHECK ((state = 'requested') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT approved_with_a_lot
        CHECK ((state = 'approved') = (lot_id IS NOT NULL) AND (lot_id IS NULL) = (granted_tokens IS NULL)),
    CONSTRAINT paid_when_approved CHECK (
        (payment_provider IS NULL) = (payment_id IS NULL) AND (payment_id IS NULL OR state = 'approved'))
);
CREATE INDEX credit_requests_of_account ON solaris.credit_requests (account_id, number);
CREATE INDEX credit_requests_open ON solaris.credit_requests (number) WHERE state = 'requested';

-- What the audit trail says of a request.
CREATE FUNCTION solaris.request_facts_v1(r solaris.credit_requests) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'state', r.state, 'tokens', r.tokens, 'package', r.package, 'granted_tokens', r.granted_tokens,
        'lot_id', r.lot_id, 'payment_provider', r.payment_provider, 'payment_id', r.payment_id));
END
$$;

-- Ask for credits, once for each p_request_id. Outcomes: requested; replayed; open_limit and day_limit where the account
-- has asked too often, with nothing written; unknown where there is no such account.
CREATE FUNCTION solaris.request_credits_v1(
    p_request_id uuid, p_account_id text, p_tokens bigint, p_reason text, p_package text, p_price numeric,
    p_currency text, p_actor text, p_open_limit integer, p_day_limit integer, p_now timestamptz
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz;
    request solaris.credit_requests;
BEGIN
    account := solaris.lock_account_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    IF account.account_id IS NULL THEN
        RETURN 'unknown';
    END IF;
    IF EXISTS (
        SELECT FROM solaris.credit_requests AS r WHERE r.request_id = p_request_id AND r.account_id = p_account_id
    ) THEN
        RETURN 'replayed';
    END IF;
    IF p_open_limit <= (
        SELECT count(*) FROM solaris.credit_requests AS r
        WHERE r.account_id = p_account_id AND r.state = 'requested') THEN
        RETURN 'open_limit';
    END IF;
    IF p_day_limit <= (
        SELECT count(*) FROM solaris.credit_requests AS r
        WHERE r.account_id = p_account_id AND r.requested_at > at - interval '24 hours') THEN
        RETURN 'day_limit';
    END IF;
    INSERT INTO solaris.credit_requests (
        request_id, account_id, tokens, reason, package, price, currency, requested_at, requested_by)
    VALUES (p_request_id, p_account_id, p_tokens, p_reason, p_package, p_price, p_currency, at, p_actor)
    RETURNING * INTO request;
    account := solaris.emit_v1(
        account, 'credit.requested', 'request:' || p_request_id, at,
        jsonb_build_object('request_id', p_request_id, 'tokens', p_tokens, 'reason', p_reason,
            'package', p_package, 'price', p_price::text, 'currency', p_currency), false);
    PERFORM solaris.record_v1(
        'request.create', p_account_id, p_request_id::text, NULL, solaris.request_facts_v1(request),
        p_reason, p_actor, at);
    PERFORM solaris.store_account_v1(account);
    RETURN 'requested';
END
$$;

-- Decide a request, once. An approval grants its credits in the same transaction, with what a payment says of it if it
-- was paid for. Deciding again in the same way changes nothing. p_account_id, where given, is whose request it must be.
CREATE FUNCTION solaris.decide_request_v1(
    p_request_id uuid, p_account_id text, p_state text, p_tokens bigint, p_lot_id uuid, p_expires_at timestamptz,
    p_payment_provider text, p_payment_id text, p_reason text, p_actor text, p_now timestamptz
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    request solaris.credit_requests;
    before jsonb;
    at timestamptz;
BEGIN
    SELECT * INTO request FROM solaris.credit_requests AS r
    WHERE r.request_id = p_request_id AND (p_account_id IS NULL OR r.account_id = p_account_id);
    IF request.request_id IS NULL THEN
        RETURN 'unknown';
    END IF;
    account := solaris.lock_account_v1(request.account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    -- Whoever waited for the account sees what was decided meanwhile.
    SELECT * INTO request FROM solaris.credit_requests AS r WHERE r.request_id = p_request_id FOR UPDATE;
    IF request.state <> 'requested' THEN
        PERFORM solaris.store_account_v1(account);
        RETURN CASE
            WHEN request.state = p_state
                AND (p_state <> 'approved' OR request.granted_tokens = coalesce(p_tokens, request.tokens))
                AND (p_payment_id IS NULL
                    OR (p_payment_provider, p_payment_id) = (request.payment_provider, request.payment_id))
                THEN 'replayed'
            ELSE 'decided'
        END;
    END IF;
    before := solaris.request_facts_v1(request);
    request.state := p_state;
    request.decided_at := at;
    request.decided_by := p_actor;
    request.decision_reason := p_reason;
    IF p_state = 'approved' THEN
        request.granted_tokens := coalesce(p_tokens, request.tokens);
        request.lot_id := p_lot_id;
        request.payment_provider := p_payment_provider;
        request.payment_id := p_payment_id;
        account := solaris.credit_v1(
            account, p_lot_id, request.granted_tokens, CASE WHEN p_payment_id IS NULL THEN 'request' ELSE 'purchase' END,
            coalesce(p_reason, request.reason), p_actor, 'request:' || p_request_id, p_expires_at, false, at);
    END IF;
    BEGIN
        UPDATE solaris.credit_requests AS r SET
            state = request.state, decided_at = request.decided_at, decided_by = request.decided_by,
            decision_reason = request.decision_reason, granted_tokens = request.granted_tokens,
            lot_id = request.lot_id, payment_provider = request.payment_provider, payment_id = request.payment_id
        WHERE r.request_id = p_request_id;
    EXCEPTION WHEN unique_violation THEN
        RAISE EXCEPTION 'The payment % paid for another request.', p_payment_id USING ERRCODE = 'SH002';
    END;
    IF p_state IN ('approved', 'rejected') THEN
        account := solaris.emit_v1(
            account, 'credit.decided', 'decision:' || p_request_id, at,
            jsonb_build_object('request_id', p_request_id, 'approved', p_state = 'approved',
                'tokens', coalesce(request.granted_tokens, request.tokens), 'requested_tokens', request.tokens,
                'reason', p_reason), true);
    END IF;
    PERFORM solaris.record_v1(
        'request.' || CASE p_state WHEN 'approved' THEN 'approve' WHEN 'rejected' THEN 'reject' ELSE 'cancel' END,
        request.account_id, p_request_id::text, solaris.differing_v1(before, solaris.request_facts_v1(request)),
        solaris.differing_v1(solaris.request_facts_v1(request), before), p_reason, p_actor, at);
    PERFORM solaris.store_account_v1(account);
    RETURN p_state;
END
$$;
