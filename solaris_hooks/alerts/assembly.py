"""Puts the parts together that tell of events, from the settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from solaris_hooks.alerts import chores
from solaris_hooks.alerts.chores import PeriodicChore
from solaris_hooks.alerts.delivery import Channel, ChannelName
from solaris_hooks.alerts.dispatcher import Dispatcher
from solaris_hooks.alerts.mail.attachments import ReportFiles
from solaris_hooks.alerts.mail.channel import mail_channel
from solaris_hooks.alerts.routing import Routing
from solaris_hooks.alerts.sending import Sender
from solaris_hooks.alerts.webhooks.channel import WebhookChannel
from solaris_hooks.alerts.worker import AlertWorker
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.settings import Settings


def build_worker(settings: Settings, ledger: PostgresLedger) -> AlertWorker:
    """The worker of a process. Connects to nothing.

    Raises:
        SettingsError: mails cannot be made as the settings say.
    """
    channels = build_channels(settings, ledger)
    return AlertWorker(
        settings.database_url,
        dispatcher=Dispatcher(
            ledger.deliveries, Routing(settings.alerts, settings.webhooks, mails=ChannelName.MAIL in channels)
        ),
        sender=Sender(ledger.deliveries, channels, settings.alerts, time_zone=settings.default_time_zone),
        chores=_chores(settings, ledger),
        settings=settings.alerts,
    )


def build_channels(settings: Settings, ledger: PostgresLedger) -> dict[ChannelName, Channel]:
    """What messages can be sent over.

    Raises:
        SettingsError: a template of mails is wrong.
    """
    channels: dict[ChannelName, Channel] = {ChannelName.WEBHOOK: WebhookChannel(settings.webhooks)}
    mail = mail_channel(settings, ledger, ReportFiles(ledger, ledger.usage_reports(settings.cost_table)))
    if mail is not None:
        channels[ChannelName.MAIL] = mail
    return channels


def _chores(settings: Settings, ledger: PostgresLedger) -> Sequence[PeriodicChore]:
    zone, hour = settings.default_time_zone, settings.alerts.report_hour
    return [
        chores.renew_accounts(ledger.cycle),
        chores.expire_credits(ledger.lots),
        chores.finish_merges(ledger.merges),
        chores.find_anomalies(ledger.overview, ledger, settings.anomaly),
        chores.digest(ledger.overview, time_zone=zone, hour=hour, clock=_utc_now),
        chores.report_month(ledger.overview, time_zone=zone, hour=hour, clock=_utc_now),
        chores.report_as_scheduled(ledger.report_schedules, time_zone=zone, hour=hour, clock=_utc_now),
        chores.purge(ledger.deliveries, keep_days=settings.alerts.keep_days),
    ]


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
