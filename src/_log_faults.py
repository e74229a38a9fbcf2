"""What reading a damaged inspect log raises."""

__all__ = ["unreadable"]


def unreadable() -> tuple[type[Exception], ...]:
    """What the layers of a log file raise when it is cut, damaged or no log at all.

    json and pydantic errors are ValueErrors; the entries of an .eval file are zip and zstandard;
    remote logs come through botocore.
    """
    import zipfile
    import zlib

    import zstandard
    from botocore.exceptions import BotoCoreError, ClientError

    local = (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
    return (*local, zstandard.ZstdError, BotoCoreError, ClientError)
