import re
import signal

import pytest
import tensorflow as tf

from short_runs import finish, start, wait_for_step

LOG_FLAGS = {
    "mnist_deep": "--log_dir",
    "fully_connected_feed": "--log_dir",
    "mnist_layers_estimator": "--model_dir",
}
SIGNALS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]


@pytest.mark.parametrize("script", LOG_FLAGS)
@pytest.mark.parametrize("sent, code, said", SIGNALS)
def test_a_training_that_is_told_to_end_is_saved_and_says_one_line(
    script, sent, code, said, tmp_path
):
    flags = ["--max_steps=1000000", "--batch_size=5", f"{LOG_FLAGS[script]}={tmp_path}"]
    process = start(script, *flags)
    wait_for_step(tmp_path, 5, process)
    process.send_signal(sent)
    found, out, err = finish(process)
    own = [line for line in err.splitlines() if not line.startswith(("INFO", " ", "graph_", "}"))]
    assert found == code
    assert own[-1] == f"{script}.py: {said}"
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
