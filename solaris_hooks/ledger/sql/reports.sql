-- Statements of reports on use, over some local days.

-- report_of_plans --
-- Use by period, plan and model: from totals, however many accounts there are.
SELECT
    CASE %(unit)s::text WHEN 'whole' THEN %(first_day)s::date
        ELSE greatest(date_trunc(%(unit)s::text, day::timestamp)::date, %(first_day)s::date) END AS period,
    plan_id, model, sum(requests)::bigint AS requests, sum(estimated_requests)::bigint AS estimated_requests,
    sum(input_tokens)::bigint AS input_tokens, sum(cached_input_tokens)::bigint AS cached_input_tokens,
    sum(output_tokens)::bigint AS output_tokens, sum(charge)::bigint AS tokens,
    sum(images) AS images, sum(seconds) AS seconds, sum(characters) AS characters, sum(calls) AS calls
FROM solaris.usage_of_plans
WHERE day BETWEEN %(first_day)s AND %(last_day)s
GROUP BY period, plan_id, model
ORDER BY period, plan_id COLLATE "C", model COLLATE "C";

-- report_of_teams --
-- Use by period, LiteLLM team and model, or of all teams together: from totals. A team that shares an account is called
-- as the account is.
SELECT
    d.period, d.team AS team_id, coalesce(shared.name, t.alias) AS name, shared.account_id, d.model, d.requests,
    d.estimated_requests, d.input_tokens, d.cached_input_tokens, d.output_tokens, d.tokens, d.images, d.seconds,
    d.characters, d.calls
FROM (
    SELECT
        CASE %(unit)s::text WHEN 'whole' THEN %(first_day)s::date
            ELSE greatest(date_trunc(%(unit)s::text, u.day::timestamp)::date, %(first_day)s::date) END AS period,
        CASE WHEN %(by_team)s THEN u.team_id END AS team, u.model, sum(u.requests)::bigint AS requests,
        sum(u.estimated_requests)::bigint AS estimated_requests, sum(u.input_tokens)::bigint AS input_tokens,
        sum(u.cached_input_tokens)::bigint AS cached_input_tokens, sum(u.output_tokens)::bigint AS output_tokens,
        sum(u.charge)::bigint AS tokens, sum(u.images) AS images, sum(u.seconds) AS seconds,
        sum(u.characters) AS characters, sum(u.calls) AS calls
    FROM solaris.usage_of_teams AS u
    WHERE u.day BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY period, team, u.model
) AS d
LEFT JOIN solaris.teams AS t ON d.team = t.team_id
LEFT JOIN LATERAL (
    SELECT a.account_id, a.name FROM solaris.accounts AS a WHERE a.account_id = 'team:' || d.team
    ORDER BY a.account_id LIMIT 1 -- looked up one by one: teams are few, accounts many
) AS shared ON true
ORDER BY d.period, d.team COLLATE "C", d.model COLLATE "C";

-- report_accounts --
-- Ids of the next accounts, in order.
SELECT account_id FROM solaris.account_summaries
WHERE account_id COLLATE "C" > %(after)s
ORDER BY account_id COLLATE "C"
LIMIT %(limit)s;

-- report_of_accounts --
-- Use of some accounts by account, period and model. Few use units: they are looked up by group, not by day.
SELECT
    a.account_id, a.name, a.email, a.plan_id, d.period, d.model, d.requests, d.estimated_requests, d.input_tokens,
    d.cached_input_tokens, d.output_tokens, d.tokens, coalesce(n.images, 0) AS images, coalesce(n.seconds, 0) AS seconds,
    coalesce(n.characters, 0) AS characters, coalesce(n.calls, 0) AS calls
FROM solaris.accounts AS a
CROSS JOIN LATERAL (
    SELECT
        CASE %(unit)s::text WHEN 'whole' THEN %(first_day)s::date
            ELSE greatest(date_trunc(%(unit)s::text, u.day::timestamp)::date, %(first_day)s::date) END AS period,
        u.model, min(u.day) AS first_day, max(u.day) AS last_day,
        sum(u.requests)::bigint AS requests, sum(u.estimated_requests)::bigint AS estimated_requests,
        sum(u.input_tokens)::bigint AS input_tokens, sum(u.cached_input_tokens)::bigint AS cached_input_tokens,
        sum(u.output_tokens)::bigint AS output_tokens, sum(u.charge)::bigint AS tokens
    FROM solaris.usage_daily AS u
    WHERE u.account_id = a.account_id AND u.day BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY period, u.model
) AS d
CROSS JOIN LATERAL (
    SELECT
        sum(c.images) AS images, sum(c.seconds) AS seconds, sum(c.characters) AS characters, sum(c.calls) AS calls
    FROM solaris.units_daily AS c
    WHERE c.account_id = a.account_id AND c.day BETWEEN d.first_day AND d.last_day AND c.model = d.model
) AS n
WHERE a.account_id = ANY(%(account_ids)s)
ORDER BY a.account_id COLLATE "C", d.period, d.model COLLATE "C";
