-- Accounts that nobody looks at are brought up to now in the background: so that whoever reads the table finds them
-- renewed, and events of renewals and trials happen in time.
-- depends: 0041.hold_v3

CREATE INDEX accounts_by_period_end ON solaris.accounts (period_end);
CREATE INDEX accounts_by_terms_until ON solaris.accounts (terms_until) WHERE terms_until IS NOT NULL;

-- Bring up to p_limit accounts up to now whose period or terms have ended, the longest ago first; whoever is locked
-- is brought up to now by whom he is locked by. Returns how many there were.
CREATE FUNCTION solaris.renew_due_v1(p_limit integer, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(p_now, clock_timestamp());
    due text[];
    due_id text;
BEGIN
    due := ARRAY(
        SELECT a.account_id FROM solaris.accounts AS a
        WHERE a.period_end <= at
        ORDER BY a.period_end
        LIMIT p_limit
        FOR NO KEY UPDATE SKIP LOCKED);
    due := due || ARRAY(
        SELECT a.account_id FROM solaris.accounts AS a
        WHERE a.terms_until <= at AND a.period_end > at
        ORDER BY a.terms_until
        LIMIT p_limit - cardinality(due)
        FOR NO KEY UPDATE SKIP LOCKED);
    FOREACH due_id IN ARRAY due LOOP
        PERFORM solaris.store_account_v1(solaris.lock_account_v1(due_id, p_now));
    END LOOP;
    RETURN cardinality(due);
END
$$;
