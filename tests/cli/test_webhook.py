"""`alumnimail webhook`, as people type it (N38)."""

import json
import re
from pathlib import Path

from tests.cli.test_people import config, opened, run

__all__ = ["config"]


def test_n38_a_webhook_from_its_beginning_to_its_end(config: str, tmp_path: Path) -> None:
    added = run(config, "webhook", "add", "CRM", "https://crm.example/", "--kind", "account.created")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/=]{44}\n", added.output)
    run(config, "user", "add", "ola")
    [told] = json.loads(run(config, "webhook", "show", "1", "--json").output)
    assert (told["kind"], told["state"]) == ("account.created", "waiting")
    assert run(config, "webhook", "test", "1").output.startswith("evt_")
    assert "account.created  waiting" in run(config, "webhook", "show", "1").output
    assert run(config, "webhook", "retry", "1", str(told["id"])).output == "1 on their way again\n"
    assert run(config, "webhook", "off", "1").output == "CRM is off\n"
    assert json.loads(run(config, "webhook", "list", "--json").output)[0]["state"] == "off"
    assert run(config, "webhook", "on", "1").output == "CRM is on\n"
    assert "whsec_" in run(config, "webhook", "new-key", "1").output
    assert "whsec_" not in run(config, "webhook", "list").output
    assert run(config, "webhook", "delete", "1").output == "CRM is deleted\n"
    for words in (("show", "1"), ("test", "1"), ("add", "CRM", "http://crm.example/")):
        refused = run(config, "webhook", *words)
        assert refused.exit_code == 1
        assert refused.stderr.startswith("alumnimail: ")
    with opened(tmp_path) as core:
        assert core.db.read(lambda tx: tx.rows("SELECT 1 FROM webhook_delivery")) == []
