"""Endings for files that came without a name, by their type: a table of ours first, then Python's own.

Python's table is asked without the files of the system it runs on, so that a name does not depend on the machine.
"""

import mimetypes

_OWN = {
    "text/plain": "txt", "text/html": "html", "text/calendar": "ics", "application/ics": "ics", "text/csv": "csv",
    "text/vcard": "vcf", "text/x-vcard": "vcf", "text/directory": "vcf", "text/markdown": "md", "text/x-markdown": "md",
    "text/rtf": "rtf", "application/rtf": "rtf", "text/xml": "xml", "application/xml": "xml", "text/enriched": "txt",
    "text/richtext": "rtx", "text/x-amp-html": "html", "text/watch-html": "html", "text/x-patch": "patch",
    "text/x-diff": "diff", "text/rfc822-headers": "txt", "text/javascript": "js", "text/x-log": "log",
    "message/rfc822": "eml", "message/global": "eml", "message/news": "eml", "message/partial": "txt",
    "message/external-body": "txt", "message/delivery-status": "txt", "message/global-delivery-status": "txt",
    "message/disposition-notification": "txt", "message/feedback-report": "txt", "message/global-headers": "txt",
    "application/msword": "doc", "application/vnd.ms-word": "doc", "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt", "application/vnd.ms-outlook": "msg", "application/ms-tnef": "dat",
    "application/vnd.ms-tnef": "dat", "application/vnd.visio": "vsd", "application/vnd.ms-publisher": "pub",
    "application/vnd.ms-word.document.macroenabled.12": "docm", "application/vnd.ms-excel.sheet.macroenabled.12": "xlsm",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template": "dotx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template": "xltx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.presentationml.slideshow": "ppsx",
    "application/vnd.oasis.opendocument.text": "odt", "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.presentation": "odp", "application/vnd.oasis.opendocument.graphics": "odg",
    "application/vnd.apple.pages": "pages", "application/vnd.apple.numbers": "numbers",
    "application/vnd.apple.keynote": "key", "application/x-iwork-pages-sffpages": "pages",
    "application/pdf": "pdf", "application/x-pdf": "pdf", "application/postscript": "ps", "application/json": "json",
    "application/epub+zip": "epub", "application/x-tex": "tex", "application/x-latex": "tex",
    "application/zip": "zip", "application/x-zip": "zip", "application/x-zip-compressed": "zip", "application/gzip": "gz",
    "application/x-gzip": "gz", "application/x-tar": "tar", "application/x-bzip2": "bz2", "application/x-xz": "xz",
    "application/x-7z-compressed": "7z", "application/vnd.rar": "rar", "application/x-rar-compressed": "rar",
    "application/x-rar": "rar", "application/zstd": "zst", "application/x-msdownload": "exe",
    "application/pgp-signature": "asc", "application/pgp-keys": "asc", "application/pgp-encrypted": "txt",
    "application/pkcs7-signature": "p7s", "application/x-pkcs7-signature": "p7s", "application/pkcs7-mime": "p7m",
    "application/x-pkcs7-mime": "p7m", "application/pkix-cert": "cer", "application/x-x509-ca-cert": "cer",
    "application/vnd.google-earth.kml+xml": "kml", "application/gpx+xml": "gpx",
    "application/vnd.apple.pkpass": "pkpass", "application/octet-stream": "bin",
    "image/jpeg": "jpg", "image/jpg": "jpg", "image/pjpeg": "jpg", "image/png": "png", "image/x-png": "png",
    "image/gif": "gif", "image/webp": "webp", "image/svg+xml": "svg", "image/tiff": "tif", "image/bmp": "bmp",
    "image/x-ms-bmp": "bmp", "image/heic": "heic", "image/heif": "heif", "image/avif": "avif",
    "image/vnd.microsoft.icon": "ico", "image/x-icon": "ico", "image/vnd.adobe.photoshop": "psd",
    "image/vnd.dwg": "dwg", "audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/mp4": "m4a", "audio/x-m4a": "m4a",
    "audio/wav": "wav", "audio/x-wav": "wav", "audio/ogg": "ogg", "audio/opus": "opus", "audio/flac": "flac",
    "audio/amr": "amr", "audio/midi": "mid", "audio/aac": "aac", "video/mp4": "mp4", "video/mpeg": "mpg",
    "video/quicktime": "mov", "video/webm": "webm", "video/3gpp": "3gp", "video/x-msvideo": "avi", "video/x-ms-wmv": "wmv",
    "application/smil": "smil", "application/xhtml+xml": "xhtml",
    "font/ttf": "ttf", "font/otf": "otf", "font/woff": "woff", "font/woff2": "woff2",
}  # fmt: skip
_PYTHONS = mimetypes.MimeTypes(())


def ending(kind: str) -> str:
    """Return the ending of `kind` (such as `text/plain`, in lower case) without its dot; "bin" if it is unknown."""
    if found := _OWN.get(kind):
        return found
    known = _PYTHONS.guess_extension(kind, strict=False) if kind.isascii() else None
    return known.removeprefix(".") if known else "txt" if kind.startswith(("text/", "message/")) else "bin"
