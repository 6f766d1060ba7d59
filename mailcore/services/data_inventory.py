"""The data inventory: what each column of each table is for, and how long it is stored (N41).

The privacy page is made from it, and a test compares it with the tables: a new column is on no page until somebody has said
here what it is for.  What is personal tells of a person, be it the owner or somebody who wrote to them.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Purpose(StrEnum):
    MAIL = "mail"
    WEBMAIL = "webmail"
    ACCOUNT = "account"
    LOGIN = "login"
    SECURITY = "security"
    DELIVERY = "delivery"
    FORWARDING = "forwarding"
    SPAM = "spam"
    HELP = "help"
    OPERATION = "operation"


class Term(StrEnum):
    """How long rows are stored; what erasing an account does to them stands in the schema (`ERASE`)."""

    OWNER = "until the owner removes it, or the account is erased"
    ACCOUNT = "until the account is erased"
    MESSAGE = "while somebody has the message, and some days"
    MONTH = "about a month, or until the owner removes it"
    QUARTER = "90 days"
    SENT = "until it is sent or given up, and a week"
    WHILE_IT_COUNTS = "hours to some months, for as long as it counts"
    CASE = "until the case is closed, and as long as the site has set"
    REGISTER = "while the university's register names the person"
    NEVER_AGAIN = "for ever: an address goes to nobody else"
    SERVICE = "as long as the service runs"


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table, with its columns."""

    name: str
    purpose: Purpose
    term: Term
    columns: tuple[str, ...]
    personal: bool


# table, purpose, term, perhaps IMPERSONAL: columns
_TABLES = """
blob MAIL MESSAGE: id name size header envelope body structure stored_at dead_at
blob_octets MAIL MESSAGE: blob octets
uncounted_blob MAIL MESSAGE IMPERSONAL: blob
orphan MAIL MESSAGE IMPERSONAL: name free_at doomed_at removed_at
summary MAIL MESSAGE: blob sent_at sent_day is_answer base from_key to_key cc_key from_name to_name message_id refs
    subject sender recipient cc bcc usual
text_mark MAIL MESSAGE: blob version mark
mailbox MAIL OWNER: id account_id name uidvalidity uidnext modseq messages unseen octets special_use subscribed purged
    keywords recent
message MAIL OWNER: mailbox uid flags keywords modseq internal_date size blob prefix zone saved_at
change MAIL OWNER: id account_id mailbox modseq kind uids
lost_subscription MAIL OWNER IMPERSONAL: account_id name
annotation MAIL OWNER: account_id mailbox entry value
search_wish MAIL ACCOUNT IMPERSONAL: account_id at
line MAIL OWNER: mailbox uid who subject size thread
thread MAIL OWNER: mailbox thread at
thread_id MAIL OWNER: account_id id thread
line_state MAIL OWNER IMPERSONAL: mailbox uidvalidity modseq uid
script WEBMAIL OWNER: id account_id name source active origin held
filter_rule WEBMAIL OWNER: account_id position name conditions actions every enabled
away WEBMAIL OWNER: account_id active first_day last_day subject text
contact WEBMAIL OWNER: account_id address name added_at note key collected times used_at card
card WEBMAIL OWNER: account_id name uid etag text seq changed_at
address_book WEBMAIL OWNER: account_id seq oldest cards characters
blocked_sender WEBMAIL OWNER: account_id address added_at
identity WEBMAIL OWNER: id account_id name address signature reply_to first
writing WEBMAIL MONTH: id account_id data draft state send_at problem changed_at
writing_file WEBMAIL MONTH: id writing name type size
writing_piece WEBMAIL MONTH: file number octets
mail_setting WEBMAIL OWNER: account_id data
ready_text WEBMAIL OWNER: account_id name text
push_subscription WEBMAIL OWNER: id account_id endpoint agent created_at told due_at failures
snoozed WEBMAIL OWNER: account_id mailbox uidvalidity uid due_at
quota_state ACCOUNT ACCOUNT: account_id level refused_percent
quota_extra ACCOUNT ACCOUNT: id account_id kind octets at until ended_at
account ACCOUNT ACCOUNT: id name display_name person quota used language contact state role created_at closed_at epoch
    main_address asleep_at
address ACCOUNT NEVER_AGAIN: id localpart domain account_id created_at former mark skeleton origin removed_at
consent ACCOUNT OWNER: account_id topic_id at wording
topic_editor ACCOUNT ACCOUNT: topic_id account_id at
address_request ACCOUNT OWNER: id account_id localpart domain reason state created_at decided_at
name_change ACCOUNT ACCOUNT: account_id name at
account_import ACCOUNT MONTH: id actor name at sealed state total position created leased_until
reach ACCOUNT OWNER: id account_id address verified_at asked_at
lost_contact ACCOUNT OWNER: account_id address at
orders ACCOUNT ACCOUNT: id key name display_name contact affiliation state language terms created_at decided_at account_id
    place person proof token confirmed
affiliation ACCOUNT REGISTER: person login kinds until present seen_at gone_at blocked returned name checked_at
leaving ACCOUNT ACCOUNT: account_id step told_at
presence ACCOUNT ACCOUNT: account_id seen_at step told_at regions networks
closing ACCOUNT NEVER_AGAIN: account_id closed_at new_address forwarding erased_at
correspondent ACCOUNT WHILE_IT_COUNTS: account_id mark
sunset_person ACCOUNT ACCOUNT: account_id sunset_id step first_at told_at next_at read_at how letter_at new_address
sunset_notice ACCOUNT ACCOUNT: account_id sunset_id blob
moving_day ACCOUNT OWNER: account_id state done total leased_until scanned_at until new_address subject letter
moving_box ACCOUNT OWNER: account_id mailbox uid
moving_service ACCOUNT OWNER: account_id key host name address best likely junk messages accounts purchases banks
    publics newsletters first_at last_at mailbox uid link linked done
mail_fetch ACCOUNT OWNER: id account_id host port login sealed state folders problem messages there left_out failures
    leased_until next_at created_at updated_at provider
webhook_delivery ACCOUNT MONTH: id webhook_id account_id event kind body state tries next_at created_at answer answered_at
moving_person ACCOUNT OWNER: account_id address name received written last_at state changed_at
provisioned ACCOUNT REGISTER: id type name external person text version created_at changed_at
provisioned_member ACCOUNT REGISTER: group_id member
transfer ACCOUNT MONTH: id account_id kind name state done total report started_at updated_at
credential LOGIN OWNER: id account_id kind hash label generation created_at last_used_at scopes chosen breached
scram LOGIN OWNER: credential_id account_id generation iterations sealed
token LOGIN WHILE_IT_COUNTS: id hash account_id purpose data expires_at used_at
second_factor LOGIN OWNER: id account_id kind label handle secret counter active created_at last_used_at
recovery_code LOGIN OWNER: id account_id hash used_at
recovery LOGIN ACCOUNT: id account_id agent proof send_to ticket state created_at
web_session LOGIN WHILE_IT_COUNTS: id account_id data created_at expires_at source place agent ended_at
elsewhere LOGIN OWNER: provider mark account_id linked_at
api_token LOGIN SERVICE IMPERSONAL: id label hash scope created_at last_used_at
login_event SECURITY QUARTER: id account_id scope source credential place agent outcome first_at last_at times
login_failure SECURITY WHILE_IT_COUNTS: id account_id peer at tag
audit SECURITY ACCOUNT: id account_id at actor event detail
sending_hold SECURITY ACCOUNT: account_id at reason
rate SECURITY WHILE_IT_COUNTS: key started_at count
grey SECURITY WHILE_IT_COUNTS: key first_at passed_at seen_at
tried SECURITY WHILE_IT_COUNTS: id what at
vacation_memory DELIVERY ACCOUNT: id account_id handle sender at
delivery DELIVERY MONTH: id account_id at sender address outcome detail blob subject author message_id content size
    checks rules
queue DELIVERY SENT: id sender recipient domain blob prefix account_id origin state tries created_at next_at
    leased_until leased_by last_reply delay_told notify ret orcpt envid require_tls mail_id
attempt DELIVERY SENT: id item at host code reply
destination DELIVERY WHILE_IT_COUNTS IMPERSONAL: domain failures until reply
sts_policy DELIVERY WHILE_IT_COUNTS IMPERSONAL: domain policy_id mode hosts expires_at
tls_result DELIVERY WHILE_IT_COUNTS IMPERSONAL: id day domain policy host result count
dmarc_result DELIVERY WHILE_IT_COUNTS: id day domain ip author envelope disposition spf_aligned dkim_aligned spf dkim
    count
forwarding FORWARDING OWNER: account_id target state copy failures last_reply confirmed_at token unsafe digest
    rolling_days
forwarding_question FORWARDING MONTH: account_id hash target at
held_back FORWARDING MONTH: id account_id at author subject reason
kept_copy FORWARDING ACCOUNT: id account_id mailbox uid modseq content at
onward FORWARDING MONTH: id item account_id content target at state host code reply answered_at
probe FORWARDING MONTH: id account_id target code item at found told_at
srs_return FORWARDING MONTH: token account_id sender target content at
complaint FORWARDING MONTH: token account_id at
learn SPAM MESSAGE: id blob kind at
spam_sign SPAM ACCOUNT: account_id sign spam ham at weight
spam_total SPAM ACCOUNT: account_id spam ham
spam_vote SPAM ACCOUNT: id account_id blob kind learned at
sender_history SPAM WHILE_IT_COUNTS: sender spam ham at
ticket HELP CASE: id token kind subject state language reply_to account_id assignee_id merged_into created_at changed_at
ticket_notice HELP CASE: ticket_id name recipient
ticket_message HELP CASE: id ticket_id at author name text message_id header
ticket_file HELP CASE: id message_id name type size octets
ticket_source HELP WHILE_IT_COUNTS: id source at
sunset OPERATION SERVICE IMPERSONAL: id ends successor nb nn en announced_at withdrawn_at
topic OPERATION SERVICE IMPERSONAL: id nb nn en created_at ended_at slug reply_to
newsletter OPERATION SERVICE: id topic_id language subject text state actor created_at changed_at send_at begun_at
    finished_at position filed forwarded unsent delivered refused returned complaints corrected is_correcting leased_until
newsletter_edition OPERATION SERVICE IMPERSONAL: newsletter_id number blob content message_id at
webhook OPERATION SERVICE IMPERSONAL: id label url kinds sealed former former_until state failures missed next_at
    leased_until created_at
figure OPERATION SERVICE IMPERSONAL: name label grain at count
setting OPERATION SERVICE IMPERSONAL: key value
job OPERATION SERVICE IMPERSONAL: name next_at leased_until leased_by problem
node OPERATION WHILE_IT_COUNTS IMPERSONAL: name version seen_at started_at
shared_file OPERATION SERVICE IMPERSONAL: name sealed
slow_write OPERATION SERVICE IMPERSONAL: caller hour count longest
page OPERATION SERVICE IMPERSONAL: name views audience topic
page_visit OPERATION WHILE_IT_COUNTS IMPERSONAL: hash
incident OPERATION MONTH IMPERSONAL: id level nb nn en at ended_at
"""


@cache
def list_tables() -> tuple[StoredTable, ...]:
    """Return all tables, in the order of their purposes."""
    entries: list[str] = []
    for line in _TABLES.strip().split("\n"):
        if line.startswith(" "):
            entries[-1] += line
        else:
            entries.append(line)
    return tuple(map(_parse, entries))


def _parse(entry: str) -> StoredTable:
    head, _, columns = entry.partition(":")
    name, purpose, term, *rest = head.split()
    return StoredTable(name, Purpose[purpose], Term[term], tuple(columns.split()), rest != ["IMPERSONAL"])
