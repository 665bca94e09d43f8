import importlib
import os
import re
import signal

import pytest

from idx_files import small_mnist, write_files
from local_server import LocalServer
from short_runs import FAKE_EXAMPLES, ROOT, STARTED

# What pyproject.toml selects where the command line selects nothing.
QUICK = "not thorough and not full_training"


@pytest.fixture(scope="session", autouse=True)
def processes_print_no_lines_of_onednn():
    """TensorFlow 2 prints four at its import where oneDNN is on, whatever its log level is."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"


@pytest.fixture(autouse=True)
def no_process_outlives_its_test():
    yield
    for process in STARTED:
        if process.poll() is None:
            process.kill()
            process.communicate()
    STARTED.clear()


@pytest.fixture(scope="session")
def mnist_dir():
    """The folder of the four real files."""
    return os.path.join(ROOT, "MNIST_data")


@pytest.fixture
def ctrl_c_interrupts():
    """Lets SIGINT raise KeyboardInterrupt, which tests that run in the background would ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def small_folder(tmp_path):
    """A folder with a small set under MNIST's file names."""
    folder = tmp_path / "small"
    folder.mkdir()
    return write_files(folder, small_mnist())


@pytest.fixture
def server():
    """An HTTP server on loopback that answers, or misbehaves, as the test tells it."""
    with LocalServer() as running:
        yield running


@pytest.fixture
def run_shortly(monkeypatch, tmp_path, capsys):
    """Runs a script's main on few fake digits, in the test's own folder; returns what it prints."""
    monkeypatch.setattr("input_data.data_set.FAKE_EXAMPLES", FAKE_EXAMPLES)
    monkeypatch.chdir(tmp_path)

    def run_main(script, *flags):
        script.main(["--fake_data", *flags])
        return capsys.readouterr().out

    return run_main


# Short runs into the folder named run.
RUNS = {
    "mnist_softmax": ["--log_dir=run"],
    "mnist_deep": ["--log_dir=run", "--batch_size=5"],
    "fully_connected_feed": ["--log_dir=run", "--hidden1=20", "--hidden2=15"],
    "mnist_layers_estimator": ["--model_dir=run", "--batch_size=5"],
}


@pytest.fixture(params=sorted(RUNS))
def run_of_a_script(request, run_shortly, monkeypatch):
    """A script's name, after a short run of it into the folder named run."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    printed = run_shortly(
        importlib.import_module(request.param), "--max_steps=11", "--seed=0", *RUNS[request.param]
    )
    accuracy = re.search(r"([0-9.]+)(, global_step.*)?\s*$", printed).group(1)
    return request.param, float(accuracy)


def pytest_terminal_summary(terminalreporter, config):
    if config.option.markexpr == QUICK:
        terminalreporter.write_line(
            "Left out: kills, full disks, clusters, abuse and whole walk-throughs, "
            "`uv run pytest -m thorough`; and half an hour of training, "
            "`uv run pytest -m full_training`."
        )
