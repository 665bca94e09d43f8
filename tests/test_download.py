import contextlib
import gzip
import hashlib
import os
import shutil
import socket
import stat
import threading

import pytest

from idx_files import NAMES, TRAIN_IMAGES, TRAIN_LABELS, small_mnist, write_files
from input_data import DownloadError, InvalidDataError, download, read_data_sets
from local_server import WEB_PAGE, body, status, web_page

FILES = small_mnist()
OTHER_FILES = small_mnist(seed=9)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """Waits a moment before another round."""
    monkeypatch.setattr(download, "PAUSES", (0, 0.01, 0.01))


@pytest.fixture
def impatient(monkeypatch):
    """Waits a moment for a byte, where users are given half a minute."""
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.5)


@pytest.fixture
def mirrors(server, monkeypatch):
    """Two mirrors of a small set that takes the place of MNIST, checksums and all."""
    urls = (server.serve(FILES, "first/"), server.serve(FILES, "second/"))
    checksums = {
        name: (
            hashlib.sha256(content).hexdigest(),
            hashlib.sha256(gzip.decompress(content)).hexdigest(),
        )
        for name, content in FILES.items()
    }
    monkeypatch.setattr(download, "MIRRORS", urls)
    monkeypatch.setattr(download, "DEFAULT_SOURCE_URL", urls[0])
    for name, values in checksums.items():
        monkeypatch.setitem(download.CHECKSUMS, name, values)
    return server


def read(folder, source_url=None):
    return read_data_sets(str(folder), validation_size=30, source_url=source_url)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_mirrors_are_reached_over_https_only():
    assert download.MIRRORS[0] == download.DEFAULT_SOURCE_URL
    assert all(mirror.startswith("https://") for mirror in download.MIRRORS)
    assert all(mirror.endswith("/") for mirror in download.MIRRORS)


def test_the_checksums_are_those_of_the_real_files(mnist_dir):
    for name, checksums in download.CHECKSUMS.items():
        with open(os.path.join(mnist_dir, name), "rb") as f:
            content = f.read()
        found = [hashlib.sha256(part).hexdigest() for part in (content, gzip.decompress(content))]
        assert found == list(checksums)
        assert len(content) == download.BYTES[name]


def test_an_empty_folder_is_filled_from_the_first_mirror(mirrors, tmp_path):
    folder = tmp_path / "new" / "MNIST_data"
    assert read(folder).train.num_examples == 220
    assert contents(folder) == FILES
    assert mirrors.requests == [f"/first/{name}" for name in NAMES]


def test_a_download_says_its_size_before_it_starts(mirrors, tmp_path, capfd):
    said = []

    def listen_and_answer(handler):
        said.append(capfd.readouterr().out)
        body(FILES[TRAIN_IMAGES])(handler)

    mirrors.answers[f"/first/{TRAIN_IMAGES}"] = [listen_and_answer]
    read(tmp_path)
    assert said == [f"downloading 11.595 MB into {tmp_path}: {', '.join(NAMES)}\n"]


def test_files_that_are_there_are_not_asked_for(mirrors, small_folder):
    read(small_folder)
    assert mirrors.requests == []


def test_a_missing_file_alone_is_asked_for(mirrors, small_folder):
    (small_folder / TRAIN_LABELS).unlink()
    read(small_folder)
    assert contents(small_folder) == FILES
    assert mirrors.requests == [f"/first/{TRAIN_LABELS}"]


def cut_short(content):
    return body(content[:-100], announced=len(content))


def cut_short_unannounced(content):
    return body(content[:-100])


@pytest.mark.parametrize(
    "answer",
    [
        status(404),
        status(403),
        status(500),
        web_page(),
        cut_short(FILES[TRAIN_IMAGES]),
        cut_short_unannounced(FILES[TRAIN_IMAGES]),
        body(OTHER_FILES[TRAIN_IMAGES]),
        body(b""),
    ],
    ids=[
        "404", "403", "500", "web page", "cut short", "cut short unannounced", "wrong hash",
        "empty",
    ],
)  # fmt: skip
def test_a_mirror_that_fails_is_followed_by_the_next(mirrors, tmp_path, answer):
    mirrors.answers[f"/first/{TRAIN_IMAGES}"] = [answer]
    assert read(tmp_path).train.num_examples == 220
    assert contents(tmp_path) == FILES
    assert f"/second/{TRAIN_IMAGES}" in mirrors.requests


def test_a_mirror_that_stalls_is_followed_by_the_next(impatient, mirrors, tmp_path):
    mirrors.answers[f"/first/{TRAIN_IMAGES}"] = [mirrors.stall]
    read(tmp_path)
    assert contents(tmp_path) == FILES


def test_a_source_that_stalls_is_given_up_after_a_time_that_the_error_tells(
    impatient, server, tmp_path
):
    server.answers[f"/{TRAIN_IMAGES}"] = [server.stall]
    with pytest.raises(DownloadError, match="no answer for 0.5 seconds"):
        read(tmp_path, server.url)


@pytest.fixture
def deaf_port():
    """A port on loopback that accepts no connection, as behind a firewall that drops packets."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):  # more than the backlog holds
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


def test_a_network_that_drops_packets_is_given_up_after_one_round(deaf_port, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "CONNECT_TIMEOUT", 0.2)
    mirrors = tuple(f"http://127.0.0.1:{deaf_port}/{number}/" for number in range(3))
    monkeypatch.setattr(download, "MIRRORS", mirrors)
    waits = []
    monkeypatch.setattr(download.time, "sleep", waits.append)
    with pytest.raises(DownloadError, match="no connection within 0.2 seconds"):
        read(tmp_path)
    assert waits == [0, 0, 0]
    assert list(tmp_path.iterdir()) == []


def test_all_mirrors_together_are_given_up_in_less_than_half_a_minute():
    assert download.CONNECT_TIMEOUT * len(download.MIRRORS) < 30


def test_a_file_grows_beside_its_place_so_that_it_can_be_moved_there_in_one_step(mirrors, tmp_path):
    seen = []

    def look_and_answer(handler):
        seen.extend(path.name for path in tmp_path.iterdir())
        body(FILES[TRAIN_IMAGES])(handler)

    mirrors.answers[f"/first/{TRAIN_IMAGES}"] = [look_and_answer]
    read(tmp_path)
    assert len(seen) == 1
    assert seen[0].startswith(".download-")


def test_a_mirror_without_a_server_is_followed_by_the_next(mirrors, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:9/", download.MIRRORS[1]))
    read(tmp_path)
    assert contents(tmp_path) == FILES


def test_a_mirror_that_fails_later_keeps_what_it_gave(mirrors, tmp_path):
    mirrors.answers[f"/first/{TRAIN_LABELS}"] = [status(404)]
    read(tmp_path)
    assert contents(tmp_path) == FILES
    assert f"/second/{TRAIN_IMAGES}" not in mirrors.requests


def test_a_server_that_is_busy_is_asked_again(server, tmp_path):
    url = server.serve(FILES)
    server.answers[f"/{TRAIN_IMAGES}"].insert(0, status(503))
    read(tmp_path, url)
    assert contents(tmp_path) == FILES


def test_a_server_that_does_not_have_the_file_is_not_asked_again(server, tmp_path):
    with pytest.raises(DownloadError, match="HTTP status 404"):
        read(tmp_path, server.url)
    assert server.requests == [f"/{TRAIN_IMAGES}"]


def test_the_error_names_files_folder_reasons_and_fake_data(mirrors, tmp_path):
    mirrors.answers = {f"/first/{TRAIN_IMAGES}": [web_page()]}
    with pytest.raises(DownloadError) as caught:
        read(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    for part in (*NAMES, str(tmp_path), "sha256", "HTTP status 404", "--fake_data"):
        assert part in message


@pytest.mark.parametrize("answer", [status(404), web_page(), cut_short(FILES[TRAIN_IMAGES])])
def test_a_download_that_fails_leaves_nothing_behind(server, tmp_path, answer):
    server.answers[f"/{TRAIN_IMAGES}"] = [answer]
    with pytest.raises(DownloadError):
        read(tmp_path, server.url)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_replaced_by_a_verified_download(mirrors, small_folder):
    (small_folder / TRAIN_IMAGES).write_bytes(WEB_PAGE)
    read(small_folder)
    assert contents(small_folder) == FILES
    assert mirrors.requests == [f"/first/{TRAIN_IMAGES}"]


def test_a_damaged_file_stays_where_it_is_without_a_successor(mirrors, small_folder):
    (small_folder / TRAIN_IMAGES).write_bytes(WEB_PAGE)
    before = contents(small_folder)
    mirrors.answers = {}
    with pytest.raises(InvalidDataError) as caught:
        read(small_folder)
    assert contents(small_folder) == before
    assert str(small_folder / TRAIN_IMAGES) in str(caught.value)
    assert "web page" in str(caught.value)
    assert "HTTP status 404" in str(caught.value)
    assert "left as it is" in str(caught.value)


def test_files_of_mnist_are_not_put_beside_files_of_another_set(mirrors, tmp_path):
    write_files(tmp_path, OTHER_FILES)
    (tmp_path / TRAIN_LABELS).unlink()
    before = contents(tmp_path)
    with pytest.raises(InvalidDataError, match=f"{TRAIN_LABELS} missing. .*{TRAIN_IMAGES}"):
        read(tmp_path)
    assert contents(tmp_path) == before
    assert mirrors.requests == []


def test_another_source_is_taken_at_its_structure(server, tmp_path):
    read(tmp_path, server.serve(OTHER_FILES, "fashion/"))
    assert contents(tmp_path) == OTHER_FILES


def test_another_source_may_lack_the_slash_at_its_end(server, tmp_path):
    read(tmp_path, server.serve(OTHER_FILES, "fashion/").rstrip("/"))
    assert contents(tmp_path) == OTHER_FILES


@pytest.mark.parametrize("beginning", ["get?set=fashion&name=", "fashion-"])
def test_the_names_are_appended_to_another_source_as_they_are(server, tmp_path, beginning):
    read(tmp_path, server.serve(OTHER_FILES, beginning))
    assert contents(tmp_path) == OTHER_FILES


def test_another_source_may_be_a_folder_of_this_machine(tmp_path):
    source, folder = tmp_path / "source %", tmp_path / "new"
    source.mkdir()
    write_files(source, OTHER_FILES)
    for source_url in (source.as_uri(), source.as_uri() + "/"):
        read(folder, source_url)
        assert contents(folder) == OTHER_FILES
        shutil.rmtree(str(folder))


def test_a_source_on_this_machine_that_is_not_there_is_not_asked_again(tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(download.time, "sleep", waits.append)
    with pytest.raises(DownloadError, match=f"No such file .*{TRAIN_IMAGES}.*file:///nowhere/"):
        read(tmp_path, "file:///nowhere/")
    assert waits == [0, 0, 0]
    assert list(tmp_path.iterdir()) == []


def test_another_source_with_bad_files_is_refused(server, tmp_path):
    server.serve(dict(OTHER_FILES, **{TRAIN_LABELS: OTHER_FILES[TRAIN_IMAGES]}))
    with pytest.raises(DownloadError, match="images under the name of another file"):
        read(tmp_path, server.url)


def test_another_source_may_send_its_files_unpacked(server, tmp_path):
    server.serve({name: gzip.decompress(content) for name, content in OTHER_FILES.items()})
    assert read(tmp_path, server.url).train.num_examples == 220


def test_a_server_that_calls_gzip_a_transfer_encoding_serves_another_source(server, tmp_path):
    for name, content in OTHER_FILES.items():
        server.answers[f"/{name}"] = [body(content, headers=[("Content-Encoding", "gzip")])]
    assert read(tmp_path, server.url).train.num_examples == 220


@pytest.mark.parametrize("source_url", ["ftp://127.0.0.1/", "nonsense", "http://[bad/"])
def test_a_source_that_is_no_web_address_is_refused_at_once(tmp_path, source_url):
    with pytest.raises(DownloadError):
        read(tmp_path, source_url)


@pytest.mark.parametrize("source_url", [None, "", "http://yann.lecun.com/exdb/mnist/"])
def test_old_addresses_of_mnist_stand_for_its_mirrors(mirrors, tmp_path, source_url):
    read(tmp_path, source_url)
    assert contents(tmp_path) == FILES


def test_a_mirror_that_is_named_is_asked_first(mirrors, tmp_path):
    read(tmp_path, download.MIRRORS[1])
    assert mirrors.requests == [f"/second/{name}" for name in NAMES]


def test_downloaded_files_have_the_permissions_of_new_files(mirrors, tmp_path):
    read(tmp_path)
    (tmp_path / "new").touch()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="cannot write to the folder .*file/MNIST_data"):
        read(tmp_path / "file" / "MNIST_data")


def test_readers_that_start_at_once_all_find_whole_files(mirrors, tmp_path):
    counts = []
    threads = [
        threading.Thread(target=lambda: counts.append(read(tmp_path).train.num_examples))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [220] * 8
    assert contents(tmp_path) == FILES


def test_no_progress_is_shown_where_there_is_no_terminal(mirrors, tmp_path, capfd):
    read(tmp_path)
    assert capfd.readouterr().err == ""


def test_the_progress_of_a_download_that_fails_is_cleared(server, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    # An error that is kept keeps the bar alive, which would clear itself otherwise.
    errors = []
    monkeypatch.setattr(download, "_reason", lambda error: errors.append(error) or "refused")
    server.answers[f"/{TRAIN_IMAGES}"] = [status(404)]
    with pytest.raises(DownloadError):
        read(tmp_path, server.url)
    shown = capfd.readouterr().err
    assert TRAIN_IMAGES in shown
    assert shown.endswith("\r")
    assert shown.split("\r")[-2].strip() == ""
