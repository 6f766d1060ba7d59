"""Start what the settings ask for of OpenTelemetry; nothing of it is imported where they ask for nothing."""

from mailcore.config import Config
from mailcore.errors import ConfigError


def check_tracing(config: Config) -> None:
    """Raises ConfigError: the settings ask for spans, and the extra is not installed."""
    if config.opentelemetry.endpoint:
        try:
            import mailcore.process.span_export  # noqa: F401 - it only has to be there
        except ImportError as problem:
            raise ConfigError(
                f"opentelemetry.endpoint: this needs the OpenTelemetry SDK ({problem}); pip install 'alumnimail[otel]'"
            ) from None


def start_tracing(config: Config, kind: str) -> None:
    """Trace messages in this process, if the settings ask for it; `kind` as in `span_export.start`."""
    if config.opentelemetry.endpoint:
        from mailcore.process import span_export

        span_export.start(config, kind)
