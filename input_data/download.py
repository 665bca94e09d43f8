"""Downloads the MNIST files from several mirrors, and verifies them before they are used.

The environment can name a proxy (HTTPS_PROXY) and certificates (REQUESTS_CA_BUNDLE).
"""

import contextlib
import glob
import os
import shutil
import sys
import tempfile
import time

from input_data.folder_lock import folder_lock
from input_data.idx import InvalidDataError
from input_data.signal_handlers import signals_handled_by

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"

# name: sha256 of the file, sha256 of its uncompressed bytes
CHECKSUMS = {
    TRAIN_IMAGES: (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    TRAIN_LABELS: (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    TEST_IMAGES: (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    TEST_LABELS: (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}

# sizes of the files
BYTES = {TRAIN_IMAGES: 9912422, TRAIN_LABELS: 28881, TEST_IMAGES: 1648877, TEST_LABELS: 4542}

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
    "https://azureopendatastorage.blob.core.windows.net/mnist/",
    "https://web.archive.org/web/2020id_/http://yann.lecun.com/exdb/mnist/",
)
DEFAULT_SOURCE_URL = MIRRORS[0]
# MNIST's first website. Old code still names it, but it no longer serves the files.
ORIGINAL_HOME = "yann.lecun.com/exdb/mnist"

TEMPORARY = ".download-"
CONNECT_TIMEOUT = 4  # seconds for each address of a server to accept a connection
READ_TIMEOUT = 30  # seconds without a byte
PAUSES = (0, 1, 2)  # seconds before each round over the mirrors
CHUNK_BYTES = 1 << 16


class DownloadError(OSError, InvalidDataError):
    """No source provided the requested files, or they could not be stored.

    It has two base classes: `except InvalidDataError` catches everything that can be wrong with the
    data, and the `except IOError` of old code still catches failed downloads.
    """


class _ChecksumError(Exception):
    """A source answered with a file whose checksum is not the one expected."""


def is_mnist_source(source_url):
    """Returns whether the files at that URL must have the checksums of MNIST."""
    if not source_url or ORIGINAL_HOME in source_url:
        return True
    return _with_slash(source_url) in MIRRORS


def download_files(names, folder, source_url, read):
    """Downloads files into a folder. Each file appears there complete and verified, or not at all.

    If several processes want the same files, one downloads them and the others wait.

    Args:
      names: file names out of CHECKSUMS.
      folder: path of the folder, made if it does not exist. A file of the same name is replaced.
      source_url: URL of a folder with files of these names, or the beginning of their URLs. If it
        is one of MNIST's, all mirrors are tried, and checksums are compared.
      read: function of a path that returns the file's content, or raises InvalidDataError.

    Returns:
      dict from name to what `read` returned.

    Raises:
      DownloadError: files are still missing after all sources were tried. Others are kept.
    """
    with _alone_in(folder) as temporary:
        contents = _placed_meanwhile(names, folder, read)
        missing = [name for name in names if name not in contents]
        return {**contents, **_download_all(missing, folder, temporary, source_url, read)}


@contextlib.contextmanager
def _alone_in(folder):
    """Makes a folder inside `folder`, so that a file can be moved into place in one step."""
    try:
        os.makedirs(folder, exist_ok=True)
        with folder_lock(folder) as held:
            if held:  # the process that made these folders was killed
                for left_over in glob.glob(os.path.join(glob.escape(folder), TEMPORARY + "*")):
                    shutil.rmtree(left_over, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=folder) as temporary:

                def remove_first(number, handle):  # a script's handler ends the process at once
                    shutil.rmtree(temporary, ignore_errors=True)
                    handle()

                with signals_handled_by(remove_first):
                    yield temporary
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"cannot write to the folder {folder}: {error.strerror or error}; name another one"
        ) from error


def _placed_meanwhile(names, folder, read):
    """Returns the content of the files that another process has downloaded meanwhile."""
    contents = {}
    for name in names:
        with contextlib.suppress(FileNotFoundError, InvalidDataError):
            contents[name] = read(os.path.join(folder, name))
    return contents


def _download_all(names, folder, temporary, source_url, read):
    sources = _sources(source_url)
    with_checksums = is_mnist_source(source_url)
    contents, failures = {}, {}
    if names:
        size = f" {sum(BYTES[name] for name in names) / 1e6:.3f} MB" if with_checksums else ""
        with contextlib.suppress(OSError, ValueError):  # of stdout, which is not the folder's
            print(f"downloading{size} into {folder}: {', '.join(names)}", flush=True)
    for pause in PAUSES:
        time.sleep(pause if sources else 0)
        for source in list(sources):
            try:
                for name in names:
                    if name not in contents:
                        path = os.path.join(temporary, name)
                        _download(source + name, path, name if with_checksums else None)
                        contents[name] = read(path)
                        os.replace(path, os.path.join(folder, name))
                return contents
            except _source_errors() as error:
                failures[source] = _reason(error)
                if _is_final(error):
                    sources.remove(source)
    missing = [name for name in names if name not in contents]
    raise DownloadError(f"cannot download {', '.join(missing)}: {_summary(failures)}")


def _sources(source_url):
    if not is_mnist_source(source_url):
        # TensorFlow's reader appends the name to any URL. Only that of a folder may lack a slash.
        complete = source_url.endswith("/") or "?" in source_url
        return [source_url] if complete else [source_url, source_url + "/"]
    first = _with_slash(source_url or DEFAULT_SOURCE_URL)
    return sorted(MIRRORS, key=lambda mirror: mirror != first)


def _with_slash(url):
    return url if url.endswith("/") else url + "/"


def _download(url, path, name_in_checksums):
    # Imported here because importing them takes longer than reading the existing files.
    import pooch

    from input_data.progress_bar import ProgressBar

    if url.startswith("file:"):
        _copy_local(url, path)
        return
    progress = None
    if sys.stderr.isatty():
        progress = ProgressBar(desc=os.path.basename(path), total=1, unit="B", unit_scale=True)
    # Without this header a server may send the file decompressed.
    headers = {"Accept-Encoding": "identity"}
    fetch = pooch.HTTPDownloader(
        progressbar=progress,
        chunk_size=CHUNK_BYTES,
        timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
        headers=headers,
    )
    try:
        fetch(url, path, None)
    finally:
        if progress is not None:
            progress.close()  # otherwise an error would appear behind the bar, in the same line
    if name_in_checksums is not None:
        found, expected = pooch.file_hash(path), CHECKSUMS[name_in_checksums][0]
        if found != expected:
            raise _ChecksumError(
                f"{name_in_checksums} has sha256 {found[:12]}..., expected {expected[:12]}..."
            )


def _copy_local(url, path):
    import urllib.request

    import requests

    try:
        urllib.request.urlretrieve(url, path)
    except urllib.error.URLError as error:
        raise requests.exceptions.InvalidURL(error.reason) from error


def _source_errors():
    import requests
    import urllib3

    return (
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        InvalidDataError,
        _ChecksumError,
    )


def _is_final(error):
    """Returns whether there is no point in trying the same source again."""
    import requests
    import urllib3

    if isinstance(error, requests.exceptions.HTTPError):
        status = error.response.status_code
        return 400 <= status < 500 and status not in (408, 429)
    # requests raises an error that is also a ValueError if it does not accept a URL.
    refused = isinstance(error, requests.exceptions.RequestException) and isinstance(
        error, ValueError
    )
    # If the network drops packets, each round would wait as long as the first.
    unreachable = (
        urllib3.exceptions.NameResolutionError,
        urllib3.exceptions.ConnectTimeoutError,
    )
    return refused or isinstance(_cause(error), unreachable)


def _cause(error):
    """Returns the innermost error, which requests and urllib3 wrap in others."""
    inner = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    return inner if isinstance(inner, Exception) else error


def _reason(error):
    import requests
    import urllib3

    cause = _cause(error)
    if isinstance(error, requests.exceptions.HTTPError):
        return f"HTTP status {error.response.status_code}"
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return "host name not found"
    if isinstance(cause, urllib3.exceptions.ConnectTimeoutError):
        return f"no connection within {CONNECT_TIMEOUT} seconds"
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return f"no connection: {getattr(cause.__cause__, 'strerror', cause)}"
    if isinstance(cause, (urllib3.exceptions.TimeoutError, requests.exceptions.Timeout)):
        return f"no answer for {READ_TIMEOUT} seconds"
    return " ".join(str(cause).split())


def _summary(failures):
    """Returns a text that lists the hosts by the cause of their failure."""
    hosts = {}
    for source, reason in failures.items():
        host = source.split("://", 1)[-1].split("/")[0] or source
        hosts.setdefault(reason, {})[host] = None
    return "; ".join(f"{reason} ({', '.join(names)})" for reason, names in hosts.items())
