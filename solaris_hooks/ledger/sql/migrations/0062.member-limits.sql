-- What people change of members, and what the chat has told them.
-- depends: 0061.metering-of-members 0043.change-plan
--
-- Errors of our own: as in 0004.

-- A member's limit as the audit trail has it: "default" for the team's, null for none.
CREATE FUNCTION solaris.own_limit_v1(m solaris.members) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN jsonb_build_object('limit', CASE WHEN m.limit_is_own THEN to_jsonb(m.own_limit) ELSE '"default"' END);
END
$$;

-- Give a member a limit of his own (p_is_own; null for none), or the team's again; without a member, change the team's
-- for all who have none of their own. Another limit can be neared anew, so that its marks are told anew.
CREATE FUNCTION solaris.put_member_limit_v1(
    p_account_id text, p_member_id text, p_is_own boolean, p_limit bigint, p_reason text, p_actor text, p_now timestamptz
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    account solaris.accounts;
    member solaris.members;
    at timestamptz;
    limit_before bigint;
    before jsonb;
    after jsonb;
BEGIN
    IF p_account_id NOT LIKE 'team:_%' THEN
        RAISE EXCEPTION 'Only teams have members, and "%" is none.', p_account_id USING ERRCODE = 'SH003';
    END IF;
    account := solaris.lock_existing_v1(p_account_id, p_now);
    at := coalesce(p_now, clock_timestamp());
    IF p_member_id IS NULL THEN
        before := jsonb_build_object('limit', account.member_limit);
        after := jsonb_build_object('limit', p_limit);
        UPDATE solaris.accounts AS a SET member_limit = p_limit WHERE a.account_id = p_account_id;
        UPDATE solaris.members AS m SET told_percent = 0
        WHERE m.account_id = p_account_id AND NOT m.limit_is_own AND m.told_percent > 0 AND before <> after;
    ELSE
        member := solaris.member_v1(account, p_member_id, at);
        limit_before := solaris.member_limit_v1(account, member);
        before := solaris.own_limit_v1(member);
        member.limit_is_own := p_is_own;
        member.own_limit := CASE WHEN p_is_own THEN p_limit END;
        after := solaris.own_limit_v1(member);
        IF limit_before IS DISTINCT FROM solaris.member_limit_v1(account, member) THEN
            member.told_percent := 0;
        END IF;
        PERFORM solaris.store_member_v1(member);
    END IF;
    IF before <> after THEN
        PERFORM solaris.record_v1(
            CASE WHEN p_member_id IS NULL THEN 'member.default_limit' ELSE 'member.limit' END,
            p_account_id, coalesce(p_member_id, p_account_id), before, after, p_reason, p_actor, at);
    END IF;
    PERFORM solaris.store_account_v1(account);
END
$$;

-- The chat tells a member of a mark of his limit (p_percent), or has not told it after all: once, so false where he was
-- told of another one meanwhile than of p_before.
CREATE FUNCTION solaris.tell_member_v1(p_account_id text, p_member_id text, p_before smallint, p_percent smallint)
RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM solaris.accounts AS a WHERE a.account_id = p_account_id FOR NO KEY UPDATE;
    UPDATE solaris.members AS m SET told_percent = p_percent
    WHERE m.account_id = p_account_id AND m.member_id = p_member_id AND m.told_percent = p_before;
    RETURN FOUND;
END
$$;
