"""People: accounts, addresses, affiliations, orders, and what the university's systems tell of them.

Times are whole seconds since 1970 UTC.
"""

from peewee import AutoField, BigIntegerField, BooleanField, CompositeKey, IntegerField, Model, TextField

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
