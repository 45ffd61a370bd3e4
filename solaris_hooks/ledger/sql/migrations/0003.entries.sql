-- Entries: numbered, chained, appended.
-- depends: 0002.periods

-- A netstring of the UTF-8 text, `-` for null: no two lists of fields read the same.
CREATE FUNCTION solaris.netstring_v1(p_field text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT coalesce(octet_length(convert_to(p_field, 'UTF8')) || ':' || p_field || ',', '-') $$;

CREATE FUNCTION solaris.entry_digest_v1(
    p_previous bytea, p_account_id text, p_number bigint, p_kind text, p_tokens bigint,
    p_allowance_after bigint, p_credits_after bigint, p_overage_after bigint, p_at timestamptz,
    p_actor text, p_reason text, p_key text, p_details text
) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT sha256(p_previous || convert_to(
        solaris.netstring_v1(p_account_id) || solaris.netstring_v1(p_number::text)
        || solaris.netstring_v1(p_kind) || solaris.netstring_v1(p_tokens::text)
        || solaris.netstring_v1(p_allowance_after::text) || solaris.netstring_v1(p_credits_after::text)
        || solaris.netstring_v1(p_overage_after::text)
        || solaris.netstring_v1((extract(EPOCH FROM p_at) * 1000000)::bigint::text)
        || solaris.netstring_v1(p_actor) || solaris.netstring_v1(p_reason)
        || solaris.netstring_v1(p_key) || solaris.netstring_v1(p_details), 'UTF8'))
$$;

-- Append one entry to the account's chain. The account's figures are already those after it.
CREATE FUNCTION solaris.append_entry_v1(
    a solaris.accounts, p_kind text, p_tokens bigint, p_at timestamptz,
    p_actor text, p_reason text, p_key text, p_details json
) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    previous bytea := a.chain;
    allowance_after bigint := a.allowance_granted - a.allowance_used;
BEGIN
    a.entries := a.entries + 1;
    a.chain := solaris.entry_digest_v1(
        previous, a.account_id, a.entries, p_kind, p_tokens, allowance_after, a.credits_remaining,
        a.overage, p_at, p_actor, p_reason, p_key, p_details::text);
    INSERT INTO solaris.entries (
        account_id, number, kind, tokens, allowance_after, credits_after, overage_after,
        at, actor, reason, idempotency_key, details, previous_hash, hash)
    VALUES (
        a.account_id, a.entries, p_kind, p_tokens, allowance_after, a.credits_remaining, a.overage,
        p_at, p_actor, p_reason, p_key, p_details, previous, a.chain);
    RETURN a;
END
$$;
