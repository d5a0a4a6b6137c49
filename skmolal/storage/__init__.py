"""What a campaign leaves behind: its events in an SQLite file or another database, and a spool."""

from skmolal.storage._campaign_storage import CampaignStorage
from skmolal.storage._errors import StorageError, StorageInUseError, StorageLockedError
from skmolal.storage._spool import write_spool

__all__ = [
    "CampaignStorage",
    "StorageError",
    "StorageInUseError",
    "StorageLockedError",
    "write_spool",
]
