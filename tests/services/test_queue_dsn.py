"""The sender's DSN parameters and REQUIRETLS (RFC 3461, RFC 8689) stay with each item of the queue."""

from mailcore.domain import Dsn
from mailcore.store.queue.items import list_items
from tests.queueing import enqueue


def test_an_item_keeps_what_was_asked_of_its_recipient(core):
    asked = Dsn("SUCCESS,FAILURE", "HDRS", "rfc822;x@outside.example", "QQ314159")

    enqueue(core, "x@outside.example", "y@outside.example", dsn={"x@outside.example": asked}, require_tls=True)
    items = core.db.read(list_items)
    assert [(item.recipient, item.dsn, item.require_tls) for item in items] == [
        ("x@outside.example", asked, True),
        ("y@outside.example", Dsn(), True),
    ]
