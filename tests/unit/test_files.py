import errno
import os
from pathlib import Path

import pytest

from pbdl_utils.files import WriteError, write_atomically


def test_writes_and_makes_folders(tmp_path):
    path = tmp_path / "a" / "b.json"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["b.json"]


def test_full_disk_is_one_clear_error_and_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    path.write_bytes(b"old")

    def full_disk(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(WriteError, match=r"the disk is full: free some space, then run again\. Nothing was changed"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["result.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_really_full_device_reports_the_same_error_number():
    with pytest.raises(OSError) as caught, open("/dev/full", "wb") as file:
        file.write(b"x")
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which not even root can write")
def test_unwritable_folder_is_one_clear_error():
    with pytest.raises(WriteError, match=r"cannot write /proc/result\.json: .* Nothing was changed"):
        write_atomically("/proc/result.json", b"new")


def test_read_only_file_system_is_named(tmp_path, monkeypatch):
    def read_only(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.mkstemp", read_only)
    with pytest.raises(WriteError, match="the file system is read-only: choose another folder"):
        write_atomically(tmp_path / "x", b"new")
