-- Statements of what members of teams see of themselves, and of their erasure. The same form as queries.sql.

-- calls_of_member --
-- Calls that were booked to a member, newest first. The ids of holds are UUIDv7: their order is that of time.
SELECT u.hold_id, u.ended_at, u.model, u.source, u.charge, u.input_tokens, u.cached_input_tokens, u.output_tokens
FROM solaris.usage AS u
WHERE u.account_id = %(account_id)s AND u.member_id = %(member_id)s AND u.status = 'settled'
    AND u.hold_id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
ORDER BY u.hold_id DESC
LIMIT %(limit)s;

-- refusals_of_member --
-- Refusals of a member, newest first; the same as refusals otherwise.
SELECT
    r.account_id, r.refusal_id, r.at, r.last_at, r.count, r.reason, r.status, r.message, r.call_type, r.path, r.model,
    r.key_prefix, r.locale, r.process, r.param, r.waited_ms, r.figures, r.asked, r.holders, r.holds_read_at, r.member_id
FROM solaris.refusals AS r
WHERE r.account_id = %(account_id)s AND r.member_id = %(member_id)s
    AND (%(reason)s::text IS NULL OR r.reason = %(reason)s)
    AND (%(model)s::text IS NULL OR r.model = %(model)s)
    AND (%(since)s::timestamptz IS NULL OR (
        r.last_at >= %(since)s
        AND r.refusal_id >= solaris.uuid7_floor_v1(%(since)s::timestamptz - %(fold)s::interval)))
    AND (%(until)s::timestamptz IS NULL OR (
        r.at < %(until)s AND r.refusal_id < solaris.uuid7_floor_v1(%(until)s::timestamptz + interval '1 ms')))
    AND r.refusal_id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
ORDER BY r.refusal_id DESC
LIMIT %(limit)s;

-- erase_member --
-- Forget one member of a team; see erase_member_v1.
SELECT solaris.erase_member_v1(%(account_id)s, %(member_id)s, %(reason)s, %(actor)s, %(now)s) AS erased;
