-- Entries: numbered, chained, appended.
-- depends: 0002.periods

-- SHA-256 over the digest before and the fields, each as a netstring of its UTF-8 text, `-` for null: so no
-- two lists of fields read the same. In plpgsql, which keeps its plans; an SQL function is planned at each call.
CREATE FUNCTION solaris.entry_digest_v1(
    p_previous bytea, p_account_id text, p_number bigint, p_kind text, p_tokens bigint,
    p_allowance_after bigint, p_credits_after bigint, p_overage_after bigint, p_at timestamptz,
    p_actor text, p_reason text, p_key text, p_details text
) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    field text;
    field_bytes bytea;
    canonical bytea := p_previous;
BEGIN
    FOREACH field IN ARRAY ARRAY[
        p_account_id, p_number::text, p_kind, p_tokens::text, p_allowance_after::text, p_credits_after::text,
        p_overage_after::text, (extract(EPOCH FROM p_at) * 1000000)::bigint::text, p_actor, p_reason, p_key, p_details
    ] LOOP
        IF field IS NULL THEN
            canonical := canonical || '-'::bytea;
        ELSE
            field_bytes := convert_to(field, 'UTF8');
            canonical := canonical || convert_to(octet_length(field_bytes) || ':', 'UTF8') || field_bytes || ','::bytea;
        END IF;
    END LOOP;
    RETURN sha256(canonical);
END
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
