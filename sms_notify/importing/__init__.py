"""Another program's configuration → ours: texts in, text and notes out; nothing is read or written here."""

from sms_notify.importing.convert import convert
from sms_notify.importing.notes import grouped
from sms_notify.importing.reading import Imported, Source

__all__ = ["Imported", "Source", "convert", "grouped"]
