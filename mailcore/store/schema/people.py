"""People: accounts, addresses, passwords and other ways in, orders, affiliations, the end of an account and of the service.

Times are whole seconds since 1970 UTC.
"""

from peewee import AutoField, BigIntegerField, BlobField, BooleanField, CompositeKey, IntegerField, Model, TextField

from mailcore.store.schema.erasure import AccountField, Anonymise, Delete, Keep


class AccountRow(Model):
    id = AutoField()
    name = TextField(unique=True)
    display_name = TextField(default="")
    person = TextField(null=True, unique=True)
    quota = BigIntegerField(default=0)
    used = BigIntegerField(default=0)
    language = TextField(default="nb")
    contact = TextField(default="")
    state = TextField(default="active")
    role = TextField(default="")
    created_at = BigIntegerField()
    closed_at = BigIntegerField(null=True)
    epoch = IntegerField(default=0)  # grows when what opens the account changes
    main_address = TextField(default="")  # empty = the user name at the site's domain
    asleep_at = BigIntegerField(null=True)

    class Meta:
        table_name = "account"


class AddressRow(Model):
    """`account_id` null is a tombstone: the address was somebody's and is never given away again."""

    ERASE = Keep("a tombstone: nobody else is ever given the address; closing.py adds the mark")

    id = AutoField()
    localpart = TextField()
    domain = TextField()
    account_id = AccountField(null=True, index=True)
    created_at = BigIntegerField()
    former = AccountField(null=True)  # whose it was
    mark = TextField(default="")  # the person's whose it was, once the account is erased
    skeleton = TextField(default="")  # see store/people/skeleton.py
    origin = TextField(default="first")  # see services/accounts/addresses.py (Origin)
    removed_at = BigIntegerField(null=True)  # by its owner or staff; otherwise a tombstone is that of a closed account

    class Meta:
        table_name = "address"
        indexes = ((("localpart", "domain"), True),)


class AddressRequestRow(Model):
    """An address that somebody has asked the desk for; `state` is waiting, approved or refused."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    localpart = TextField()
    domain = TextField()
    reason = TextField(default="")
    state = TextField(default="waiting", index=True)
    created_at = BigIntegerField()
    decided_at = BigIntegerField(null=True)

    class Meta:
        table_name = "address_request"


class NameChangeRow(Model):
    """The name that the directory gave a person since, until its owner has taken or declined an address of it."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    name = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "name_change"


class AccountImportRow(Model):
    """A file of accounts that an administrator brought: `state` is preview, running or done.

    `sealed` is its text, sealed by a key beside the database, as it may hold passwords; empty when it is done.
    `position` is how many of its accounts have been looked at.
    """

    id = AutoField()
    actor = TextField()
    name = TextField()
    at = BigIntegerField()
    sealed = TextField()
    state = TextField(default="preview")
    total = IntegerField(default=0)
    position = IntegerField(default=0)
    created = IntegerField(default=0)
    leased_until = BigIntegerField(default=0)

    class Meta:
        table_name = "account_import"


class TopicRow(Model):
    """A topic of newsletters with its name in three languages; `ended_at` is null while it lasts.

    `slug` stands in its address and its List-Id; `reply_to` is where readers' answers go, "" = the help desk.
    """

    id = AutoField()
    nb = TextField()
    nn = TextField()
    en = TextField()
    created_at = BigIntegerField()
    ended_at = BigIntegerField(null=True)
    slug = TextField(default="")
    reply_to = TextField(default="")

    class Meta:
        table_name = "topic"


class TopicEditorRow(Model):
    """An owner who may write and send newsletters of a topic."""

    ERASE = Delete()

    topic_id = IntegerField()
    account_id = AccountField(index=True)
    at = BigIntegerField()

    class Meta:
        table_name = "topic_editor"
        primary_key = CompositeKey("topic_id", "account_id")


class ConsentRow(Model):
    """The owner agreed to a topic; `wording` is the question that they said yes to."""

    ERASE = Delete()

    account_id = AccountField()
    topic_id = IntegerField(index=True)
    at = BigIntegerField()
    wording = TextField()

    class Meta:
        table_name = "consent"
        primary_key = CompositeKey("account_id", "topic_id")


class CredentialRow(Model):
    """`generation` grows with every change of the hash, so that no cached log-in outlives it."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    kind = TextField(default="password")
    hash = TextField()
    label = TextField(default="")
    generation = IntegerField(default=1)
    created_at = BigIntegerField()
    last_used_at = BigIntegerField(null=True)
    scopes = TextField(default="")
    chosen = BooleanField(default=False)
    breached = BooleanField(default=False)  # it stands in a list of breaches, and its owner was told

    class Meta:
        table_name = "credential"


class ScramRow(Model):
    """Good only while `generation` is that of the credential.  `sealed` holds StoredKey and ServerKey."""

    ERASE = Delete()

    credential_id = IntegerField(primary_key=True)
    account_id = AccountField(index=True)
    generation = IntegerField()
    iterations = IntegerField()
    sealed = TextField()

    class Meta:
        table_name = "scram"


class TokenRow(Model):
    """A one-time link; only the SHA-256 of the token is saved."""

    ERASE = Delete()

    id = AutoField()
    hash = TextField(unique=True)
    account_id = AccountField(index=True)
    purpose = TextField()
    data = TextField(default="")
    expires_at = BigIntegerField()
    used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "token"


class SecondFactorRow(Model):
    """`kind` is totp, webauthn or passkey; `secret` is sealed; `counter` only grows, so nothing is used twice."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    kind = TextField()
    label = TextField(default="")
    handle = TextField(default="", index=True)
    secret = TextField()
    counter = BigIntegerField(default=0)
    active = BooleanField(default=False)
    created_at = BigIntegerField()
    last_used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "second_factor"


class RecoveryCodeRow(Model):
    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    hash = TextField()
    used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "recovery_code"


class RecoveryRow(Model):
    """Recovery at the desk that waits for a second agent."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    agent = TextField()
    proof = TextField(default="")
    send_to = TextField(default="")
    ticket = IntegerField(null=True)
    state = TextField(default="waiting")
    created_at = BigIntegerField()

    class Meta:
        table_name = "recovery"


class ReachRow(Model):
    """An outside address that its owner has proved to read; `asked_at`: the last letter that only asks if it is still there."""

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField()
    address = TextField()
    verified_at = BigIntegerField()
    asked_at = BigIntegerField(default=0)

    class Meta:
        table_name = "reach"
        indexes = ((("account_id", "address"), True),)


class LostContactRow(Model):
    """A contact address whose server said that there is no such mailbox: it proves nothing until it is confirmed anew."""

    ERASE = Delete()

    account_id = AccountField(index=False)
    address = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "lost_contact"
        primary_key = CompositeKey("account_id", "address")


class WebSessionRow(Model):
    ERASE = Delete()

    id = TextField(primary_key=True)
    account_id = AccountField(null=True, index=True)
    data = TextField(default="")
    created_at = BigIntegerField()
    expires_at = BigIntegerField(index=True)
    source = TextField(default="")
    place = TextField(default="")
    agent = TextField(default="")
    ended_at = BigIntegerField(null=True)

    class Meta:
        table_name = "web_session"


class PushSubscriptionRow(Model):
    """A browser that is told when mail has come: `endpoint` is where its push service takes the word.

    `told`: messages of INBOX below this UID have been told of.  `due_at`: before it, nothing is sent.
    """

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(index=True)
    endpoint = TextField(unique=True)
    agent = TextField()
    created_at = IntegerField()
    told = IntegerField()
    due_at = IntegerField()
    failures = IntegerField()

    class Meta:
        table_name = "push_subscription"


class LoginEventRow(Model):
    """Log-ins of one account by one way from one place, together; `place` is an IPv4 address or an IPv6 /64.

    `outcome` is ok, or why a right password did not open the account.
    """

    ERASE = Delete()

    id = AutoField()
    account_id = AccountField()
    scope = TextField()
    source = TextField()
    credential = IntegerField(default=0)
    place = TextField()
    agent = TextField(default="")
    outcome = TextField(default="ok")
    first_at = BigIntegerField()
    last_at = BigIntegerField(index=True)
    times = IntegerField(default=1)

    class Meta:
        table_name = "login_event"
        indexes = ((("account_id", "scope", "source", "credential", "place", "agent", "outcome"), True),)


class LoginFailureRow(Model):
    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(null=True)
    peer = TextField()
    at = BigIntegerField()
    tag = TextField(default="")

    class Meta:
        table_name = "login_failure"
        indexes = ((("peer", "at"), False),)


class ElsewhereRow(Model):
    """`mark` stands for the person there (the subject, or a national number), and tells nothing of it."""

    ERASE = Delete()

    provider = TextField()
    mark = TextField()
    account_id = AccountField(index=True)
    linked_at = BigIntegerField()

    class Meta:
        table_name = "elsewhere"
        primary_key = CompositeKey("provider", "mark")


class AuditRow(Model):
    ERASE = Delete()

    id = AutoField()
    account_id = AccountField(null=True, index=True)
    at = BigIntegerField()
    actor = TextField(default="")
    event = TextField()
    detail = TextField(default="")

    class Meta:
        table_name = "audit"


class SendingHoldRow(Model):
    """`reason` is for the desk."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    at = BigIntegerField()
    reason = TextField()

    class Meta:
        table_name = "sending_hold"


class OrderRow(Model):
    ERASE = Anonymise({"display_name": "", "contact": "", "affiliation": "", "account_id": None})

    id = AutoField()
    key = TextField(unique=True)
    name = TextField()
    display_name = TextField(default="")
    contact = TextField(default="")
    affiliation = TextField(default="")
    state = TextField(default="submitted", index=True)
    language = TextField(default="nb")
    terms = TextField(default="")
    created_at = BigIntegerField()
    decided_at = BigIntegerField(null=True)
    account_id = AccountField(null=True)
    place = TextField(default="")  # a hash of where it came from, while the name is held
    person = TextField(default="")
    proof = TextField(default="")
    token = TextField(default="")
    confirmed = BooleanField(default=False)

    class Meta:
        table_name = "orders"


class AffiliationRow(Model):
    """`kinds` are apart by spaces; `until` is a day such as 2027-12-31, or ""; `gone_at` when the entry vanished."""

    person = TextField(primary_key=True)
    login = TextField()
    kinds = TextField(default="")
    until = TextField(default="")
    present = BooleanField(default=True, index=True)
    seen_at = BigIntegerField()
    gone_at = BigIntegerField(null=True)
    blocked = BooleanField(default=False)
    returned = BooleanField(default=False)
    name = TextField(default="")  # of the person, at the last reading
    checked_at = BigIntegerField(default=0)

    class Meta:
        table_name = "affiliation"


class LeavingRow(Model):
    """The last reminder to somebody who leaves: -90, -30, -7, 0, gone, or twice (a year)."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    step = TextField()
    told_at = BigIntegerField()

    class Meta:
        table_name = "leaving"


class PresenceRow(Model):
    """The last sign of an owner, and what they were told since: services/accounts/sleeping.py.

    `regions` are parts of the world from which the account was opened, apart by spaces.
    """

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    seen_at = BigIntegerField(index=True)
    step = TextField(default="")
    told_at = BigIntegerField(null=True)
    regions = TextField(default="")

    class Meta:
        table_name = "presence"


class ClosingRow(Model):
    """`forwarding`: mail was passed on, and will have to be agreed to anew.  `erased_at` when mail and data were erased."""

    ERASE = Keep("when it was closed and erased; the new address is forgotten after its time")

    account_id = AccountField(primary_key=True)
    closed_at = BigIntegerField()
    new_address = TextField(default="")
    forwarding = BooleanField(default=False)
    erased_at = BigIntegerField(null=True)

    class Meta:
        table_name = "closing"


class CorrespondentRow(Model):
    """Somebody whom the owner has written to, by a mark that tells nothing else."""

    ERASE = Keep("is told the new address; forgotten after its time")

    account_id = AccountField()
    mark = TextField()

    class Meta:
        table_name = "correspondent"
        primary_key = CompositeKey("account_id", "mark")


class SunsetRow(Model):
    """`ends`: the last day, YYYY-MM-DD; `successor`: where people turn afterwards; nb, nn, en: why, in a few words."""

    id = AutoField()
    ends = TextField()
    successor = TextField(default="")
    nb = TextField(default="")
    nn = TextField(default="")
    en = TextField(default="")
    announced_at = BigIntegerField()
    withdrawn_at = BigIntegerField(null=True)

    class Meta:
        table_name = "sunset"


class SunsetPersonRow(Model):
    """`step`: the last milestone notified, in days before the end; `how` it was read: button, mailbox or desk."""

    ERASE = Delete()

    account_id = AccountField()
    sunset_id = IntegerField()
    step = IntegerField()
    first_at = BigIntegerField()
    told_at = BigIntegerField()
    next_at = BigIntegerField(null=True)
    read_at = BigIntegerField(null=True)
    how = TextField(default="")
    letter_at = BigIntegerField(null=True)
    new_address = TextField(default="")

    class Meta:
        table_name = "sunset_person"
        primary_key = CompositeKey("account_id", "sunset_id")
        indexes = ((("sunset_id", "next_at"), False),)


class SunsetNoticeRow(Model):
    """A notice that lies in somebody's box, by the name of its octets."""

    ERASE = Delete()

    account_id = AccountField()
    sunset_id = IntegerField()
    blob = BlobField()

    class Meta:
        table_name = "sunset_notice"
        primary_key = CompositeKey("account_id", "blob")


class MovingDayRow(Model):
    """An owner's way out: `state` of the scan of their mail is "", running or done; `until` is a day, or ""."""

    ERASE = Delete()

    account_id = AccountField(primary_key=True)
    state = TextField(default="")
    done = IntegerField(default=0)
    total = IntegerField(default=0)
    leased_until = BigIntegerField(default=0)
    scanned_at = BigIntegerField(default=0)
    until = TextField(default="")
    new_address = TextField(default="")
    subject = TextField(default="")
    letter = TextField(default="")

    class Meta:
        table_name = "moving_day"
        indexes = ((("state", "leased_until"), False),)


class MovingBoxRow(Model):
    """All messages of the mailbox up to `uid` are counted."""

    ERASE = Delete()

    account_id = AccountField()
    mailbox = IntegerField()
    uid = IntegerField()

    class Meta:
        table_name = "moving_box"
        primary_key = CompositeKey("account_id", "mailbox")
        without_rowid = True


class MovingServiceRow(Model):
    """Evidence of a host, or of a mailing list: points of its best message, and how many messages are likely of a service.

    `junk` counts those that stand in Junk; `linked` says that the page was looked for.
    """

    ERASE = Delete()

    account_id = AccountField()
    key = TextField()
    host = TextField()
    name = TextField()
    address = TextField()
    best = IntegerField()
    likely = IntegerField()
    junk = IntegerField()
    messages = IntegerField()
    accounts = IntegerField()
    purchases = IntegerField()
    banks = IntegerField()
    publics = IntegerField()
    newsletters = IntegerField()
    first_at = BigIntegerField()
    last_at = BigIntegerField()
    mailbox = IntegerField()
    uid = IntegerField()
    link = TextField(default="")
    linked = IntegerField(default=0)
    done = IntegerField(default=0)

    class Meta:
        table_name = "moving_service"
        primary_key = CompositeKey("account_id", "key")
        without_rowid = True


class MovingPersonRow(Model):
    """Somebody who wrote or was written to; `state` is "", chosen, sent or failed."""

    ERASE = Delete()

    account_id = AccountField()
    address = TextField()
    name = TextField()
    received = IntegerField()
    written = IntegerField()
    last_at = BigIntegerField()
    state = TextField(default="")
    changed_at = BigIntegerField(default=0)

    class Meta:
        table_name = "moving_person"
        primary_key = CompositeKey("account_id", "address")
        without_rowid = True
        indexes = ((("state", "account_id"), False),)


class ProvisionedRow(Model):
    """A user or a group of the identity system, as SCIM brought it: `text` is JSON, `name` in lower case.

    `person` is the immutable id that accounts have, "" for a group.
    """

    id = TextField(primary_key=True)
    type = TextField()
    name = TextField()
    external = TextField(default="")
    person = TextField(default="", index=True)
    text = TextField()
    version = IntegerField()
    created_at = BigIntegerField()
    changed_at = BigIntegerField()

    class Meta:
        table_name = "provisioned"
        indexes = ((("type", "name"), False), (("type", "external"), False))


class ProvisionedMemberRow(Model):
    """A user in a group; the name of the group is a kind of affiliation."""

    group_id = TextField()
    member = TextField(index=True)

    class Meta:
        table_name = "provisioned_member"
        primary_key = CompositeKey("group_id", "member")


class ApiTokenRow(Model):
    """A token by which a program of the university asks; only its hash is here."""

    label = TextField()
    hash = TextField(unique=True)
    scope = TextField()
    created_at = BigIntegerField()
    last_used_at = BigIntegerField(null=True)

    class Meta:
        table_name = "api_token"
