"""All settings, validated once: section ``solaris_settings`` of LiteLLM's config file, then ``SOLARIS_*``.

A variable of the environment wins over the file: ``SOLARIS_REFUSAL_STATUS=429`` over
``refusal_status: 402``. A value ``os.environ/NAME`` in the file is read from the environment,
as everywhere in LiteLLM's config.
"""

from solaris_hooks.settings.choices import NewAccounts, SweepPolicy, UnknownUsers, WhenAway
from solaris_hooks.settings.credits import CreditPackage, CreditRequestLimits
from solaris_hooks.settings.loading import SECTION, load_settings
from solaris_hooks.settings.models import ModelCosts, ModelPrices, ModelWeights, Price, Weight, weight_table
from solaris_hooks.settings.settings import Settings

__all__ = [
    "SECTION",
    "CreditPackage",
    "CreditRequestLimits",
    "ModelCosts",
    "ModelPrices",
    "ModelWeights",
    "NewAccounts",
    "Price",
    "Settings",
    "SweepPolicy",
    "UnknownUsers",
    "Weight",
    "WhenAway",
    "load_settings",
    "weight_table",
]
