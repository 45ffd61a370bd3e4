-- Whether an account's user gets mails can be changed, and the change is audited.
-- depends: 0045.audit 0050.deliveries

CREATE FUNCTION solaris.set_mails_v1(
    p_account_id text, p_mails boolean, p_reason text, p_actor text, p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    before boolean;
BEGIN
    SELECT a.mails INTO before FROM solaris.accounts AS a WHERE a.account_id = p_account_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no account "%".', p_account_id USING ERRCODE = 'SH004';
    END IF;
    IF before <> p_mails THEN
        UPDATE solaris.accounts AS a SET mails = p_mails WHERE a.account_id = p_account_id;
        PERFORM solaris.record_v1(
            'account.mails', p_account_id, p_account_id, jsonb_build_object('mails', before),
            jsonb_build_object('mails', p_mails), p_reason, p_actor, coalesce(p_now, clock_timestamp()));
    END IF;
END
$$;
