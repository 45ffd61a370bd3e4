-- Statements about members of teams, each named by the line above it.

-- members --
-- Members of a team as of now, in order of id; a page of them, or one. The account is looked at first, and renewed if that
-- is due, whether any member is found or not.
SELECT found.*
FROM solaris.refresh_account_v1(%(account_id)s, %(now)s) AS a
CROSS JOIN LATERAL (
    SELECT
        m.member_id, m.email, m.limit_is_own, solaris.member_limit_v1(a, m) AS member_limit,
        CASE WHEN m.period_start = a.period_start THEN m.used ELSE 0 END AS member_used, m.held AS member_held,
        CASE WHEN m.period_start = a.period_start THEN m.told_percent ELSE 0 END AS member_told
    FROM solaris.members AS m
    WHERE m.account_id = a.account_id
        AND (%(member_id)s::text IS NULL OR m.member_id = %(member_id)s)
        AND m.member_id COLLATE "C" > coalesce(%(after)s::text, '')
    ORDER BY m.member_id COLLATE "C"
    LIMIT %(limit)s
) AS found
ORDER BY found.member_id COLLATE "C";

-- member_limit --
-- What each member of a team may use who has no limit of his own.
SELECT a.member_limit FROM solaris.accounts AS a WHERE a.account_id = %(account_id)s;

-- put_member_limit --
-- Change a limit; see put_member_limit_v1.
SELECT solaris.put_member_limit_v1(
    %(account_id)s, %(member_id)s, %(is_own)s, %(limit)s, %(reason)s, %(actor)s, %(now)s);

-- member_daily --
-- A member's totals per local day and model.
SELECT day, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge
FROM solaris.member_daily
WHERE account_id = %(account_id)s AND member_id = %(member_id)s AND day BETWEEN %(since)s AND %(until)s
ORDER BY day, model COLLATE "C";

-- tell_member --
-- Note what a member was told; see tell_member_v1.
SELECT solaris.tell_member_v1(%(account_id)s, %(member_id)s, %(before)s, %(percent)s) AS told;

-- team_known --
-- Whether a team has an account.
SELECT EXISTS (SELECT FROM solaris.accounts WHERE account_id = %(account_id)s) AS known;

-- note_team --
-- Keep what LiteLLM calls a team; see note_team_v1.
SELECT solaris.note_team_v1(%(team_id)s, %(alias)s, %(now)s) AS noted;

-- verify_members --
-- What members have used and hold, with the sums of their holds.
SELECT
    ids.account_id, ids.member_id, coalesce(m.held, 0) AS held,
    CASE WHEN m.period_start = a.period_start THEN m.used ELSE 0 END AS used,
    (SELECT coalesce(sum(h.amount), 0)::bigint FROM solaris.holds AS h
        WHERE h.account_id = ids.account_id AND h.member_id = ids.member_id) AS holds_sum
FROM (
    SELECT account_id, member_id FROM solaris.members
    UNION
    SELECT account_id, member_id FROM solaris.holds WHERE member_id IS NOT NULL
) AS ids
LEFT JOIN solaris.members AS m ON ids.account_id = m.account_id AND ids.member_id = m.member_id
LEFT JOIN solaris.accounts AS a ON ids.account_id = a.account_id
WHERE %(account_id)s::text IS NULL OR ids.account_id = %(account_id)s
ORDER BY ids.account_id COLLATE "C", ids.member_id COLLATE "C";
