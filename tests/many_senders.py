"""Many peers that each send a large message at the same time, block by block in turn; smtp-source sends one after another.

python tests/many_senders.py PORT RECIPIENT SESSIONS OCTETS
"""

import asyncio
import sys

LINE = b"x" * 72 + b"\r\n"
BLOCK = LINE * 900  # some 64 KiB


async def _reply(reader: asyncio.StreamReader) -> bytes:
    while (line := await reader.readline())[3:4] == b"-":
        pass
    return line


async def send(port: int, recipient: str, number: int, octets: int, begin: asyncio.Barrier) -> bytes:
    """One message, begun when all others begin theirs; the last reply."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await _reply(reader)
    reply = b""
    for command in ("EHLO outside.example", "MAIL FROM:<a@outside.example>", f"RCPT TO:<{recipient}>", "DATA"):
        writer.write(f"{command}\r\n".encode())
        reply = await _reply(reader)
    assert reply.startswith(b"354"), reply
    await begin.wait()
    writer.write(b"From: a@outside.example\r\nSubject: %d\r\n\r\n" % number)
    for _ in range(octets // len(BLOCK)):
        writer.write(BLOCK)
        await writer.drain()
        await asyncio.sleep(0)  # the others' turn
    writer.write(LINE * (octets % len(BLOCK) // len(LINE)) + b".\r\n")
    reply = await _reply(reader)
    writer.close()
    return reply


async def main(port: int, recipient: str, sessions: int, octets: int) -> None:
    begin = asyncio.Barrier(sessions)
    replies = await asyncio.gather(*(send(port, recipient, number, octets, begin) for number in range(sessions)))
    refused = [reply for reply in replies if not reply.startswith(b"250")]
    assert not refused, refused[:3]


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
