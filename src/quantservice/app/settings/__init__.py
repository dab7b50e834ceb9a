"""Settings: one frozen typed tree, read from defaults, a file, the environment and flags."""

from quantservice.app.settings.loader import LoadedSettings, SettingRow, field_docs, load_settings, mask
from quantservice.app.settings.tree import Settings

__all__ = ["LoadedSettings", "SettingRow", "Settings", "field_docs", "load_settings", "mask"]
