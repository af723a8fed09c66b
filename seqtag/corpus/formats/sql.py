"""Reader of SQL queries with one token per row, streamed from any database that SQLAlchemy supports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

import pyarrow as pa

from seqtag.config.database_url import with_driver
from seqtag.config.secrets import hide_passwords, is_secret
from seqtag.config.source_config import SqlSource
from seqtag.corpus.class_names import are_numbers, unnamed_numbers
from seqtag.corpus.column_texts import object_texts
from seqtag.corpus.files import expand
from seqtag.corpus.formats.long import sequences_of_rows, wanted_columns
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import ConfigError, CorpusFormatError

if TYPE_CHECKING:
    from sqlalchemy import URL, CursorResult, Engine
    from sqlalchemy.exc import SQLAlchemyError

NAME = "sql"  # name of a query in sequence ids and messages
ROWS = 50_000  # fetched at a time


def read_sql(
    source: SqlSource,
    columns: Sequence[str],
    report: SourceReport,
    *,
    fetch_rows: int = ROWS,
    in_parts: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a query, which must return the rows of a sequence one after the other.

    Other types, such as numbers and dates, are converted to text. A result without rows yields nothing. No
    message or traceback contains the password.

    Raises:
        CorpusFormatError: the result lacks a column.
        ConfigError: the URL or the query is wrong.
        ConnectionError: the database cannot be reached, or the connection was lost; retrying may help.
    """
    rows = _rows(source, columns, report, fetch_rows)
    yield from sequences_of_rows(rows, source, columns, report, name=NAME, in_parts=in_parts)


def first_rows(source: SqlSource, n_rows: int) -> tuple[list[str], list[Sequence[object]]]:
    """Return the names of all columns of a query, and its first rows.

    Raises:
        ConfigError, ConnectionError: as for `read_sql`.
    """
    with _result(source, n_rows) as result:
        return list(result.keys()), [tuple(row) for row in result.fetchmany(n_rows)]


def quoted_name(name: str, source: SqlSource) -> str:
    """Return the name of a column or a table as the database of a source spells it in queries."""
    quote_name = _engine(source).dialect.identifier_preparer.quote
    return ".".join(map(quote_name, name.split(".")))


def _rows(
    source: SqlSource, columns: Sequence[str], report: SourceReport, fetch_rows: int
) -> Iterator[pa.RecordBatch]:
    with _result(source, fetch_rows) as result:
        present = list(result.keys())
        wanted = wanted_columns(source, columns, present, report, place=NAME)
        places = [present.index(name) for name in wanted]
        n_rows = 0
        for rows in result.partitions(fetch_rows):
            values = list(zip(*rows, strict=True))
            tags = values[present.index(source.tag_column)]
            if source.tag_names is None and are_numbers(tags):
                raise unnamed_numbers(source.tag_column, "numbers", place=NAME)
            of_tokens = source.token_columns.values()
            read = {name: values[place] for name, place in zip(wanted, places, strict=True)}
            for name in wanted:
                _refuse_bytes(read[name], name, n_rows)
            yield pa.record_batch(
                {name: (object_texts if name in of_tokens else _texts)(read[name]) for name in wanted}
            )
            n_rows += len(rows)


@contextmanager
def _result(source: SqlSource, fetch_rows: int) -> Iterator[CursorResult[Any]]:
    """Run the query, and give its rows as they are fetched; errors in the block are those of `read_sql`."""
    import sqlalchemy  # late: slow to import, and few corpora come from a database

    engine = _engine(source)
    _check_sqlite_file(engine.url)
    try:
        with engine.connect() as connection:
            # A server-side cursor if the database has one, so that the result is never entirely in memory.
            # Without parameters, `:x` and `%s` in the query are left as they are.
            streaming = connection.execution_options(
                stream_results=True, yield_per=fetch_rows, no_parameters=True
            )
            result = streaming.exec_driver_sql(source.query)
            if not result.returns_rows:
                raise ConfigError(
                    f"{NAME}: query selects nothing: expected one that returns rows, got "
                    f"{hide_passwords(f'{source.query!r:.200}')}; correct query"
                )
            yield result
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise _safe_error(error, engine.url) from None  # the driver's own error may hold the password
    finally:
        engine.dispose()


def _engine(source: SqlSource) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError

    try:
        return create_engine(with_driver(expand(source.url)))
    except (ArgumentError, ValueError, ImportError) as error:
        # The message of such an error may contain parts of the URL; that of an import error only a driver.
        why = f" ({error})" if isinstance(error, ImportError) else ""
        raise ConfigError(
            f"corpus.sources: {NAME}: url cannot be used: expected an SQLAlchemy URL whose driver is "
            f"installed, got another{why}; correct url, or install the driver of the database"
        ) from None


def _check_sqlite_file(url: URL) -> None:
    """Refuse a SQLite file that does not exist: SQLite would create an empty one."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return
    path = str(url.database)
    if path.startswith("file:"):  # a URI as SQLite defines it
        if ":memory:" in path or url.query.get("mode") == "memory" or "mode=memory" in path:
            return
        path = unquote(urlsplit(path).path)
    if not Path(path).is_file():
        raise ConfigError(f"{NAME}: no such SQLite file: expected one that exists, got {path!r}; correct url")


def _refuse_bytes(values: Sequence[object], column: str, rows_before: int) -> None:
    if not {bytes, bytearray, memoryview}.isdisjoint(map(type, values)):
        row, found = next(
            (i, v) for i, v in enumerate(values) if isinstance(v, bytes | bytearray | memoryview)
        )
        raise CorpusFormatError(
            f"{NAME}: row {rows_before + 1 + row}: column '{column}' holds bytes: expected text, got "
            f"{bytes(found)!r:.80}; cast it to text in query"
        )


def _texts(values: Sequence[object]) -> pa.StringArray:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([v if v is None or isinstance(v, str) else str(v) for v in values], pa.string())


def _secrets(url: URL) -> list[str]:
    """Return the passwords of a URL, the longest first."""
    found = [] if url.password is None else [str(url.password)]
    for name, values in url.query.items():
        if is_secret(name) or name == "odbc_connect":  # a whole ODBC connection string
            found += [values] if isinstance(values, str) else values
    return sorted(filter(None, found), key=len, reverse=True)


def _safe_error(error: SQLAlchemyError, url: URL) -> Exception:
    """Return the error to raise instead, whose message is one line without the password."""
    from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

    text = str(error.orig if isinstance(error, DBAPIError) else error).strip() or type(error).__name__
    text = " ".join(text.split())
    for secret in _secrets(url):
        for written in (secret, quote(secret), quote_plus(secret)):
            text = text.replace(written, "***")
    # Omit everything after "?": drivers accept passwords there under various names.
    where = f"{NAME}: {url.set(query={}).render_as_string(hide_password=True)}: {hide_passwords(text)}"
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    unreachable = isinstance(error, OperationalError | InterfaceError) and url.get_backend_name() != "sqlite"
    return ConnectionError(where) if lost or unreachable else ConfigError(where)
