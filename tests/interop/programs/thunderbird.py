"""Thunderbird under Xvfb, by Marionette.  The account is made as the dialogue for a manual set-up makes it."""

import contextlib
import os
import re
import signal
import subprocess

from tests.interop.programs.day import Failed, Program
from tests.interop.programs.marionette import Marionette
from tests.interop.programs.screen import screen
from tests.journeys.conftest import PASSWORD
from tests.machine import free_port, program, until

PRELUDE = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = () => MailServices.accounts.allServers.find(one => one.type == "imap");
const folder = name => server().rootFolder.descendants.find(one => one.name == name);
const inbox = () => server().rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const subjects = box => [...box.messages].map(one => one.mime2DecodedSubject);
const update = box => new Promise(done => {
  const listener = { OnStartRunningUrl() {}, OnStopRunningUrl(url, status) { done(status); },
    QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]) };
  box.getNewMessages(null, listener);
});
"""
SET_UP = """
const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
db.addCertFromBase64(a[4], "C,,");
const made = MailServices.accounts.createIncomingServer(a[0], "localhost", "imap");
made.port = a[1]; made.socketType = Ci.nsMsgSocketType.SSL; made.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
made.password = a[3]; made.loginAtStartUp = true; made.doBiff = false;
const out = MailServices.outgoingServer.createServer("smtp").QueryInterface(Ci.nsISmtpServer);
out.hostname = "localhost"; out.port = a[2];
out.socketType = Ci.nsMsgSocketType.SSL; out.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
out.username = a[0]; out.password = a[3];
MailServices.outgoingServer.defaultServer = out;
const me = MailServices.accounts.createIdentity();
me.email = a[0] + "@alumni.example"; me.fullName = "Me"; me.smtpServerKey = out.key; me.valid = true; me.composeHtml = false;
const account = MailServices.accounts.createAccount();
account.addIdentity(me); account.incomingServer = made; MailServices.accounts.defaultAccount = account;
made.performExpand(null);
"""
SEND = """
const account = MailServices.accounts.defaultAccount;
const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
fields.to = "kari@alumni.example"; fields.subject = a[0]; fields.body = "words\\r\\n";
const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
params.composeFields = fields; params.identity = account.defaultIdentity;
params.type = Ci.nsIMsgCompType.New; params.format = Ci.nsIMsgCompFormat.PlainText;
MailServices.compose.OpenComposeWindowWithParams(null, params);
"""


DIALOG = """
const one = [...Services.wm.getEnumerator(null)].find(each => each.document.getElementById("commonDialog"));
if (!one) return "";
const text = one.document.getElementById("infoBody").textContent, box = one.document.getElementById("commonDialog");
const shown = ["cancel", "extra1", "accept"].map(name => box.getButton(name)).find(each => each && !each.hidden);
one.setTimeout(() => shown.click(), 0);
return text;
"""
READY = """
const one = Services.wm.getMostRecentWindow("msgcompose");
return !!(one && one.gMsgCompose && !one.gWindowLocked);
"""
GO = """
const one = Services.wm.getMostRecentWindow("msgcompose");
one.setTimeout(() => one.goDoCommand("cmd_sendNow"), 500);
"""
GIVE_UP = """
const one = Services.wm.getMostRecentWindow("msgcompose");
one.gMsgCompose.bodyModified = false; one.close();
"""


class Thunderbird(Program):
    name, package, command = "Thunderbird", "thunderbird", "thunderbird"

    def set_up(self) -> None:
        port = free_port()
        profile = self.folder / "profile"
        profile.mkdir()
        (profile / "user.js").write_text(
            f'user_pref("marionette.port", {port});\nuser_pref("app.donation.eoy.version.viewed", 999);\n'
            'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n'
            'user_pref("mail.shell.checkDefaultClient", false);\n'
            'user_pref("mail.spotlight.firstRunDone", true);\nuser_pref("mailnews.start_page.enabled", false);\n'
            'user_pref("app.update.enabled", false);\nuser_pref("mail.provider.suppress_dialog_on_startup", true);\n'
            'user_pref("mail.SpellCheckBeforeSend", false);\nuser_pref("mail.warn_on_send_accel_key", false);\n'
        )
        self._ends = contextlib.ExitStack()
        display = self._ends.enter_context(screen())
        environment = {**os.environ, "DISPLAY": display, "HOME": str(self.folder), "LANG": "C.UTF-8"}
        log = self._ends.enter_context((self.folder / "said").open("wb"))
        self._process = subprocess.Popen(
            [
                program("thunderbird"),
                "--marionette",
                "--remote-allow-system-access",
                "--no-remote",
                "--profile",
                str(profile),
            ],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self._in = Marionette(port)
        authority = re.sub(r"-----[^-]+-----|\s", "", self.desk.authority.read_text())
        ports = self.desk.port("imaps"), self.desk.port("submissions")
        self._in.run(PRELUDE + SET_UP, self.account, *ports, PASSWORD, authority)
        self.show("first")

    def _run(self, script: str, *arguments: object) -> object:
        return self._in.run(PRELUDE + script, *arguments)

    def show(self, subject: str) -> None:
        ask = "const box = inbox(); if (!box) return false; await update(box); return subjects(box).includes(a[0]);"
        if not until(lambda: bool(self._run(ask, subject)), 60):
            raise Failed(f"INBOX has no {subject}: {self._run('return inbox() ? subjects(inbox()) : null')}")

    def send(self, subject: str) -> None:
        self._said = ""
        self._run(SEND, subject)
        if not until(lambda: bool(self._run(READY)), 60):
            raise Failed("no window to write in")
        self._run(GO)

        def over() -> bool:
            try:
                self._said += str(self._run(DIALOG))
                return bool(self._run('return !Services.wm.getMostRecentWindow("msgcompose");'))
            except Failed:  # a dialogue has come meanwhile
                return False

        if not until(over, 60):
            self._run(GIVE_UP)

    def move(self, subject: str) -> None:
        self._run(
            "const box = inbox(); const one = [...box.messages].find(each => each.mime2DecodedSubject == a[0]);"
            'MailServices.copy.copyMessages(box, [one], folder("Archive"), true, null, null, false);',
            subject,
        )

    def _until_server(self, true: str, *arguments: object) -> None:
        until(lambda: bool(self._run(true, *arguments)), 30)

    def create(self, mailbox: str) -> None:
        self._run("server().rootFolder.createSubfolder(a[0], null);", mailbox)
        self._until_server("return !!folder(a[0]);", mailbox)

    def rename(self, old: str, new: str) -> bool:
        self._run("folder(a[0]).rename(a[1], null);", old, new)
        self._until_server("return !!folder(a[0]);", new)
        return True

    def remove(self, mailbox: str) -> None:
        self._run(
            "const box = folder(a[0]);"
            'Services.wm.getMostRecentWindow("mail:3pane").setTimeout(() => box.deleteSelf(null), 100);',
            mailbox,
        )
        until(lambda: bool(self._in.answer_dialog(accept=True)), 20)

    def says_that_it_is_full(self) -> bool:
        return "quota" in self._said.lower()

    def come_back(self) -> str:
        return ""  # it connects again by itself

    def end(self) -> None:
        if hasattr(self, "_in"):
            self._in.close()
        if hasattr(self, "_process"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
        if hasattr(self, "_ends"):
            self._ends.close()
