"""Settings: what cannot be used is told in one line that names the key, before anything begins."""

from pathlib import Path

import pytest

from mailcore.config import host_and_port
from mailcore.config_file import load_config, parse_config
from mailcore.errors import ConfigError
from mailcore.services.certificates import tls_context


@pytest.mark.parametrize(("text", "told"), [
    ('database = "cockroachdb://h/db"', "database: this version offers sqlite:///PATH"),
    ('database = "sqlite:x.db"', "database: this version offers sqlite:///PATH"),
    ('blobs = "http://bucket"', "blobs: this version offers file://PATH and s3://BUCKET"),
    ('blobs = "s3://bucket?endpoint=https://x"', "blobs: 's3://bucket?endpoint=https://x' is not s3://BUCKET"),
    ('blobs = "s3://B"', "blobs: 's3://B' is not s3://BUCKET"),
    ('blobs_inside = "2M"', "blobs_inside must be at most 1M"),
    ('[s3]\ncache = "much"', "'much' is not a size"),
    ('[s3]\nendpoint = "s3.example"', "s3.endpoint: 's3.example' is not a URL"),
    ('blobs = "s3://bucket"\n[s3]\naccess_key = "me"', "s3.access_key and s3.secret_key go together"),
    ('domain = ""', "domain must not be empty"),
    ('domain = "Alumni.Example"', "domain: 'Alumni.Example' is not the name of a domain"),
    ('domain = "alumni.example\\n"', "domain: 'alumni.example\\n' is not the name of a domain"),
    ('domain = "alumni.example."', "domain: 'alumni.example.' is not the name of a domain"),
    ('domains = ["Old.Example"]', "domains: 'Old.Example' is not the name of a domain"),
    ('domains = ["srs.alumni.example"]', "domains: srs.alumni.example is the name of the host or of forwarded mail"),
    ('domains = ["old.example", "old.example"]', "domains: one of them is named twice"),
    ('hostname = "mx alumni"', "hostname: "),
    ('public_url = "alumni.example"', "public_url: 'alumni.example' is not a URL"),
    ('timezone = "Mars/Base"', "timezone: "),
    ("[listen]\nsmtp = \"25\"", "listen.smtp: '25' is not HOST:PORT"),
    ('[listen]\nimaps = "::1:993"', "listen.imaps: "),
    ('[listen]\nhttp = "localhost:65536"', "listen.http: "),
    ('[listen]\nbalancers = ["x"]', "listen.balancers: 'x' is not a network"),
    ('[tls]\ncertificate = "x.pem"', "tls.certificate and tls.key go together"),
    ('[quota]\ndefault = "²"', "'²' is not a size"),
    ('[outbound]\nmode = "relay"', "outbound.host must name the relay"),
    ('[outbound]\nmode = "post"', "outbound.mode is 'post'"),
    ("[outbound]\nport = -1", "outbound.port must not be less than 0"),
    ('[dns]\nservers = ["resolver"]', "dns.servers: "),
    ('[filter]\nrspamd = "127.0.0.1:11333"', "filter.rspamd: "),
    ("[limits]\nconnections = true", "limits.connections must be of type int"),
    ('[web]\nnames = ["https://mail.alumni.example/"]', "web.names: 'https://mail.alumni.example/' is not the name of a host"),
    ('[web]\nnames = ["mail.alumni.example:8443"]', "web.names: "),
    ('[web]\nnames = [""]', "web.names: "),
    ('[web]\nuploads_size = "lots"', "'lots' is not a size"),
    ('database_listen = "postgresql://h/n"', "database_listen: it is the URL"),
    ('database = "postgresql://h/n"\ndatabase_listen = "h"', "database_listen: it is the URL"),
    ("[lisen]\n", "unknown setting lisen; did you mean listen?"),
])  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(text, told):
    with pytest.raises(ConfigError) as problem:
        parse_config(text)
    assert told in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("blobs", "data", "path"),
    [
        ("", "var", "var/blobs"),
        ("file:///var/blobs", "var", "var/blobs"),
        ("file:///var/lib/alumnimail/blobs", "/var/lib/alumnimail", "/var/lib/alumnimail/blobs"),
        ("file:///var/spool/blobs", "/var/lib/alumnimail", "/var/spool/blobs"),
        ("file:///srv/blobs", ".", "/srv/blobs"),
        ("file://here/blobs", "var", "here/blobs"),
    ],
)
def test_the_folder_of_blobs_is_the_one_that_was_named(blobs, data, path):
    assert parse_config(f'data = "{data}"\nblobs = "{blobs}"').blobs_path == Path(path)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("0.0.0.0:25", ("0.0.0.0", 25)),
        ("[::1]:993", ("::1", 993)),
        (":25", ("", 25)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses_to_listen_on(address, found):
    assert host_and_port(address) == found


def test_a_certificate_or_key_that_cannot_be_used_is_named(tmp_path):
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    config = parse_config(f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"')
    with pytest.raises(ConfigError, match="tls: cannot read .*fullchain.pem: No such file"):
        tls_context(config)
    certificate.write_text("x")
    with pytest.raises(ConfigError, match="tls: cannot read .*privkey.pem: No such file"):
        tls_context(config)
    key.write_text("x")
    with pytest.raises(ConfigError, match="tls: cannot use .*fullchain.pem with .*privkey.pem: "):
        tls_context(config)


def test_a_file_or_a_secret_that_is_no_text_is_named(tmp_path):
    file, secret = tmp_path / "alumnimail.toml", tmp_path / "secret"
    file.write_bytes(b"\xff\xfe")
    secret.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="alumnimail.toml is not text in UTF-8"):
        load_config(str(file))
    with pytest.raises(ConfigError, match="outbound.password: .*secret is not text in UTF-8"):
        parse_config(f'[outbound]\npassword = {{ file = "{secret}" }}')


@pytest.mark.parametrize(("written", "octets"), [("2G", 2**31), ("unlimited", 0), ("Unlimited ", 0)])
def test_the_quota_of_a_new_account_is_written_as_in_commands(written, octets):
    assert parse_config(f'[quota]\ndefault = "{written}"').quota.default_octets == octets


def test_a_default_quota_of_0_is_deprecated_and_still_means_unlimited(caplog):
    with caplog.at_level("WARNING"):
        assert parse_config('[quota]\ndefault = "0"').quota.default_octets == 0
    assert 'quota.default = "0" is deprecated: write "unlimited"' in caplog.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('blobs_cache = "7G"', ("7G", "")),
        ('[node]\nname = "north"', ("20G", "north")),
        ('blobs_cache = "7G"\n[s3]\nregion = "north"\n[cluster]\nsilent_seconds = 20\n[node]\nname = "n"', ("7G", "n")),
        ('blobs_cache = "7G"\n[s3]\ncache = "8G"', "blobs_cache and s3.cache are the same setting"),
        ("[node]\nnumber = 7", "unknown setting node"),
        ('node = "north"', "unknown setting node"),
    ],
)  # fmt: skip
def test_a_setting_may_stand_under_its_other_name(text, told):
    if isinstance(told, tuple):
        config = parse_config(text)
        assert (config.s3.cache, config.cluster.node) == told
    else:
        with pytest.raises(ConfigError, match=told):
            parse_config(text)
