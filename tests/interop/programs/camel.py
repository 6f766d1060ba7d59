"""Evolution's own library for mail, driven step by step.  Runs by Debian's own Python, which has GObject introspection.

`camel.py HOST IMAPS SUBMISSIONS USER FOLDER`, the password in the first line of standard input.  Each further line is a step in
JSON, each line of standard output that begins with `=` its outcome, or the error as Evolution would show it.
"""

import json
import sys
from typing import Any

import gi  # type: ignore[import-not-found,unused-ignore]  # Debian's, for its own Python

gi.require_version("Camel", "1.2")
from gi.repository import Camel, GLib  # type: ignore[import-not-found,unused-ignore]  # noqa: E402 - the version comes first

TLS = Camel.NetworkSecurityMethod.SSL_ON_ALTERNATE_PORT


class Session(Camel.Session):  # type: ignore[misc,unused-ignore]
    def do_trust_prompt(self, *_asked: object) -> Any:  # Any: GObject's have no types
        return Camel.CertTrust.TEMPORARY


class Person:
    """Does what somebody does with Evolution's windows."""

    def __init__(self, host: str, imaps: int, submissions: int, user: str, folder: str, password: str) -> None:
        Camel.init(folder, False)
        Camel.provider_init()
        self._session = Session(user_data_dir=f"{folder}/data", user_cache_dir=f"{folder}/cache")
        self._session.set_online(True)
        self._address = f"{user}@alumni.example"
        self._store = self._service("imapx", Camel.ProviderType.STORE, host, imaps, user, password)
        self._transport = self._service("smtp", Camel.ProviderType.TRANSPORT, host, submissions, user, password)
        self._store.set_online_sync(True, None)

    def _service(self, kind: str, provider: Any, host: str, port: int, user: str, password: str) -> Any:
        made = self._session.add_service(kind, kind, provider)
        settings = made.ref_settings()
        for name, value in {
            "host": host,
            "port": port,
            "user": user,
            "security-method": TLS,
            "auth-mechanism": "PLAIN",
        }.items():
            settings.set_property(name, value)
        made.set_password(password)
        return made

    def connect(self) -> bool:
        self._store.disconnect_sync(False, None)
        self._store.connect_sync(None)
        return bool(self._store.get_folder_info_sync(None, Camel.StoreGetFolderInfoFlags.RECURSIVE, None))

    def show(self, subject: str) -> bool:
        inbox = self._store.get_folder_sync("INBOX", 0, None)
        inbox.refresh_info_sync(None)
        uid = self._uid(inbox, subject)
        return bool(uid and inbox.get_message_sync(uid, None).get_subject() == subject)

    def _uid(self, mailbox: Any, subject: str) -> str | None:
        uids = mailbox.get_uids()
        return next((uid for uid in uids if mailbox.get_message_info(uid).get_subject() == subject), None)

    def send(self, subject: str) -> bool:
        """By submission, and then to Sent, as its composer does."""
        sender, friend = Camel.InternetAddress(), Camel.InternetAddress()
        sender.add("Me", self._address)
        friend.add("Kari", "kari@alumni.example")
        message = Camel.MimeMessage()
        message.set_from(sender)
        message.set_recipients("To", friend)
        message.set_subject(subject)
        message.set_content(b"words\n", "text/plain")
        message.set_date(-1, 0)  # now
        message.set_message_id(None)
        self._transport.connect_sync(None)
        self._transport.send_to_sync(message, sender, friend, None)
        self._transport.disconnect_sync(True, None)
        sent = self._store.get_folder_sync("Sent", 0, None)
        info = Camel.MessageInfo.new(None)
        info.set_flags(Camel.MessageFlags.SEEN, Camel.MessageFlags.SEEN)
        sent.append_message_sync(message, info, None)
        return True

    def move(self, subject: str) -> bool:
        inbox, archive = (self._store.get_folder_sync(name, 0, None) for name in ("INBOX", "Archive"))
        inbox.transfer_messages_to_sync([self._uid(inbox, subject)], archive, True, None)
        return bool(inbox.synchronize_sync(True, None))

    def create(self, mailbox: str) -> bool:
        return bool(self._store.create_folder_sync("", mailbox, None))

    def rename(self, old: str, new: str) -> bool:
        return bool(self._store.rename_folder_sync(old, new, None))

    def remove(self, mailbox: str) -> bool:
        return bool(self._store.delete_folder_sync(mailbox, None))


if __name__ == "__main__":
    host, imaps, submissions, user, folder = sys.argv[1:]
    person = Person(host, int(imaps), int(submissions), user, folder, sys.stdin.readline().rstrip("\n"))
    for line in sys.stdin:
        step, *arguments = json.loads(line)
        try:
            outcome = {"ok": getattr(person, step)(*arguments)}
        except GLib.Error as problem:
            outcome = {"error": problem.message}
        print(f"= {json.dumps(outcome)}", flush=True)
