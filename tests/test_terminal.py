"""What a person sees on a terminal: whole lines, and a progress bar below them."""

import re
import shlex
import sys

import pytest

from forked_process import ForkedProcess
from idx_files import NAMES, small_mnist
from pseudo_terminal import Terminal, shows_a_bar
from short_runs import AS_SCRIPT, finish, start

COLUMNS = [80, 40]
LINES = [
    "short",
    "as wide as the terminal is: ".ljust(80, "x"),
    "longer ".ljust(99, "y"),
    "",
    "a",
    "b",
]
WARNED = "on stderr"
# Enough steps, and slow enough, for the bar to be drawn again several times on its own.
TRAINING = f"""
import argparse, sys, time
from training.loop import Training
import tensorflow.compat.v1 as tf
flags = argparse.Namespace(log_dir=None, max_steps=40, batch_size=1)
with tf.Graph().as_default(), tf.Session() as sess:
    loss = tf.constant(1.0)
    with Training(sess, loss, flags) as training:
        for step in training.steps(None):
            training.run(loss, {{}})
            time.sleep(0.01)
            if step % 20 == 10:
                for line in {LINES[:-2]!r}:
                    print(line)
                print("a\\nb")
                print({WARNED!r}, file=sys.stderr)
"""


@pytest.fixture(params=COLUMNS)
def terminal(request):
    with Terminal(request.param) as terminal:
        yield terminal


@pytest.mark.parametrize("in_a_file", [None, "stdout", "stderr"])
def test_lines_are_whole_above_a_bar_that_leaves_nothing(terminal, in_a_file, tmp_path):
    with open(str(tmp_path / "file"), "w+") as file:
        streams = {"stdout": terminal.device, "stderr": terminal.device}
        if in_a_file:
            streams[in_a_file] = file
        process = ForkedProcess(TRAINING, **streams)
        shown = terminal.watch()
        assert finish(process)[0] == 0
        file.seek(0)
        filed = file.read().splitlines()
    to_stdout, to_stderr = LINES * 2, [WARNED] * 2
    assert (shown, filed) == {
        None: ([*LINES, WARNED] * 2, []),
        "stdout": (to_stderr, to_stdout),
        "stderr": (to_stdout, to_stderr),
    }[in_a_file]
    assert (b"/40 [" in terminal.received) == (in_a_file != "stderr")


def start_on(terminal, script, *flags, **options):
    return start(script, *flags, stdout=terminal.device, stderr=terminal.device, **options)


def one_line(lines):
    return " ".join(line.strip() for line in lines)


def test_ctrl_c_leaves_whole_lines_and_a_command_that_resumes(terminal, tmp_path, monkeypatch):
    monkeypatch.delenv("UV", raising=False)  # of `uv run pytest`
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    flags = ["--max_steps=1000000", "--hidden1=20"]
    process = start_on(terminal, "fully_connected_feed", *flags, cwd=str(folder))
    shown = terminal.watch(lambda lines: "Step 100:" in str(lines) and shows_a_bar(lines[-1:]))
    assert not shows_a_bar(shown[:-1])
    terminal.press(b"\x03")
    _, _, _, *steps, saved, said, command = terminal.watch()
    assert finish(process)[0] == 130
    for step, line in zip(range(0, 10**6, 100), steps):
        assert re.fullmatch(rf"Step {step}: loss = \d\.\d\d \(\d+\.\d{{3}} sec\)", line)
    (run,) = (folder / "logs").iterdir()
    assert re.fullmatch(rf"saved as {run}/model.ckpt-\d+", saved)
    assert said == "fully_connected_feed.py: interrupted; to resume:"
    python, script, fake_data, *typed = shlex.split(command)
    assert [python, script, fake_data] == [sys.executable, "fully_connected_feed.py", "--fake_data"]
    assert typed == [*flags, f"--log_dir={run}"]
    resumed = start("fully_connected_feed", *typed, cwd=str(tmp_path))
    assert "resuming at step " in "".join(resumed.stdout.readline() for _ in range(4))


def test_ctrl_c_without_a_folder_leaves_one_line(terminal):
    process = start_on(terminal, "mnist_softmax", "--max_steps=10000000")
    terminal.watch(shows_a_bar)
    terminal.press(b"\x03")
    assert terminal.watch()[1:] == ["mnist_softmax.py: interrupted"]
    assert finish(process)[0] == 130


def test_an_error_in_the_middle_leaves_its_lines(terminal):
    process = start_on(terminal, "mnist_softmax", "--learning_rate=1e38")
    error = one_line(terminal.watch()[1:])
    assert re.fullmatch(r"mnist_softmax.py: error: the loss is .* a smaller --learning_rate", error)
    assert b"/1000 [" in terminal.received
    assert finish(process)[0] == 1


def start_download(terminal, folder, server):
    return ForkedProcess(
        AS_SCRIPT + "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from training import script\nfrom input_data import read_data_sets\n"
        f"url, folder = {server.url!r}, {str(folder)!r}\n"
        "def main(): read_data_sets(folder, validation_size=30, source_url=url)\n"
        "script.run(main)",
        stdout=terminal.device,
        stderr=terminal.device,
    )


def test_a_download_leaves_one_line(terminal, server, tmp_path):
    server.serve(small_mnist())
    process = start_download(terminal, tmp_path, server)
    assert terminal.watch() == [f"downloading into {tmp_path}: {', '.join(NAMES)}"]
    for name in NAMES:
        assert f"{name}:".encode() in terminal.received
    assert finish(process)[0] == 0


def test_ctrl_c_in_a_download_leaves_two_lines(terminal, server, tmp_path):
    server.answers[f"/{NAMES[0]}"] = [server.stall]
    process = start_download(terminal, tmp_path, server)
    terminal.watch(shows_a_bar)
    terminal.press(b"\x03")
    assert [line[:11] for line in terminal.watch()] == ["downloading", "-c: interru"]
    assert finish(process)[0] == 130


def test_an_estimators_log_and_the_printed_lines_are_whole(terminal, tmp_path):
    process = start_on(
        terminal, "mnist_layers_estimator", "--max_steps=1000000", "--model_dir=run",
        cwd=str(tmp_path),
    )  # fmt: skip
    terminal.watch(lambda lines: "INFO:tensorflow:loss = " in str(lines))
    terminal.press(b"\x03")
    lines = terminal.watch()
    assert finish(process)[0] == 130
    log = r"(INFO|WARNING):tensorflow:|[ \]},]|graph_"
    *printed, checkpoint, said, command = (line for line in lines if not re.match(log, line))
    assert printed == [
        "Fake data: the accuracy is that on drawn digits, not on MNIST.",
        f"logs and checkpoints are in {tmp_path}/run",
        f"to see the graph and the curves: uv run tensorboard --logdir={tmp_path}/run",
    ]
    assert re.fullmatch(rf"checkpoint {tmp_path}/run/model.ckpt-\d+", checkpoint)
    assert said == "mnist_layers_estimator.py: interrupted; to resume:"
    assert command.endswith("--fake_data --max_steps=1000000 --model_dir=run")
