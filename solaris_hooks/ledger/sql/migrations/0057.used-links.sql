-- Links that open once: which were opened, until they would have expired anyway.
-- depends: 0055.notices-back

CREATE TABLE solaris.used_links (
    account_id text NOT NULL,
    link_id uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, link_id)
);
CREATE INDEX used_links_to_forget ON solaris.used_links (expires_at);

-- Use a link, once. False where it was used before.
CREATE FUNCTION solaris.use_link_v1(p_account_id text, p_link_id uuid, p_expires_at timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM solaris.used_links AS u WHERE (u.account_id, u.link_id) IN (
        SELECT old.account_id, old.link_id FROM solaris.used_links AS old
        WHERE old.expires_at < clock_timestamp() - interval '1 day'
        ORDER BY old.expires_at LIMIT 20 FOR UPDATE SKIP LOCKED);
    INSERT INTO solaris.used_links (account_id, link_id, expires_at)
    VALUES (p_account_id, p_link_id, p_expires_at) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$;
