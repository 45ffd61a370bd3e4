-- Notices that were taken for a client that left before it got them are told with another answer.
-- depends: 0031.event-sources

CREATE FUNCTION solaris.give_back_notices_v1(p_account_id text, p_numbers bigint[]) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    given_back integer;
BEGIN
    PERFORM 1 FROM solaris.accounts AS a WHERE a.account_id = p_account_id FOR NO KEY UPDATE;
    UPDATE solaris.events AS e SET told_at = NULL
    WHERE e.account_id = p_account_id AND e.number = ANY (p_numbers) AND e.in_chat AND e.told_at IS NOT NULL;
    GET DIAGNOSTICS given_back = ROW_COUNT;
    UPDATE solaris.accounts AS a SET unread_notices = a.unread_notices + given_back
    WHERE a.account_id = p_account_id AND given_back > 0;
    RETURN given_back;
END
$$;
