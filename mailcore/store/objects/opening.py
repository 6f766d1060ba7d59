"""Open what the configuration names for large messages."""

from mailcore.config import Config, octets
from mailcore.errors import ConfigError
from mailcore.store.objects.cache import Cache
from mailcore.store.objects.contract import Objects
from mailcore.store.objects.files import FileObjects


def open_objects(config: Config) -> Objects:
    """Open the files or the bucket; no server is asked yet.

    Raises:
        ConfigError: it cannot be used as it is.
    """
    bucket = config.bucket
    if bucket is None:
        config.blobs_path.mkdir(parents=True, exist_ok=True)
        return FileObjects(config.blobs_path)
    try:
        from mailcore.store.objects.s3 import S3Objects
    except ImportError as problem:
        raise ConfigError(f"blobs: S3 needs obstore ({problem}); pip install 'alumnimail[s3]'") from None
    return S3Objects(bucket, config.s3, Cache(config.data_path / "cache", octets(config.s3.cache)))
