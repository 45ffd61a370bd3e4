-- Events that no transaction of the books brings about: reports, and what a look over the books has found.
-- depends: 0031.event-sources

-- Let such an event happen, once for each account ('' for none) and key. False where it had happened.
CREATE FUNCTION solaris.emit_system_v1(
    p_account_id text, p_kind text, p_key text, p_details jsonb, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    figures jsonb := '{}';
BEGIN
    IF p_account_id <> '' THEN
        SELECT solaris.figures_v1(a) INTO STRICT figures FROM solaris.accounts AS a WHERE a.account_id = p_account_id;
    END IF;
    INSERT INTO solaris.events (account_id, key, kind, at, details, in_chat)
    VALUES (p_account_id, p_key, p_kind, coalesce(p_now, clock_timestamp()), figures || p_details, FALSE)
    ON CONFLICT (account_id, key) DO NOTHING;
    RETURN FOUND;
END
$$;
