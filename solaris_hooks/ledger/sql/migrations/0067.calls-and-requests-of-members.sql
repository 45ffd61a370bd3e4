-- A member of a team reads the calls that were booked to him, without a look at those of others, and asks for credits
-- whatever others have asked for.
-- depends: 0047.credit-requests 0061.metering-of-members

-- Partial, so that accounts of single users do not pay for it.
CREATE INDEX usage_of_member ON solaris.usage (account_id, member_id, hold_id) WHERE member_id IS NOT NULL;

-- As before; but of a team's account each member has asked for himself, so that nobody is kept from it by what others ask
-- for, nor learns of it.
CREATE OR REPLACE FUNCTION solaris.request_credits_v1(
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
        WHERE r.account_id = p_account_id AND r.state = 'requested'
            AND (p_account_id NOT LIKE 'team:_%' OR r.requested_by = p_actor)) THEN
        RETURN 'open_limit';
    END IF;
    IF p_day_limit <= (
        SELECT count(*) FROM solaris.credit_requests AS r
        WHERE r.account_id = p_account_id AND r.requested_at > at - interval '24 hours'
            AND (p_account_id NOT LIKE 'team:_%' OR r.requested_by = p_actor)) THEN
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
