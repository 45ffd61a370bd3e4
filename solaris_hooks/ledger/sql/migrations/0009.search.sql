-- Finding accounts among very many: by any part of an id, an e-mail address or a name, in order of id.
-- depends: 0008.metering_v2

-- The index of the primary key is in the database's own order; pages are in that of bytes, wherever they are read.
CREATE INDEX accounts_in_order ON solaris.accounts (account_id COLLATE "C");

-- All runs of three characters in some texts, in lower case. (The extension pg_trgm does this too, but not every
-- PostgreSQL has it, and making it needs rights that the owner of a database may lack.)
CREATE FUNCTION solaris.trigrams_v1(VARIADIC p_texts text []) RETURNS text []
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN ARRAY(
        SELECT substr(lowered.words, place, 3)
        FROM (SELECT lower(w) AS words FROM unnest(p_texts) AS w OFFSET 0) AS lowered, -- each lowered once
            generate_series(1, length(lowered.words) - 2) AS place);
END
$$;
CREATE INDEX accounts_by_trigram ON solaris.accounts USING gin (solaris.trigrams_v1(account_id, email, name));

-- Ids of the first accounts after p_after that have p_query in their id, address or name. Planned anew each time:
-- what is rare is found by its trigrams, what is common by reading in order until there is enough.
CREATE FUNCTION solaris.find_accounts_v1(p_query text, p_after text, p_limit bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    condition text := 'true';
BEGIN
    IF p_after IS NOT NULL THEN
        condition := 'a.account_id COLLATE "C" > $2';
    END IF;
    IF p_query <> '' THEN
        condition := condition || ' AND (position(lower($1) IN lower(a.account_id)) > 0'
            ' OR position(lower($1) IN lower(a.email)) > 0 OR position(lower($1) IN lower(a.name)) > 0)';
    END IF;
    IF length(p_query) >= 3 THEN
        condition := condition
            || ' AND solaris.trigrams_v1(a.account_id, a.email, a.name) @> solaris.trigrams_v1($1)';
    END IF;
    RETURN QUERY EXECUTE
        'SELECT a.account_id FROM solaris.accounts AS a WHERE ' || condition
        || ' ORDER BY a.account_id COLLATE "C" LIMIT $3'
        USING p_query, p_after, p_limit;
END
$$;

-- As before; but where nothing is due, the account is read and not written.
CREATE OR REPLACE FUNCTION solaris.refresh_account_v1(p_account_id text, p_now timestamptz) RETURNS solaris.accounts
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    at timestamptz := coalesce(p_now, clock_timestamp());
    tokens bigint;
BEGIN
    SELECT * INTO account FROM solaris.accounts AS a WHERE a.account_id = p_account_id;
    IF account.account_id IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT p.monthly_tokens INTO tokens FROM solaris.plans AS p WHERE p.plan_id = account.plan_id;
    IF account.period_end <= at OR account.next_lot_expiry <= at OR tokens IS DISTINCT FROM account.plan_tokens THEN
        account := solaris.lock_account_v1(p_account_id, p_now);
        PERFORM solaris.store_account_v1(account);
    END IF;
    RETURN account;
END
$$;
