"""What can go wrong between a campaign and its storage."""


class StorageError(RuntimeError):
    """A storage cannot be used: it is damaged, foreign, newer, closed or out of reach."""


class StorageInUseError(StorageError, ValueError):
    """A campaign was to be created where there is one already."""


class StorageLockedError(StorageError):
    """The place of a campaign's driver is, or has meanwhile been, taken by another."""
