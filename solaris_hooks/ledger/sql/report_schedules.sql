-- Statements of reports that are mailed again and again; the same form as queries.sql.

-- report_schedules --
-- All schedules, in order of number.
SELECT number, report, every, on_day, format, recipients, locale, created_by, created_at, told_through
FROM solaris.report_schedules
ORDER BY number;

-- add_report_schedule --
-- Add a schedule; see add_report_schedule_v1.
SELECT s.number, s.report, s.every, s.on_day, s.format, s.recipients, s.locale, s.created_by, s.created_at, s.told_through
FROM solaris.add_report_schedule_v1(
    %(key)s, %(report)s, %(every)s, %(on_day)s, %(format)s, %(recipients)s::text[], %(locale)s, %(most)s, %(reason)s,
    %(actor)s, %(now)s) AS s;

-- remove_report_schedule --
-- Remove a schedule; see remove_report_schedule_v1.
SELECT s.number, s.report, s.every, s.on_day, s.format, s.recipients, s.locale, s.created_by, s.created_at, s.told_through
FROM solaris.remove_report_schedule_v1(%(number)s, %(reason)s, %(actor)s, %(now)s) AS s;

-- tell_scheduled_report --
-- Tell of a schedule's report, once; see tell_scheduled_report_v1.
SELECT solaris.tell_scheduled_report_v1(%(number)s, %(first_day)s, %(last_day)s, %(now)s) AS told;
