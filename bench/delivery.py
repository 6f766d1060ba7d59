"""Mail that comes in: from a few sessions, from many, to one account, to all."""

from load import Imap, Smtp, Target, in_threads, logged_in, message, timed, wait_for

ACCOUNTS = 1000


def _wait_for_count(client: Imap, count: int) -> None:
    wait_for(lambda: client.count() >= count)


def _deliver(target: Target, *, messages: int, octets: int, sessions: int, users: int) -> float:
    """Seconds until all of them stand in their mailboxes."""
    mail = [message(octets, number) for number in range(messages)]
    clients = [logged_in(target, f"user{number + 1}") for number in range(users)]
    before = [client.count() for client in clients]

    def session(number: int) -> None:
        smtp = Smtp(target.smtp)
        to = f"user{number % users + 1}@alumni.example"
        for one in mail[number::sessions]:
            smtp.send([to], one)
        smtp.close()

    def all_of_it() -> None:
        in_threads(sessions, session)
        for client, had in zip(clients, before, strict=True):
            _wait_for_count(client, had + messages // users)

    seconds = timed(all_of_it)
    for client in clients:
        client.close()
    return seconds


def small(target: Target) -> float:
    """1,000 messages of 4 KiB from 10 sessions until they stand in the mailbox."""
    return _deliver(target, messages=1000, octets=4096, sessions=10, users=1)


def large(target: Target) -> float:
    """200 messages of 100 KiB from 10 sessions."""
    return _deliver(target, messages=200, octets=102_400, sessions=10, users=1)


def spread(target: Target) -> float:
    """1,000 messages of 4 KiB over 50 accounts from 50 connections."""
    return _deliver(target, messages=1000, octets=4096, sessions=50, users=50)


def newsletter(target: Target) -> float:
    """One message of 100 KiB to 1,000 accounts until it stands in the last mailbox."""
    clients = [logged_in(target, f"user{number}") for number in (1, ACCOUNTS // 2, ACCOUNTS - 1, ACCOUNTS)]
    before = [client.count() for client in clients]
    octets = message(102_400, 1)
    everyone = [f"user{number}@alumni.example" for number in range(1, ACCOUNTS + 1)]

    def all_of_it() -> None:
        smtp = Smtp(target.smtp)
        smtp.send(everyone, octets)
        smtp.close()
        for client, had in zip(clients, before, strict=True):
            _wait_for_count(client, had + 1)

    seconds = timed(all_of_it)
    for client in clients:
        client.close()
    return seconds


CASES = {"delivery": small, "large": large, "spread": spread, "newsletter": newsletter}
