-- When a call began, for comparing the books with LiteLLM's logs.
-- depends: 0007.partitions

-- The time inside a UUIDv7: its first 48 bits are milliseconds of the Unix epoch (RFC 9562).
CREATE FUNCTION solaris.uuid7_time_v1(p_id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT timestamptz 'epoch'
        + ('x' || substr(replace(p_id::text, '-', ''), 1, 12))::bit(48)::bigint * interval '1 millisecond'
$$;
