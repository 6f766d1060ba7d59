"""A newsletter as a message: plain text with simple formatting, the same as HTML, and the fields of a list.

The formatting is Markdown (CommonMark) without HTML and without pictures: nothing of it can run, and none of it tells who reads.
What differs from reader to reader, the link by which each leaves (RFC 8058), stands in fields before the shared octets.
"""

import re

from markdown_it import MarkdownIt
from markupsafe import Markup

from mailcore.core import Core
from mailcore.domain import AccountId, Newsletter, NewsletterTopic
from mailcore.mail.writing import composer, entities, fields_out
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.services.delivery.topic_mail import MAX_SUBJECT as MAX_SUBJECT
from mailcore.services.delivery.topic_mail import MAX_TEXT as MAX_TEXT
from mailcore.services.delivery.topic_mail import check_draft as check_draft
from mailcore.services.newsletters import topics
from mailcore.services.notices import notices

LIST_FIELDS = (b"List-Id", b"List-Unsubscribe", b"List-Unsubscribe-Post")  # to be signed (RFC 8058 section 4)
_TEST = {"nb": "Prøvemelding", "nn": "Prøvemelding", "en": "Test"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable("image")
_BARE_LINK = re.compile(r"(?<![\w(<\[\"'])https?://[^\s<>()\[\]\"`]*[^\s<>()\[\]\"`.,;:!?]")
_PAGE = Markup(
    '<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8"><title>{subject}</title></head>\n'
    '<body style="max-width:40em;margin:0 auto;padding:1em;font-family:sans-serif;line-height:1.5">\n'
    '{text}<hr>\n<p style="font-size:small">{footer}</p>\n</body>\n</html>\n'
)


def render_html(text: str, below: int = 0) -> Markup:
    """Render a text as safe HTML, for the message and for its preview.

    Args:
        below: levels of headings that stand above it on the page.
    """
    tokens = _MARKDOWN.parse(_BARE_LINK.sub(r"<\g<0>>", text))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + below)}"
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 - HTML is not passed through, and links are checked


def render_footer(core: Core, topic: NewsletterTopic, language: str) -> str:
    """Render the lines below every newsletter."""
    first, rest = notices.render(core, "newsletter_footer", language, topic=topic.names[language])
    return f"{first}\n{rest}"


def compose(
    core: Core,
    topic: NewsletterTopic,
    newsletter: Newsletter,
    *,
    message_id: str,
    replaces: str = "",
    is_test: bool = False,
) -> bytes:
    """Compose the octets that all readers share.

    Args:
        replaces: Message-ID of the edition that this one corrects; Supersedes is its field (RFC 4021).
    """
    language, subject, text = newsletter.language, newsletter.subject, newsletter.text
    author = NameAddr(topics.address_of(core, topic), topic.names[language])
    shown = f"[{_TEST[language]}] {subject}" if is_test else subject
    more = (
        ("List-Help", f"<{core.config.url}/account/newsletters>"),
        ("List-Post", "NO"),
        ("Content-Language", language),
    )
    heading = Heading(
        author,
        (author,),
        shown,
        core.clock.now(),
        message_id,
        reply_to=(NameAddr(topic.reply_to or f"help@{core.config.domain}"),),
        more=(*more, ("Supersedes", replaces)) if replaces else more,
    )
    list_id = fields_out.token_field("List-Id", f"<{topic.slug}.{topics.LOCALPART}.{core.config.domain}>")
    footer = render_footer(core, topic, language)
    page = _PAGE.format(
        language=language,
        subject=subject,
        text=render_html(text),
        footer=Markup("<br>").join(footer.strip().split("\n")),
    )
    parts = entities.multipart(
        [[entities.text(f"{text}\n-- \n{footer}")], [entities.text(str(page), "html")]], "alternative"
    )
    return list_id + composer.compose(heading, parts)


def write_leave_fields(core: Core, account: AccountId, topic: int) -> bytes:
    """Write the fields by which one reader leaves by one press (RFC 8058 section 3.1)."""
    link = topics.create_leave_link(core, account, topic)
    return fields_out.token_field("List-Unsubscribe", f"<{link}>") + fields_out.token_field(
        "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
    )
