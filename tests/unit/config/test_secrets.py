"""Secrets in URLs and texts: all are found, and ordinary URLs are left unchanged."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtag.config.secrets import has_password, hide_passwords, is_secret

NAMES = [
    *("sig", "Signature", "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "X-Goog-Signature"),
    *(
        "X-Goog-Credential",
        "AWSAccessKeyId",
        "x-oss-signature",
        "q-signature",
        "token",
        "sas_token",
        "id_token",
    ),
    *("access_token", "accessToken", "auth_token", "api_key", "apikey", "API-Key", "key", "subscription-key"),
    *(
        "password",
        "sslpassword",
        "passwd",
        "PWD",
        "passphrase",
        "dbpass",
        "secret",
        "client_secret",
        "auth",
        "jwt",
    ),
    *(
        "AccountKey",
        "SharedAccessKey",
        "SharedAccessSignature",
        "AWS_SECRET_ACCESS_KEY",
        "token[0]",
        "credentials",
    ),
]
ANYWHERE = [
    *(
        "password",
        "PWD",
        "AccountKey",
        "SharedAccessKey",
        "SharedAccessSignature",
        "secret_access_key",
        "api_key",
    ),
    *("access_token", "aws_session_token"),
]
ALPHABET = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
SECRETS = st.text(ALPHABET, min_size=1, max_size=20).map(lambda text: f"Zq7{text}9x")
URL_SAFE = "ABCabc012-._~!$'()*+,;=:@"
ADDRESSES = [
    "https://host/x.conll",
    "s3://bucket/key=2024/token=abc/x.parquet",
    "postgresql://me@host:5432/db",
    "",
]


def encoded(secret: str) -> str:
    return quote(secret, safe="")


def upper(name: str) -> str:
    return name.upper()


def percent(name: str) -> str:
    return "".join(f"%{ord(letter):02X}" if letter.isalnum() else letter for letter in name)


def check(text: str, secret: str) -> None:
    """Check that a secret is found and masked: alone, in a sentence, and in a URL within a URL."""
    twice = encoded(f"https://proxy/?url={encoded(text)}")
    for where in (
        text,
        f"no answer from '{text}'.",
        f"url={encoded(text)}",
        f"https://proxy/?next={twice}&page=2",
    ):
        hidden = hide_passwords(where)
        assert has_password(where)
        assert secret not in hidden
        assert encoded(secret) not in hidden
        assert encoded(encoded(secret)) not in hidden
        assert not has_password(hidden)
        assert hide_passwords(hidden) == hidden


@given(
    SECRETS,
    st.sampled_from(NAMES),
    st.sampled_from([str, upper, str.lower, percent]),
    st.sampled_from(ADDRESSES),
)
def test_url_parameters_with_sensitive_names_are_secret(secret, name, spelled, address):
    check(f"{address}?page=2&{spelled(name)}={encoded(secret)}&versionId=3", secret)
    check(f"{address}?{spelled(name)}={encoded(secret)}", secret)
    check(f"{address}#{spelled(name)}={encoded(secret)}", secret)


@given(st.text(URL_SAFE, min_size=1).map(lambda text: f"Zq7{text}9x"), st.sampled_from(NAMES))
def test_unencoded_parameters_are_found(secret, name):
    check(f"https://host/x.conll?{name}={secret}", secret)


@given(SECRETS, st.sampled_from(["https", "HTTP", "wss", "git+https", "simplecache::https"]))
def test_all_user_information_of_web_urls_is_secret(secret, scheme):
    for user in (
        f"{encoded(secret)}",
        f"{encoded(secret)}:",
        f"me:{encoded(secret)}",
        f"{encoded(secret)}:x",
    ):
        check(f"{scheme}://{user}@host:8080/a@b/x.conll?page=2", secret)


@given(SECRETS, st.sampled_from(["postgresql", "mysql+pymysql", "sftp", "ftp", "mailtos", "s3"]))
def test_passwords_in_urls_are_secret(secret, scheme):
    check(f"{scheme}://me:{encoded(secret)}@host:22/db", secret)
    assert hide_passwords(f"{scheme}://me:{encoded(secret)}@host:22/db") == f"{scheme}://me:***@host:22/db"


@given(st.text(URL_SAFE + "/?#", min_size=1).map(lambda text: f"Zq7{text}9x"))
def test_unencoded_database_passwords_are_found(secret):
    check(f"postgresql://me:{secret}@host/db", secret)
    check(f"postgresql://me@company:{secret}@host/db", secret)


@given(st.text("ABCabc012+/=", min_size=1).map(lambda text: f"Zq7{text}9x"), st.sampled_from(ANYWHERE))
def test_connection_strings_are_searched(secret, name):
    check(f"{name}={secret}", secret)
    check(f"AccountName=me;{name}={secret};EndpointSuffix=core.windows.net", secret)
    check(f"host=h {name}='{secret}' user=me", secret)
    check(f"mssql+pyodbc:///?odbc_connect={encoded(f'UID=me;{name}={{{secret}}};DATABASE=x')}", secret)
    assert hide_passwords(f"{{'{name}': '{secret}', 'x': 1}}") == f"{{'{name}': '***', 'x': 1}}"
    assert hide_passwords(f'{{"{name}": "{secret}"}}') == f'{{"{name}": "***"}}'


@given(st.text("ABCabc012-_", min_size=1).map(lambda text: f"Zq7{text}9x"))
def test_chat_urls_are_secret(secret):
    check(f"slack://T1/{secret}/C1", secret)
    check(f"tgram://{secret}/1234", secret)
    check(f"https://hooks.slack.com/services/T1/B1/{secret}", secret)
    check(f"https://discord.com/api/webhooks/1/{secret}", secret)
    check(f"https://host.webhook.office.com/webhookb2/{secret}", secret)
    assert secret not in hide_passwords(f"headers: {{'Authorization': 'Bearer {secret}'}}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "data/train.conll",
        "key=2024/token=abc/x.parquet",
        "s3://bucket/key=2024/token=abc/x.parquet",
        "s3://bucket/key=value/x.parquet?versionId=3",
        "s3%3A%2F%2Fbucket%2Ftoken%3Dabc%2Fx.parquet",
        "https://host/x.conll?page=2&id=42#top",
        "https://host:8080/a@b/x.conll",
        "https://host/x.conll?mail=me@host",
        "https://[::1]:8080/x@y.conll",
        "https://host/x.conll?sig=",
        "https://host/x.conll?sig=${SIGNATURE}&se=2026",
        "https://${HOST}:${PORT}/x@y.conll",
        "https://${TOKEN}@host/x.conll",
        "https://${USER}:${PASSWORD}@host/x.conll",
        "postgresql://me@host:5432/db",
        "postgresql://me@company@host:5432/db",
        "postgresql://${USER}:${PASSWORD}@host:5432/db?password=${PASSWORD}",
        "sftp://me@host:22/home/me@company/x.conll",
        "sftp://host:22/home/me@company/x.conll",
        "ssh://me@host/x",
        "abfss://container@account.dfs.core.windows.net/x.conll",
        "github://organisation:repository@main/x.conll",
        "hf://datasets/me/ner@main/x.parquet",
        "zip://*.conll::https://host/x.zip",
        "gs://bucket/x.conll#1234",
        "sqlite:////srv/corpus.db",
        "SharedAccessKeyName=Root",
        "select token, tag from tokens where a.token=b.token and a.doc_key=b.doc_key order by key",
        "select * from read_parquet('s3://bucket/token=*/x.parquet')",
        "train.conll:10: tag 'I-PER' cannot follow 'O' (sequence 88, token 3); token=3",
    ],
)
def test_ordinary_urls_and_texts_are_unchanged(text):
    assert not has_password(text)
    assert hide_passwords(text) == text


@pytest.mark.parametrize(
    "name", ["GITHUB_TOKEN", "DB_PASS", "AWS_SESSION_TOKEN", "SEQTAG_NOTIFY_URL", "MY_SAS"]
)
def test_variables_with_sensitive_names_are_secret(name):
    assert is_secret(name)


@pytest.mark.parametrize("name", ["TOKENIZERS_PARALLELISM", "CACHE_BYPASS", "CORPUS_URL", "DESIGN", "AUTHOR"])
def test_other_variables_are_not(name):
    assert not is_secret(name)


def test_a_long_text_is_searched_in_linear_time():
    text = "a" * 200_000 + "%3D" * 20_000 + "=" * 20_000 + "://" * 2_000
    assert hide_passwords(text) == text
