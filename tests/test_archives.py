"""Archives: fetched once by hash, and every way in which the registry, the cache or the file fails."""

import errno
import io
import multiprocessing
import os
import tarfile
import zipfile
from pathlib import Path

import platformdirs
import pytest

from lintune.archives import Archive, cache_dir, fetch, filling_cache, open_member, sha256_of
from lintune.errors import CorruptFileError, FetchError

MEMBER = "tinydata/lines.txt"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that pip takes for the registry; the cache is new and empty."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("LINTUNE_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def wheel(shelf: Path) -> Archive:
    """Put a package with one line of data on the shelf."""
    path = shelf / "tinydata-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(MEMBER, "one line\n")
        packed.writestr(
            "tinydata-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n"
        )
        packed.writestr("tinydata-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        packed.writestr("tinydata-1.0.dist-info/RECORD", "")
    return Archive("tinydata", "1.0", sha256_of(path))


def put_in_cache(archive: Archive, path: Path) -> None:
    folder = cache_dir() / "archives" / f"{archive.package}-{archive.version}-{archive.sha256[:12]}"
    folder.mkdir(parents=True)
    path.rename(folder / path.name)


def test_a_member_is_read(wheel: Archive) -> None:
    with open_member(wheel, MEMBER) as file:
        assert file.read() == b"one line\n"


def test_an_archive_is_fetched_once(wheel: Archive, shelf: Path) -> None:
    path = fetch(wheel)
    next(shelf.iterdir()).unlink()
    assert fetch(wheel) == path
    assert sorted(entry.name for entry in cache_dir().iterdir()) == ["archives", f"{path.parent.name}.lock"]


def test_processes_that_fetch_at_once_agree(wheel: Archive) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(fetch, [wheel] * 3))) == 1


def test_a_source_archive_is_read_without_its_top_folder(shelf: Path) -> None:
    path = shelf / "tinydata-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name in ("other.txt", MEMBER):
            entry = tarfile.TarInfo(f"tinydata-1.0/{name}")
            entry.size = len(name)
            packed.addfile(entry, io.BytesIO(name.encode()))
    archive = Archive("tinydata", "1.0", sha256_of(path), source=True)
    put_in_cache(archive, path)
    with open_member(archive, MEMBER) as file:
        assert file.read().decode() == MEMBER
    for absent in ("lines.txt", f"tinydata-1.0/{MEMBER}", "tinydata"):
        with pytest.raises(CorruptFileError, match=f"holds no file '{absent}'"), open_member(archive, absent):
            pass


def test_a_missing_member_is_named(wheel: Archive) -> None:
    absent = "tinydata/words.txt"
    with pytest.raises(CorruptFileError, match=f"holds no file '{absent}'"), open_member(wheel, absent):
        pass


@pytest.mark.parametrize("damage", ["change", "cut", "remove", "add"])
def test_a_damaged_cache_is_refused(wheel: Archive, damage: str) -> None:
    path = fetch(wheel)
    content = path.read_bytes()
    if damage == "change":
        path.write_bytes(content.replace(b"one line", b"two line"))
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "remove":
        path.unlink()
    else:
        path.with_name("stranger").write_text("")
    with pytest.raises(
        CorruptFileError, match="tinydata 1.0 in .* is not the published file.*Delete that folder"
    ):
        fetch(wheel)


def test_another_file_of_that_version_is_not_taken(wheel: Archive) -> None:
    other = Archive("tinydata", "1.0", "0" * 64)
    with pytest.raises(FetchError, match="(?s)could not fetch tinydata==1.0.*Expected sha256 0000"):
        fetch(other)
    assert not (cache_dir() / "archives").exists()
    assert not list(cache_dir().glob("*.filling"))


def test_a_package_that_is_not_there(shelf: Path) -> None:
    with pytest.raises(FetchError, match="(?s)could not fetch absent==1.0.*registry reachable"):
        fetch(Archive("absent", "1.0", "0" * 64))


@pytest.mark.parametrize("obstacle", ["", "archives"])
def test_a_file_in_the_way_of_the_cache(wheel: Archive, obstacle: str) -> None:
    place = cache_dir() / obstacle
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("in the way")
    with pytest.raises(FetchError, match="cache folder .* could not be filled.*set LINTUNE_CACHE"):
        fetch(wheel)
    assert place.read_text() == "in the way"


def test_a_full_disk_is_reported_and_leaves_nothing(shelf: Path) -> None:
    complaint = "No space left.*enough free space"
    with pytest.raises(FetchError, match=complaint), filling_cache("entry") as scratch:
        _fill_the_disk(scratch)
    assert [path.name for path in cache_dir().iterdir()] == ["entry.lock"]


def test_what_a_killed_process_left_is_removed(wheel: Archive) -> None:
    with filling_cache("entry") as scratch:
        left = scratch
    (left / "half").mkdir(parents=True)
    with filling_cache("entry-two") as other:
        assert (left / "half").exists(), "another entry's scratch folder may be in use"
        assert not list(other.iterdir())
    with filling_cache("entry") as scratch:
        assert not list(scratch.iterdir())
    assert not left.exists()


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINTUNE_CACHE", "~/somewhere")
    assert cache_dir() == Path.home() / "somewhere"
    monkeypatch.delenv("LINTUNE_CACHE")
    assert cache_dir() == Path(platformdirs.user_cache_dir("lintune"))


def _fill_the_disk(folder: Path) -> None:
    (folder / "half").write_text("written")
    raise OSError(errno.ENOSPC, "No space left on device")
