-- Lists of accounts that administrators keep under a name: filter and order, as the end of an address.
-- depends: 0082.verifications
--
-- Errors of our own: as in 0004. What others see is audited: sharing a list, and taking it away again.

CREATE TABLE solaris.saved_lists (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL, -- an actor, such as admin:marta
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    query text NOT NULL CHECK (length(query) <= 2000), -- of the address; empty for all accounts
    shared boolean NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (owner, name)
);
CREATE INDEX saved_lists_shared ON solaris.saved_lists (number) WHERE shared;

-- What people see of a list.
CREATE FUNCTION solaris.saved_list_fields_v1(l solaris.saved_lists) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_build_object('name', l.name, 'query', l.query, 'owner', l.owner);
END
$$;

-- Keep a list, in place of the owner's list of this name.
CREATE FUNCTION solaris.save_list_v1(
    p_owner text, p_name text, p_query text, p_shared boolean, p_most integer, p_most_shared integer, p_now timestamptz
) RETURNS solaris.saved_lists
LANGUAGE plpgsql AS $$
DECLARE
    former solaris.saved_lists;
    l solaris.saved_lists;
    at timestamptz := coalesce(p_now, clock_timestamp());
BEGIN
    LOCK TABLE solaris.saved_lists IN SHARE ROW EXCLUSIVE MODE; -- few are ever kept, and they are counted
    SELECT * INTO former FROM solaris.saved_lists AS each WHERE each.owner = p_owner AND each.name = p_name;
    IF former.number IS NULL AND p_most <= (
        SELECT count(*) FROM solaris.saved_lists AS each WHERE each.owner = p_owner) THEN
        RAISE EXCEPTION 'You keep % lists already; delete one first.', p_most USING ERRCODE = 'SH003';
    END IF;
    IF p_shared AND NOT coalesce(former.shared, FALSE) AND p_most_shared <= (
        SELECT count(*) FROM solaris.saved_lists AS each WHERE each.shared) THEN
        RAISE EXCEPTION '% lists are shared already; delete one first.', p_most_shared USING ERRCODE = 'SH003';
    END IF;
    INSERT INTO solaris.saved_lists AS each (owner, name, query, shared, created_at)
    VALUES (p_owner, p_name, p_query, p_shared, at)
    ON CONFLICT (owner, name) DO UPDATE SET query = excluded.query, shared = excluded.shared
    RETURNING each.* INTO l;
    IF l.shared AND former IS DISTINCT FROM l THEN
        PERFORM solaris.record_v1(
            'list.share', NULL, l.number::text, CASE WHEN former.shared THEN solaris.saved_list_fields_v1(former) END,
            solaris.saved_list_fields_v1(l), NULL, p_owner, at);
    ELSIF former.shared AND NOT l.shared THEN
        PERFORM solaris.record_v1(
            'list.unshare', NULL, l.number::text, solaris.saved_list_fields_v1(former), NULL, NULL, p_owner, at);
    END IF;
    RETURN l;
END
$$;

-- Delete a list of one's own or, where p_of_others, one that somebody shares.
CREATE FUNCTION solaris.delete_list_v1(
    p_number bigint, p_actor text, p_of_others boolean, p_now timestamptz
) RETURNS solaris.saved_lists
LANGUAGE plpgsql AS $$
DECLARE
    l solaris.saved_lists;
BEGIN
    DELETE FROM solaris.saved_lists AS each
    WHERE each.number = p_number AND (each.owner = p_actor OR (p_of_others AND each.shared))
    RETURNING each.* INTO l;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no such list of yours.' USING ERRCODE = 'SH004';
    END IF;
    IF l.shared THEN
        PERFORM solaris.record_v1(
            'list.unshare', NULL, l.number::text, solaris.saved_list_fields_v1(l), NULL, NULL, p_actor,
            coalesce(p_now, clock_timestamp()));
    END IF;
    RETURN l;
END
$$;
