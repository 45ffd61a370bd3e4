-- End users whom a trusted service names by a lasting id: which account each one uses, decided once.
-- depends: 0031.event-sources

CREATE TABLE solaris.end_users (
    alias text PRIMARY KEY, -- the account that the id names
    account_id text NOT NULL UNIQUE, -- the one that it uses: that one, or an older one that his e-mail address named
    at timestamptz NOT NULL
);

-- The account of an end user. Whoever decides first decides for all: two requests of one id get one account, and
-- an account that was named by e-mail goes to the first id that comes with the address, and to no other.
CREATE FUNCTION solaris.account_of_end_user_v1(p_alias text, p_by_email text, p_create boolean, p_now timestamptz)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    decided text;
    wanted text := p_alias;
    known boolean;
BEGIN
    SELECT e.account_id INTO decided FROM solaris.end_users AS e WHERE e.alias = p_alias;
    IF FOUND THEN
        RETURN decided;
    END IF;
    known := EXISTS (SELECT FROM solaris.accounts AS a WHERE a.account_id = p_alias);
    IF NOT known AND EXISTS (SELECT FROM solaris.accounts AS a WHERE a.account_id = p_by_email)
        AND NOT EXISTS (SELECT FROM solaris.end_users AS e WHERE e.account_id = p_by_email) THEN
        wanted := p_by_email;
        known := true;
    END IF;
    IF NOT known AND NOT p_create THEN
        RETURN p_alias;
    END IF;
    INSERT INTO solaris.end_users (alias, account_id, at)
    VALUES (p_alias, wanted, coalesce(p_now, clock_timestamp()))
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        -- Somebody was faster: with this id, which is decided then, or with the account of its e-mail address.
        SELECT e.account_id INTO decided FROM solaris.end_users AS e WHERE e.alias = p_alias;
        RETURN coalesce(decided, p_alias);
    END IF;
    IF wanted <> p_alias THEN
        INSERT INTO solaris.audit (at, actor, action, account_id, subject, after)
        VALUES (coalesce(p_now, clock_timestamp()), 'system', 'account.link', wanted, p_alias,
            jsonb_build_object('account', wanted));
    END IF;
    RETURN wanted;
END
$$;
