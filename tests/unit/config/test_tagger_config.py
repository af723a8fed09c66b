"""A tagger's TOML file: invalid values are refused, and equal values have equal digests."""

from pathlib import Path

import pytest

from seqtag.config import RECIPES, TaggerConfig, config_digest, load_tagger
from seqtag.corpus.schema import corpus_schema
from seqtag.errors import ConfigError
from seqtag.quality import quarantine_schema

MINIMAL = 'name = "x"\n[[corpus.sources]]\nformat = "sample"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "tagger.toml"
    path.write_text(text)
    return path


def test_a_minimal_file_has_every_default(tmp_path: Path) -> None:
    config = load_tagger(write(tmp_path, MINIMAL))
    assert (config.train.recipe, config.train.batch_size, config.tags.scheme) == ("default", 32, "auto")
    assert (config.tags.train_scheme, config.features.min_count, config.features.fold) == (
        "IOBES",
        1,
        "case-digits",
    )
    assert config.model.output == "auto"


def test_partial_tags_are_trained_in_iob2_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    partial = load_tagger(write(tmp_path, MINIMAL + "[tags]\npartial = true\n"))
    said = load_tagger(write(tmp_path, MINIMAL + '[tags]\npartial = true\ntrain_scheme = "IOBES"\n'))
    assert (partial.tags.train_scheme, partial.tags.mark) == ("IOB2", "-")
    assert (said.tags.train_scheme, said.tags.mark) == ("IOBES", "-")
    assert load_tagger(write(tmp_path, MINIMAL)).tags.mark is None
    assert TaggerConfig.model_validate_json(partial.model_dump_json()) == partial


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_is_ignored(end: str, tmp_path: Path) -> None:
    plain = load_tagger(write(tmp_path, MINIMAL))
    path = tmp_path / "notepad.toml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", end).encode())
    assert load_tagger(path) == plain


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_refused_by_name(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "tagger.toml"
    path.write_bytes(MINIMAL.encode(encoding))
    with pytest.raises(ConfigError, match=r"tagger\.toml: UTF-16 text, expected UTF-8; save"):
        load_tagger(path)


def test_other_encodings_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "tagger.toml"
    path.write_bytes(MINIMAL.encode() + 'description = "Züge"\n'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"tagger\.toml:4: byte 0xfc is not UTF-8; save the file as UTF-8$"):
        load_tagger(path)


def test_defaults_written_out_give_the_same_digest(tmp_path: Path) -> None:
    short = load_tagger(write(tmp_path, MINIMAL))
    long = load_tagger(write(tmp_path, MINIMAL + '[train]\nrecipe = "default"\nbatch_size = 32\n'))
    other = load_tagger(write(tmp_path, MINIMAL + "[train]\nbatch_size = 33\n"))
    assert config_digest(short) == config_digest(long) != config_digest(other)


def test_monitoring_settings_do_not_affect_the_digest(tmp_path: Path) -> None:
    one = load_tagger(write(tmp_path, MINIMAL))
    other = load_tagger(write(tmp_path, MINIMAL + "[monitor]\nquantile = 0.9\nmax_model_age_days = 7\n"))
    assert other.monitor.quantile == 0.9
    assert config_digest(one) == config_digest(other)
    assert config_digest(one.monitor) != config_digest(other.monitor)


def test_a_misspelt_key_of_monitor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="quantil"):
        load_tagger(write(tmp_path, MINIMAL + "[monitor]\nquantil = 0.9\n"))


def test_the_period_column_must_be_a_column_of_the_corpus(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"monitor\.period_column is not a further column"):
        load_tagger(write(tmp_path, MINIMAL + '[monitor]\nperiod_column = "day"\n'))


SEED = MINIMAL + '[train]\nrecipe = "base"\n'


def test_a_recipe_sets_the_defaults_of_missing_keys(tmp_path: Path) -> None:
    config = load_tagger(write(tmp_path, SEED))
    train = config.train
    assert (config.tags.train_scheme, config.features.min_count, config.features.fold) == ("IOB2", 2, "none")
    assert (train.optimizer, train.learning_rate) == ("adam", 0.001)
    assert (train.decay, train.clip_norm, train.average) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("recipe", ['"sede"', '["base"]'])
def test_an_unknown_recipe_is_refused_with_the_known_ones(tmp_path: Path, recipe: str) -> None:
    with pytest.raises(ConfigError, match=r"train\.recipe: must be 'default' or 'base'") as caught:
        load_tagger(write(tmp_path, MINIMAL + f"[train]\nrecipe = {recipe}\n"))
    assert all(repr(known) in str(caught.value) for known in RECIPES)


def test_values_in_the_file_override_the_recipe(tmp_path: Path) -> None:
    text = SEED + "learning_rate = 0.5\n[features]\nmin_count = 3\n"
    config = load_tagger(write(tmp_path, text))
    assert (config.train.learning_rate, config.features.min_count) == (0.5, 3)
    assert (config.train.decay, config.features.fold) == (0.0, "none")


def test_the_defaults_of_a_recipe_written_out_give_the_same_digest(tmp_path: Path) -> None:
    written = '[features]\nmin_count = 2\nfold = "none"\n[tags]\ntrain_scheme = "IOB2"\n'
    short, long = (load_tagger(write(tmp_path, text)) for text in (SEED, SEED + written))
    other = load_tagger(write(tmp_path, SEED + written.replace("2", "1", 1)))
    assert config_digest(short) == config_digest(long) != config_digest(other)
    assert config_digest(short) != config_digest(load_tagger(write(tmp_path, MINIMAL)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "tagger.toml"),
        ('name = "x"\n', "corpus: missing; expected a table"),
        (MINIMAL.replace('"x"', '"../x"'), "name: must be up to 63 lower-case letters, digits and hyphens, "),
        (MINIMAL.replace('"x"', '"A b"'), ", got 'A b'"),
        (MINIMAL + "[train]\nepochs = 3\n", "train.epochs: unknown key; did you mean 'max_epochs'?"),
        (
            MINIMAL + "[train]\nbatch_size = 0\n",
            "train.batch_size: must be at least 1, got 0",
        ),
        (
            MINIMAL + "[features]\nladder = [8, 8]\n",
            "features.bucket_lengths: lengths do not increase: expected one or more from 1 up, got [8, 8]",
        ),
        (
            MINIMAL + "[features]\nwindow_overlap = 512\n",
            "window_overlap is too large: expected less than the last length bucket, 512, got 512",
        ),
        (MINIMAL + '[tags]\nscheme = "BOULI"\n', "tags.scheme: unknown tag scheme 'BOULI'"),
        (
            MINIMAL + '[evaluate]\nslices = ["genre"]\n',
            "evaluate.slices is not a further column: expected one of",
        ),
        (MINIMAL + '[train]\nsequence_weight = "w"\n', "train.sequence_weight is not a further column"),
        (
            MINIMAL + "[train]\ntag_weights = { O = 0 }\n",
            "train.tag_weights.O: must be more than 0, got 0",
        ),
        (
            MINIMAL + '[gate]\nmetric = "span_f1"\n[tags]\nscheme = "none"\n',
            'got tags.scheme = "none"; change one of the two',
        ),
        (MINIMAL.replace("\n", "\ntrain = 3\n", 1), "train: must be a table, got 3"),
        (SEED + "[model]\nunits = 50\n", '[model] has no effect here: expected train.recipe = "default"'),
        (SEED + '[model]\noutput = "crf"\n', 'got "base"; remove the table'),
        (MINIMAL + "[model]\nlayers = 4\n", "model.layers: must be at most 3, got 4"),
        (MINIMAL + "[model]\ndropout = 1\n", "model.dropout: must be less than 1, got 1"),
        (
            MINIMAL + '[model]\noutput = "beam"\n',
            "model.output: must be 'auto', 'softmax', 'viterbi' or 'crf', got 'beam'",
        ),
        (
            MINIMAL + '[features]\nfold = "case"\n',
            "features.fold: must be 'none' or 'case-digits', got 'case'",
        ),
        (
            MINIMAL.replace('"sample"', '"conll"\npath = []'),
            "corpus.sources[0].path: must be text or a list of at least 1",
        ),
        (
            MINIMAL.replace('"sample"', '"jsonl"\npath = "a"\ntags_column = "tokens"'),
            "two keys name the column 'tokens': expected one column each for tokens_column, ",
        ),
        (
            MINIMAL + '[model]\nvectors = "v.txt"\nword_size = 7\n',
            "word_size contradicts vectors, which set it: got 7; remove word_size",
        ),
        (MINIMAL.replace('"sample"', '"xml"'), "corpus.sources[0].format: must be 'conll', 'conllu', "),
    ],
)
def test_an_invalid_file_is_refused_with_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_tagger(write(tmp_path, text))
    assert said in str(caught.value)
    assert "tagger.toml" in str(caught.value)


@pytest.mark.parametrize(
    "columns",
    [
        *([name] for name in quarantine_schema(corpus_schema()).names),
        *(["predicted"], ["confidence"], ["span_confidence"], ["unknown"], ["genre", "genre"]),
    ],
)
def test_a_reserved_or_repeated_column_is_refused(tmp_path: Path, columns: list[str]) -> None:
    with pytest.raises(
        ConfigError, match=r"columns are reserved or repeated: .* none of sequence_id, .*, got \[.*; rename"
    ):
        load_tagger(write(tmp_path, MINIMAL + f"[corpus]\ncolumns = {columns}\n".replace("'", '"')))


def test_all_invalid_keys_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_tagger(write(tmp_path, MINIMAL + "[train]\nbatch_size = 0\n[gate]\nmargin = 2\n"))
    assert len(str(caught.value).splitlines()) == 2


def test_an_empty_list_of_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"corpus\.sources: must be a list of at least 1$"):
        load_tagger(write(tmp_path, 'name = "x"\ncorpus.sources = []\n'))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: tagger's TOML file cannot be read: No such file"):
        load_tagger(tmp_path / "none.toml")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError, match=r"latin\.toml"):
        load_tagger(path)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_configuration_survives_json(recipe: str) -> None:
    sources = [{"format": "conll", "path": ["a", "b"], "split": "train"}]
    config = TaggerConfig.model_validate(
        {"name": "x", "corpus": {"sources": sources}, "train": {"recipe": recipe}}
    )
    assert TaggerConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("BIO", "IOB2"),
        ("bio2", "IOB2"),
        ("BIOES", "IOBES"),
        ("bilou", "IOBES"),
        ("BIOLU", "IOBES"),
        ("BMES", "IOBES"),
        ("BMEO", "IOBES"),
        ("BMEWO", "IOBES"),
        ("ioe2", "IOE2"),
        ("NONE", "none"),
    ],
)
def test_a_scheme_is_accepted_under_each_of_its_names(tmp_path: Path, name: str, scheme: str) -> None:
    text = MINIMAL + f'[tags]\nscheme = "{name}"\n'
    assert load_tagger(write(tmp_path, text)).tags.scheme == scheme


def test_an_unknown_scheme_is_refused_in_one_line_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_tagger(write(tmp_path, MINIMAL + '[tags]\nscheme = "BIOX"\n'))
    said = str(caught.value)
    assert said.count("\n") == 0
    assert "tags.scheme: unknown tag scheme 'BIOX': expected auto, none, IOB1 (BIO1), " in said
    assert "IOB2 (BIO, BIO2), IOBES (BIOES, " in said
    assert "IOE1, IOE2" in said


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ('scheme = "IOB"', "tags.scheme: ambiguous tag scheme 'IOB': expected IOB1 or IOB2"),
        ("scheme = 5", "tags.scheme: unknown tag scheme 5: expected auto"),
        ('spelling = "B~X"', "tags.spelling: unknown spelling 'B~X': expected"),
        ('scheme = "none"\nspelling = "b-X"', "spelling and outside have no effect without a scheme"),
        ('train_scheme = "IOB1"', "tags.train_scheme: must be 'IOB2' or 'IOBES', got 'IOB1'"),
    ],
)
def test_an_invalid_scheme_or_spelling_is_one_line(tmp_path: Path, tags: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_tagger(write(tmp_path, f"{MINIMAL}[tags]\n{tags}\n"))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
