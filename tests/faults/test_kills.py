import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest
import tensorflow.compat.v1 as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from idx_files import small_mnist
from local_server import LocalServer, dribble
from short_runs import ROOT, wait_for

KILLS = 20
STEPS_AFTER_KILLS = 10
FILES = small_mnist()


def kill_repeatedly(folder, script, *flags, **environment):
    process = subprocess.Popen(
        [
            sys.executable, "-u", os.path.join(ROOT, "tests", "faults", "kill_repeatedly.py"),
            str(folder), script, "--fake_data", "--batch_size=5", *flags,
        ],
        env={**os.environ, "PYTHONPATH": ROOT, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, err
    assert out.count("killed\n") == KILLS
    return out


def steps_resumed(output):
    return [int(step) for step in re.findall(r"resuming at step (\d+) from", output)]


def left_overs(folder):
    """What is neither a whole checkpoint nor an event file nor the name of the last checkpoint."""
    names = set(os.listdir(str(folder)))
    checkpoint = r"model\.ckpt-\d+\.(index|meta|data-00000-of-00001)"
    whole = rf"{checkpoint}|checkpoint|graph\.pbtxt|eval|events\.out\.tfevents\..*"
    return {name for name in names if not re.fullmatch(whole, name)}


@pytest.mark.parametrize(
    "script, flag",
    [("fully_connected_feed", "--log_dir"), ("mnist_layers_estimator", "--model_dir")],
)
def test_a_training_that_is_killed_while_it_saves_always_resumes(script, flag, tmp_path):
    out = kill_repeatedly(tmp_path, script, f"{flag}={tmp_path}")
    resumed = steps_resumed(out)
    assert len(resumed) > KILLS // 2
    assert resumed == sorted(resumed)
    assert resumed[-1] > KILLS // 2
    assert "cannot be read" not in out
    assert left_overs(tmp_path) == set()
    last = tf.train.latest_checkpoint(str(tmp_path))
    assert tf.train.load_variable(last, "global_step") == resumed[-1] + STEPS_AFTER_KILLS


def test_a_training_that_is_killed_while_it_writes_events_keeps_its_curve(tmp_path):
    flag = f"--log_dir={tmp_path}"
    out = kill_repeatedly(tmp_path, "mnist_softmax", flag, STEPS_PER_CHECKPOINT="50")
    events = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    events.Reload()
    steps = [event.step for event in events.Scalars("cross_entropy")]
    # Of a killed run, what it wrote since its last flush is lost; nothing is there twice.
    assert steps == sorted(set(steps))
    assert steps[-1] == steps_resumed(out)[-1] + STEPS_AFTER_KILLS - 1


def start_reader(folder, source_url):
    code = (
        "from input_data import read_data_sets\n"
        f"print(read_data_sets({str(folder)!r}, validation_size=30,"
        f" source_url={source_url!r}).train.num_examples)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_download_that_is_killed_is_begun_again_and_leaves_nothing_behind(tmp_path):
    random_state = random.Random(0)
    with LocalServer() as server:
        source_url = server.serve(FILES)
        for name, content in FILES.items():
            server.answers[f"/{name}"] = [dribble(content, seconds=0.15)]
        for attempt in range(KILLS):
            folder = tmp_path / str(attempt)
            reader = start_reader(folder, source_url)
            wait_for(folder, reader)
            time.sleep(random_state.uniform(0, 0.7))
            reader.send_signal(signal.SIGKILL)
            reader.communicate()
            for path in folder.iterdir():
                assert path.name.startswith(".download-") or path.read_bytes() == FILES[path.name]
            out, err = start_reader(folder, source_url).communicate()
            assert out.splitlines()[-1] == b"220", err  # perhaps after what it downloads
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES


def test_eight_readers_at_once_fetch_each_file_once(tmp_path):
    with LocalServer() as server:
        source_url = server.serve(FILES)
        for name, content in FILES.items():
            server.answers[f"/{name}"] = [dribble(content, seconds=0.1)]
        readers = [start_reader(tmp_path / "data", source_url) for _ in range(8)]
        for reader in readers:
            out, err = reader.communicate()
            assert out.splitlines()[-1] == b"220", err  # perhaps after what it downloads
        assert sorted(server.requests) == sorted(f"/{name}" for name in FILES)
    assert {path.name: path.read_bytes() for path in (tmp_path / "data").iterdir()} == FILES
