"""The loader under damaged input: whatever is wrong, one DataError with one clear sentence."""

import hashlib
import io
import random

import numpy as np
import pytest

from pbdl_utils import data
from pbdl_utils.data import DATA_SETS, DataError, DataSet, load, read_arrays

ARRAYS = {"x": np.linspace(0, 1, 64), "u": np.arange(192, dtype=np.float16).reshape(3, 64)}
EXPECTED = {name: (array.shape, str(array.dtype)) for name, array in ARRAYS.items()}


def packed(arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


@pytest.fixture
def waves(tmp_path, monkeypatch):
    """A small data set of our own; returns a function that stores given bytes as its file."""

    def store(content: bytes, *, sign: bytes | None = None):
        folder = tmp_path / "waves"
        folder.mkdir(exist_ok=True)
        (folder / "waves.npz").write_bytes(content)
        digest = hashlib.sha256(content if sign is None else sign).hexdigest()
        monkeypatch.setitem(DATA_SETS, "waves", DataSet("waves.npz", digest, EXPECTED))
        return tmp_path

    return store


def test_a_good_file_is_returned_as_it_is(waves):
    folder = waves(packed(ARRAYS))
    loaded = load("waves", folder=folder)
    assert all(np.array_equal(loaded[name], ARRAYS[name]) for name in ARRAYS)


def test_the_folder_may_come_from_the_environment(waves, monkeypatch):
    monkeypatch.setenv("PBDL_DATA", str(waves(packed(ARRAYS))))
    assert set(load("waves")) == set(ARRAYS)


def test_unknown_name_lists_the_known_ones(waves):
    waves(packed(ARRAYS))
    with pytest.raises(DataError, match=r"no data set 'wave': choose one of .*waves"):
        load("wave")


def test_missing_file_says_how_to_get_it(waves, monkeypatch, tmp_path):
    waves(packed(ARRAYS))

    def offline(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr("pooch.retrieve", offline)
    with pytest.raises(DataError, match=r"could not be downloaded .*git checkout"):
        load("waves", folder=tmp_path / "elsewhere")


def test_missing_file_is_downloaded_with_its_checksum(waves, monkeypatch, tmp_path):
    folder = waves(packed(ARRAYS))
    calls = {}

    def retrieve(url, known_hash, fname):
        calls.update(url=url, known_hash=known_hash)
        return str(folder / "waves" / "waves.npz")

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert set(load("waves", folder=tmp_path / "elsewhere")) == set(ARRAYS)
    assert calls["url"] == f"{data.repository_url()}/raw/main/data/waves/waves.npz"
    assert calls["known_hash"] == f"sha256:{DATA_SETS['waves'].sha256}"


def test_a_changed_file_fails_its_checksum(waves):
    content = packed(ARRAYS)
    folder = waves(content[:-1] + b"\1", sign=content)
    with pytest.raises(DataError, match=r"is damaged: its SHA-256 .*git checkout"):
        load("waves", folder=folder)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": ARRAYS["x"]}, r"holds the arrays \['x'\]"),
        ({**ARRAYS, "more": np.zeros(1)}, "holds the arrays"),
        ({**ARRAYS, "x": ARRAYS["x"][:-1]}, r"x has shape \(63,\)"),
        ({**ARRAYS, "u": ARRAYS["u"].astype(np.float32)}, "u has shape .* dtype float32"),
        ({**ARRAYS, "x": np.where(ARRAYS["x"] > 0.5, np.nan, 1.0)}, "not finite"),
        ({**ARRAYS, "x": np.array([{}] * 64, dtype=object)}, "is damaged"),
    ],
    ids=["missing", "extra", "shape", "dtype", "nan", "pickle"],
)
def test_wrong_content_is_named(waves, arrays, message):
    folder = waves(packed(arrays))
    with pytest.raises(DataError, match=message):
        load("waves", folder=folder)


def test_random_damage_never_passes_and_never_raises_anything_else(tmp_path):
    """300 damaged copies: cut short, bits flipped, bytes inserted; the reader refuses or reads the very same arrays."""
    rng = random.Random(0)
    content = packed(ARRAYS)
    path = tmp_path / "damaged.npz"
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        kind = rng.randrange(3)
        position = rng.randrange(len(damaged))
        if kind == 0:
            del damaged[position:]
        elif kind == 1:
            damaged[position] ^= 1 << rng.randrange(8)
        else:
            damaged[position:position] = rng.randbytes(rng.randrange(1, 20))
        path.write_bytes(damaged)
        try:
            arrays = read_arrays(path, EXPECTED)
        except DataError:
            refused += 1
        else:  # damage in unused header bytes changes nothing that we read
            assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert refused > 150


@pytest.mark.parametrize("name", sorted(DATA_SETS))
def test_shipped_data_sets_load(name):
    assert set(load(name)) == set(DATA_SETS[name].arrays)


@pytest.mark.parametrize("name", sorted(DATA_SETS))
def test_shipped_data_sets_have_a_card_and_a_recipe(name):
    folder = data.Path(data.__file__).parents[1] / "data" / name.partition("/")[0]
    card = (folder / "README.md").read_text()
    assert DATA_SETS[name].sha256 in card
    assert (folder / "generate.py").is_file()
    for word in ("shape", "unit", "split", "licence"):
        assert word in card.lower(), f"the data card does not speak of {word}"
