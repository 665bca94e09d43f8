import os
import re
import signal
import subprocess
import sys
import time

import pytest
import tensorflow.compat.v1 as tf

from short_runs import ROOT, STARTED, finish, start, wait_for_step, wait_until

LOG_FLAGS = {
    "mnist_deep": "--log_dir",
    "fully_connected_feed": "--log_dir",
    "mnist_layers_estimator": "--model_dir",
}
SIGNALS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]


@pytest.mark.parametrize("script", LOG_FLAGS)
@pytest.mark.parametrize("sent, code, said", SIGNALS)
def test_a_training_that_is_told_to_end_is_saved_and_says_how_to_resume(
    script, sent, code, said, tmp_path
):
    flags = ["--max_steps=1000000", "--batch_size=5", f"{LOG_FLAGS[script]}={tmp_path}"]
    process = start(script, *flags)
    wait_for_step(tmp_path, 5, process)
    process.send_signal(sent)
    found, out, err = finish(process)
    own = [line for line in err.splitlines() if not line.startswith(("INFO", " ", "graph_", "}"))]
    assert found == code
    assert own[-2] == f"{script}.py: {said}; to resume:"
    assert own[-1].endswith(" ".join(["", f"{script}.py", "--fake_data", *flags]))
    assert "Traceback" not in err
    step = int(re.findall(rf"{tmp_path}/model\.ckpt-(\d+)", out)[-1])
    assert tf.train.load_variable(f"{tmp_path}/model.ckpt-{step}", "global_step") == step


@pytest.mark.parametrize("sent, code, said", SIGNALS)
def test_softmax_regression_ends_with_one_line(sent, code, said):
    process = start("mnist_softmax", "--max_steps=10000000")
    assert "Fake data" in process.stdout.readline()
    process.send_signal(sent)
    found, _, err = finish(process)
    assert (found, err) == (code, f"mnist_softmax.py: {said}\n")


SHORT_RUNS = {
    "mnist_softmax": ["--max_steps=50"],
    "mnist_deep": ["--max_steps=3", "--batch_size=5"],
    "fully_connected_feed": ["--max_steps=50"],
    "mnist_layers_estimator": ["--max_steps=3", "--batch_size=5"],
}
MOMENTS = int(os.environ.get("MOMENTS", "20"))


def start_and_wait_for_its_handlers(script, folder):
    """Starts a script as a shell does, and waits until it has taken over the signals."""
    process = subprocess.Popen(
        [sys.executable, os.path.join(ROOT, f"{script}.py"), "--fake_data", *SHORT_RUNS[script]],
        cwd=str(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        # What is started in the background ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    STARTED.append(process)
    wait_until(lambda: signal.SIGTERM in caught_signals(process.pid), process)
    return process


def caught_signals(pid):
    with open(f"/proc/{pid}/status") as status:
        mask = int(re.search(r"SigCgt:\s*([0-9a-f]+)", status.read()).group(1), 16)
    return {number for number in signal.Signals if mask >> (number - 1) & 1}


@pytest.mark.parametrize("script", SHORT_RUNS)
def test_an_interrupt_at_any_moment_from_the_imports_to_the_end_is_one_message(script, tmp_path):
    whole = start_and_wait_for_its_handlers(script, tmp_path)
    begin = time.monotonic()
    assert finish(whole)[0] == 0
    duration = time.monotonic() - begin
    wrong, ended = [], 0
    for moment in range(MOMENTS):
        sent, code, said = SIGNALS[moment % 2]
        process = start_and_wait_for_its_handlers(script, tmp_path)
        time.sleep(duration * moment / MOMENTS)
        process.send_signal(sent)
        found, _, err = finish(process)
        own = [line for line in err.splitlines() if not re.match(r"INFO|[ \]},]|graph_", line)]
        if own and own[0].endswith("; to resume:") and "--log_dir=" in own[1]:
            own = [own[0].partition(";")[0], *own[2:]]
        # At the end Python gives the signals back to the system, which ends it without a line.
        ends = [(code, [f"{script}.py: {said}"]), (0, []), (-sent, [])]
        ended += (found, own) == ends[0]
        if (found, own) not in ends:
            wrong.append((moment, found, own))
    assert not wrong
    assert ended
