-- Partitions of usage, by the month inside the UUIDv7 hold id.
-- depends: 0006.people

-- The least UUIDv7 of an instant: its milliseconds, then zeros (RFC 9562).
CREATE FUNCTION solaris.uuid7_floor_v1(p_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE
AS $$ SELECT (lpad(to_hex((extract(EPOCH FROM p_at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- Make the partitions of usage for this month and the p_months after it. Returns how many were made.
CREATE FUNCTION solaris.make_usage_partitions_v1(p_months integer, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    month timestamp := date_trunc('month', coalesce(p_now, clock_timestamp()) AT TIME ZONE 'UTC');
    partition text;
    starts uuid;
    ends uuid;
    made integer := 0;
BEGIN
    FOR ahead IN 0..p_months LOOP
        partition := 'usage_' || to_char(month, 'YYYY_MM');
        IF to_regclass('solaris.' || partition) IS NULL THEN
            starts := solaris.uuid7_floor_v1(month AT TIME ZONE 'UTC');
            ends := solaris.uuid7_floor_v1((month + interval '1 month') AT TIME ZONE 'UTC');
            -- A proxy whose clock is ahead has left rows of this month in the default partition: they move.
            EXECUTE format('CREATE TABLE solaris.%I (LIKE solaris.usage INCLUDING ALL)', partition);
            EXECUTE format(
                'WITH moved AS (DELETE FROM solaris.usage_default WHERE hold_id >= %L AND hold_id < %L RETURNING *) '
                'INSERT INTO solaris.%I SELECT * FROM moved', starts, ends, partition);
            EXECUTE format(
                'ALTER TABLE solaris.usage ATTACH PARTITION solaris.%I FOR VALUES FROM (%L) TO (%L)',
                partition, starts, ends);
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END
$$;
