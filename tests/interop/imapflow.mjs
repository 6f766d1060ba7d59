// What a modern client does in a day: node imapflow.mjs PORT USER PASSWORD; prints a JSON object of what it saw.
import { createRequire } from "node:module";
const { ImapFlow } = createRequire(process.cwd() + "/")("imapflow");

const [port, user, pass] = process.argv.slice(2);
const client = new ImapFlow({
  host: "127.0.0.1", port: Number(port), secure: true, auth: { user, pass },
  tls: { rejectUnauthorized: false }, logger: false, qresync: true,
});
const seen = { exists: [], expunged: [], flags: [] };
client.on("exists", (event) => seen.exists.push(event.count));
client.on("expunge", (event) => seen.expunged.push(event.uid ?? event.seq));
client.on("flags", (event) => seen.flags.push([...event.flags].sort()));
await client.connect();
seen.compressed = client.capabilities.has("COMPRESS=DEFLATE");
seen.enabled = [...client.enabled].sort();
const made = await client.mailboxCreate(["Prosjekt", "Blåbær & rømme"]);
seen.path = made.path;
seen.quota = (await client.getQuota("INBOX")).storage.limit;
const put = await client.append(made.path, "Subject: =?utf-8?q?Sm=C3=B8r?=\r\nFrom: kari@x.example\r\n\r\nhei\r\n", ["\\Seen", "$Viktig"]);
seen.uid = put.uid;
const lock = await client.getMailboxLock(made.path);
try {
  seen.mailbox = { exists: client.mailbox.exists, id: Boolean(client.mailbox.mailboxId), modseq: Boolean(client.mailbox.highestModseq) };
  const message = await client.fetchOne("*", { uid: true, flags: true, envelope: true, bodyStructure: true, source: true, emailId: true });
  seen.subject = message.envelope.subject;
  seen.source = message.source.toString().length;
  seen.type = message.bodyStructure.type;
  seen.emailId = Boolean(message.emailId);
  seen.found = await client.search({ from: "kari", keyword: "$Viktig" }, { uid: true });
  await client.messageFlagsAdd("1:*", ["\\Flagged"]);
  const copied = await client.messageCopy("1:*", "Archive");
  seen.copied = copied.uidMap.size;
  const moved = await client.messageMove({ uid: put.uid }, "Trash", { uid: true });
  seen.moved = moved.uidMap.get(put.uid) > 0;
  seen.left = client.mailbox.exists;
} finally {
  lock.release();
}
seen.special = (await client.list()).filter((box) => box.specialUse).map((box) => box.specialUse).sort();
await client.mailboxRename(made.path, ["Eldre"]);
seen.status = await client.status("Trash", { messages: true, uidNext: true, unseen: true, highestModseq: true });
await client.mailboxDelete("Eldre");
await client.logout();
seen.status = { messages: seen.status.messages, unseen: seen.status.unseen };
console.log(JSON.stringify(seen));
