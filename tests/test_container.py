"""The container files: linted, and true about the service that they start (N40)."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from compose_spec import PyOptions

from mailcore.config import Listen, host_and_port
from mailcore.config_file import load_config
from tests.machine import program

FOLDER = Path(__file__).parents[1] / "deploy/container"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()


def services(name: str) -> dict[str, Any]:
    options = PyOptions()
    options.apply_merge = True
    compose = options.from_yaml((FOLDER / name).read_text())
    compose.validate()
    found: dict[str, Any] = compose.to_dict()["services"]
    return found


def listening(listen: Listen) -> set[int]:
    addresses = (listen.smtp, listen.submission, listen.submissions, listen.imaps, listen.managesieve, listen.http)
    return {host_and_port(address)[1] for address in addresses}


def test_n40_the_image_file_is_linted():
    lint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([lint, FOLDER / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_all_packages_and_shows_all_ports():
    copied = set(re.findall(r"^COPY (\w+) ", DOCKERFILE, re.MULTILINE))
    assert copied == {"requirements", "sieve", "mailcore", "portal", "templates"}
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().split()
    assert {f"!{folder}" for folder in copied} <= set(ignored)
    (exposed,) = re.findall(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE)
    assert set(map(int, exposed.split())) == listening(Listen())


def test_the_image_installs_what_has_a_hash_and_nothing_else():
    installed = re.findall(r"/pip install ([^&\\\n]*)", DOCKERFILE)
    *locked, ours = (words.split() for words in installed)
    assert [words[-1] for words in locked] == ["requirements/build.txt", "requirements.txt", "requirements/extras.txt"]
    assert all({"--require-hashes", "--no-build-isolation", "-r"} <= set(words) for words in locked)
    assert {"--no-deps", "--no-build-isolation"} <= set(ours)
    assert ours[-1] == "."


@pytest.mark.parametrize(
    ("compose", "settings", "nodes", "door"),
    [
        ("compose.yaml", "alumnimail.toml", ["alumnimail"], "alumnimail"),
        ("cluster.yaml", "cluster.toml", ["node-a", "node-b"], "balancer"),
    ],
)
def test_n40_compose_files_are_valid_and_start_the_service_without_rights(compose, settings, nodes, door):
    config = load_config(str(FOLDER / settings))
    found = services(compose)
    for name in nodes:
        assert found[name]["read_only"] is True
        assert found[name]["cap_drop"] == ["ALL"]
        assert found[name]["security_opt"] == ["no-new-privileges:true"]
        assert f"./{settings}:/etc/alumnimail/alumnimail.toml:ro" in found[name]["volumes"]
        assert any(volume.endswith(f":{config.data}") for volume in found[name]["volumes"])
    inside = {int(port.rpartition(":")[2]) for port in found[door]["ports"]}
    assert inside == listening(config.listen)
    assert host_and_port(config.listen.http)[0] == "0.0.0.0"  # what is shown to this machine alone is said by compose
    assert [port for port in found[door]["ports"] if port.endswith(":8080")] == ["127.0.0.1:8080:8080"]


def test_the_cluster_knows_its_balancer_database_and_objects():
    config, found = load_config(str(FOLDER / "cluster.toml")), services("cluster.yaml")
    text = (FOLDER / "cluster.yaml").read_text()
    assert config.listen.balancers == tuple(re.findall(r"subnet: (\S+)", text))
    who = found["database"]["environment"]
    assert config.database == (
        f"postgresql://{who['POSTGRES_USER']}:{who['POSTGRES_PASSWORD']}@database/{who['POSTGRES_USER']}"
    )
    assert config.s3.endpoint == "http://objects:8333"
    assert config.bucket
    assert f"-name {config.bucket.name}" in text
    key = config.cluster.key
    assert f"keys:{Path(key).parent}:ro" in found["node-a"]["volumes"]
    assert Path(key).name in text


def test_the_balancer_s_settings_are_read_by_haproxy():
    done = subprocess.run([program("haproxy"), "-c", "-f", str(FOLDER / "haproxy.cfg")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    bound = set(map(int, re.findall(r"bind :(\d+)", (FOLDER / "haproxy.cfg").read_text())))
    assert bound == listening(load_config(str(FOLDER / "cluster.toml")).listen)
