"""Detection of secrets in URLs and messages: rejected in files, masked in text.

A secret is the value of a parameter with a sensitive name, the user information of a URL, or the URL of a
chat. Percent-encoded spellings are detected too, also in URLs within URLs.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from urllib.parse import unquote

Stretch = tuple[int, int]  # [start, stop) in a text

# Matched at the end of a name: sslpassword, AccountKey, X-Amz-Credential, AWS_SESSION_TOKEN.
_NAME = re.compile(
    r"(?:pass(?:word|wd|code|phrase)|pwd|secret|token|credentials?|key(?:[-_]?id)?|signature|hmac"
    r"|(?<![a-z])(?:(?:db|user)?pass|sig|sas|jwt|o?auth|authorization)|(?:notify|webhook)[-_]?url)(?:\[\w*\])?$",
    re.IGNORECASE,
)
# The names that are secret outside URL parameters as well. `key=2024/token=abc/` are folders of a partitioned
# table, and `a.token=b.token` is SQL.
_NAME_ANYWHERE = re.compile(
    r"(?:pass(?:word|wd|code|phrase)|pwd|secret|signature|hmac"
    r"|(?:access|account|api|private|secret|subscription)[-_]?key|(?:access|auth|refresh|security|session)[-_]?token"
    r")(?:\[\w*\])?$",
    re.IGNORECASE,
)
_EQUALS = re.compile(
    r"(?P<tight>=(?!\s)|%(?:25)*3d)|\s{0,2}=\s{0,2}|['\"]\s{0,2}:\s{0,2}(?=['\"])", re.IGNORECASE
)
_NAME_CHARACTERS = string.ascii_letters + string.digits + "_.-+$%[]"
_LONGEST_NAME = 200  # characters, percent-encoded
_SEPARATOR = re.compile(r"[^\w.+$%\[\]-]")
_OF_PARAMETERS = "?&;#~"  # characters before a parameter; `~` separates those of Akamai's tokens
_VALUE = re.compile(r"[^&\s]*")
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|\{([^}]*)\}""")  # {}: ODBC
_CLOSING = "'\"`)]>.,;:!"  # at the end of a value, these belong to the surrounding sentence

_WEB = r"https?|wss?|davs?"  # user information is secret even without a password
_UP_TO_A_SLASH = r"s?ftp|ssh|smb|(?:web)?hdfs"  # unlike SQLAlchemy URLs, whose passwords may contain slashes
_CHATS = (
    r"discord|gchat|gotify|mattermost|mmost|msteams|opsgenie|pagerduty|pover|slack|tgram|workflows?|zulip"
)
_NO_USER = r"git(?:hub)?"  # github://ORGANISATION:REPOSITORY@BRANCH/PATH
_MARK = re.compile(
    r"(?:(?:(?<![a-z])|(?<=3d))"  # 3d: the end of an encoded "="
    rf"(?:(?P<chat>{_CHATS})|(?P<none>{_NO_USER})|(?P<slash_ends>{_UP_TO_A_SLASH}))|(?P<web>{_WEB}))?"
    r"(?::|%(?:25)*3a)(?P<slash>/|%(?:25)*2f)(?P=slash)"
)
_SLASH = r"(?:/|%(?:25)*2f)"
_HOOK = re.compile(
    rf"(?:hooks\.slack\.com{_SLASH}\w+?|discord(?:app)?\.com{_SLASH}api{_SLASH}webhooks"
    rf"|webhook\.office\.com{_SLASH}\w+?|api\.telegram\.org){_SLASH}(?P<secret>[^\s'\"]+)",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"authorization['\"]?\s{0,2}[:=]\s{0,2}['\"]?(?:(?:basic|bearer|token)\s+)?(?P<secret>[^\s'\"]+)",
    re.IGNORECASE,
)
_TO_BLANK = re.compile(r"\S*")
_TO_BLANK_OR_NEXT = re.compile(r"[^\s&]*")  # of a URL that is a parameter of another one
_PORT = re.compile(r"\d+(?:[/?#,%]|$)")
_IPV6 = re.compile(r"^\W*\[[^\]]*\]")
_VARIABLE = re.compile(r"\$\{\w+\}")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)  # keeps every position, unlike lower()


def has_password(text: str) -> bool:
    """Tell whether a URL or query contains a secret; variables do not count.

    >>> has_password("postgresql://me:secret@host/db"), has_password("postgresql://me:${PASSWORD}@host/db")
    (True, False)
    >>> has_password("https://host/x.conll?sig=abc"), has_password("https://host/x.conll?versionId=3")
    (True, False)
    >>> has_password("https://TOKEN@host/x.conll"), has_password("sftp://me@host/x.conll")
    (True, False)
    >>> has_password("AccountName=me;AccountKey=abc"), has_password("s3://bucket/key=2024/token=abc/x.parquet")
    (True, False)
    """
    return next(_stretches(text), None) is not None


def is_secret(name: str) -> bool:
    """Tell whether a variable or parameter of this name is likely to hold a secret.

    >>> is_secret("AWS_SECRET_ACCESS_KEY"), is_secret("TOKENIZERS_PARALLELISM")
    (True, False)
    """
    return _NAME.search(name) is not None


def hide_passwords(text: str) -> str:
    """Return a text with the secrets of URLs replaced by `***`.

    >>> hide_passwords("postgresql://me:secret@host/db?sslpassword=hush")
    'postgresql://me:***@host/db?sslpassword=***'
    >>> hide_passwords("no answer from 'https://TOKEN@host/x?id=3&X-Amz-Signature=abc'")
    "no answer from 'https://***@host/x?id=3&X-Amz-Signature=***'"
    """
    parts, done = [], 0
    for start, stop in sorted(_stretches(text)):
        if stop > done:
            parts += [text[done:start], "***"] if start >= done else []
            done = stop
    return "".join([*parts, text[done:]])


def _stretches(text: str) -> Iterator[Stretch]:
    """Yield the positions of secrets, unordered and possibly overlapping, without variables and `***`."""
    others = (found.span("secret") for pattern in (_HOOK, _HEADER) for found in pattern.finditer(text))
    found = (*_values(text), *_users(text), *others)
    return (
        (start, stop) for start, stop in found if _VARIABLE.sub("", text[start:stop]).strip(_CLOSING + "*")
    )


def _values(text: str) -> Iterator[Stretch]:
    """Yield the values of parameters with sensitive names."""
    for equals in _EQUALS.finditer(text):
        name, before = _name(text, equals.start())
        if not is_secret(name):
            continue
        in_parameters = bool(equals["tight"]) and before != "" and before in _OF_PARAMETERS
        if in_parameters or _NAME_ANYWHERE.search(name):
            quoted = None if in_parameters else _QUOTED.match(text, equals.end())
            if quoted is not None and quoted.lastindex is not None:
                yield quoted.span(quoted.lastindex)
            else:
                value = _VALUE.match(text, equals.end())
                yield equals.end(), equals.end() + len(value[0].rstrip(_CLOSING) if value else "")


def _name(text: str, stop: int) -> tuple[str, str]:
    """Return the decoded name that ends at `stop`, and the character before it, "" if there is none."""
    start = max(0, stop - _LONGEST_NAME)
    window = text[start:stop]
    run = window[len(window.rstrip(_NAME_CHARACTERS)) :]
    before = text[stop - len(run) - 1 : stop - len(run)]
    while run != (decoded := unquote(run)):
        run = decoded
    separators = list(_SEPARATOR.finditer(run))
    return (run[separators[-1].end() :], separators[-1][0]) if separators else (run, before)


def _users(text: str) -> Iterator[Stretch]:
    """Yield the passwords of URLs, all user information of web URLs, and the whole of chat URLs."""
    lowered = text.translate(_LOWER)
    for mark in _MARK.finditer(lowered):
        to_end = _TO_BLANK if mark["slash"] == "/" else _TO_BLANK_OR_NEXT
        found = to_end.match(lowered, mark.end())
        rest = found[0] if found else ""
        secret = None if mark["none"] else _user(rest, mark)
        if mark["chat"]:
            secret = 0, len(rest.rstrip(_CLOSING))
        if secret is not None:
            yield mark.end() + secret[0], mark.end() + secret[1]


def _user(rest: str, mark: re.Match[str]) -> Stretch | None:
    """Return the position of the secret in the text after `://`; its separators are encoded as `://` is."""
    slash = mark["slash"]
    encoded = tuple(slash.removesuffix("2f") + code for code in ("40", "3a", "3f", "23"))
    at, colon, query, fragment = ("@", ":", "?", "#") if slash == "/" else encoded
    end = rest.rfind(at)
    if mark["web"] or mark["slash_ends"]:
        places = [place for each in (slash, query, fragment) if (place := rest.find(each)) >= 0]
        authority = rest[: min(places, default=len(rest))]
        last = authority.rfind(at)
        host = _IPV6.sub("", _VARIABLE.sub("", authority[max(last, 0) :]))
        port = host.partition(colon)[2]
        if not port or port.isdigit():  # else the start of a password with a slash
            end = last
    if end <= 0:
        return None
    if mark["web"]:
        return 0, end
    user, has_password, _ = rest[:end].partition(colon)
    password = len(user) + len(colon)
    if not has_password or slash in user or query in user or (at in user and _PORT.match(rest, password)):
        return None
    return password, end
