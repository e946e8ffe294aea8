"""The configuration: YAML with positions in, settings or every fault at once out."""

from sms_notify.config.load import config_schema, find_config, load
from sms_notify.config.settings import Settings

__all__ = ["Settings", "config_schema", "find_config", "load"]
