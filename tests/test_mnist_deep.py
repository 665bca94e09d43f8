import functools
import re
import signal

import numpy
import pytest
import tensorflow.compat.v1 as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mnist_deep
from short_runs import start, wait_for_step
from training.loop import Training


@pytest.fixture
def run(run_shortly):
    return functools.partial(run_shortly, mnist_deep)


@pytest.fixture(scope="module")
def network():
    """The network with its initial values, and a session to run it in."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        tf.set_random_seed(0)
        x = tf.placeholder(tf.float32, [None, 784])
        y_conv, keep_prob = mnist_deep.deepnn(x)
        sess.run(tf.global_variables_initializer())
        variables = {variable.op.name: variable for variable in graph.get_collection("variables")}
        yield sess, x, y_conv, keep_prob, variables


def convolve_and_pool(x, W, b):
    """What a convolution layer of the tutorial does, in numpy, one 5x5 place after another."""
    rows, columns = x.shape[1:3]
    padded = numpy.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)], "constant")
    h = sum(padded[:, i : i + rows, j : j + columns] @ W[i, j] for i in range(5) for j in range(5))
    h = numpy.maximum(h + b, 0)
    return h.reshape(len(x), rows // 2, 2, columns // 2, 2, -1).max(axis=(2, 4))


def test_the_network_is_that_of_numpy(network):
    sess, x, y_conv, _, variables = network
    images = numpy.random.RandomState(0).rand(3, 784)
    value = {name.split("/")[-1]: sess.run(variable) for name, variable in variables.items()}
    h = convolve_and_pool(images.reshape(-1, 28, 28, 1), value["W_conv1"], value["b_conv1"])
    h = convolve_and_pool(h, value["W_conv2"], value["b_conv2"])
    h = numpy.maximum(h.reshape(3, -1) @ value["W_fc1"] + value["b_fc1"], 0)
    expected = h @ value["W_fc2"] + value["b_fc2"]
    numpy.testing.assert_allclose(sess.run(y_conv, {x: images}), expected, rtol=1e-3, atol=1e-3)


def test_the_network_has_3274634_parameters(network):
    sess, _, y_conv, _, variables = network
    sizes = {name: variable.shape.as_list() for name, variable in variables.items()}
    assert sizes["conv1/W_conv1"] == [5, 5, 1, 32]
    assert sizes["conv2/W_conv2"] == [5, 5, 32, 64]
    assert sizes["fc1/W_fc1"] == [7 * 7 * 64, 1024]
    assert sizes["fc2/W_fc2"] == [1024, 10]
    assert sum(numpy.prod(size) for size in sizes.values()) == 3274634
    assert y_conv.shape.as_list() == [None, 10]


def test_weights_start_small_and_random_and_biases_slightly_positive(network):
    sess, _, _, _, variables = network
    W_fc1 = sess.run(variables["fc1/W_fc1"])
    # A normal distribution of deviation 0.1, cut off at two deviations.
    assert abs(W_fc1).max() <= 0.2
    assert W_fc1.std() == pytest.approx(0.088, abs=0.001)
    assert (sess.run(variables["fc1/b_fc1"]) == numpy.float32(0.1)).all()


def test_forgetting_keep_prob_means_that_nothing_is_dropped(network):
    sess, x, y_conv, keep_prob, _ = network
    images = numpy.random.RandomState(0).rand(3, 784)
    expected = sess.run(y_conv, {x: images, keep_prob: 1.0})
    numpy.testing.assert_array_equal(sess.run(y_conv, {x: images}), expected)
    dropped = sess.run(y_conv, {x: images, keep_prob: 0.5})
    assert abs(dropped - expected).max() > 0.01


def test_a_run_on_fake_data_learns_and_prints_what_the_tutorial_prints(run, tmp_path):
    log_dir = tmp_path / "my logs"
    lines = run("--max_steps=60", "--seed=0", f"--log_dir={log_dir}").splitlines()
    assert "Fake data" in lines[0]
    assert str(log_dir) in lines[1]
    assert lines[2].endswith(f"uv run tensorboard --logdir='{log_dir}'")
    assert re.match(r"^step 0, training accuracy [0-9.]+$", lines[3])
    assert lines[4] == f"checkpoint {log_dir}/model.ckpt-60"
    assert re.match(r"^test accuracy [0-9.]+$", lines[5])
    assert float(lines[5].split()[-1]) > 0.5
    events = EventAccumulator(str(log_dir))
    events.Reload()
    losses = [event.value for event in events.Scalars("cross_entropy")]
    assert len(losses) == 6
    assert losses[-1] < losses[0] / 2
    assert [event.step for event in events.Scalars("training_accuracy")] == [0]
    assert "conv1/W_conv1" in {node.name for node in events.Graph().node}


def fed_only(training, fetches, feed_dict):
    """Stands for Training.run where the steps need not train."""
    training._feed_dict = feed_dict


def test_half_of_the_features_are_dropped_in_every_training_step(run, monkeypatch):
    fed = []

    def recorded_run(training, fetches, feed_dict):
        fed_only(training, fetches, feed_dict)
        fed.extend(value for value in feed_dict.values() if isinstance(value, float))

    monkeypatch.setattr(Training, "run", recorded_run)
    monkeypatch.setattr(Training, "_save", lambda training: None)
    run("--max_steps=3", "--batch_size=2")
    assert fed == [0.5, 0.5, 0.5]


def test_the_same_folder_is_resumed_and_a_finished_run_evaluated_again(run, tmp_path):
    flags = ["--seed=0", f"--log_dir={tmp_path}", "--batch_size=10"]
    run("--max_steps=4", *flags)
    resumed = run("--max_steps=6", *flags)
    assert f"resuming at step 4 from {tmp_path}/model.ckpt-4" in resumed
    assert "step 0," not in resumed
    again = run("--max_steps=6", *flags)
    assert f"resuming at step 6 from {tmp_path}/model.ckpt-6" in again
    assert again.splitlines()[-1] == resumed.splitlines()[-1]


def test_without_a_log_dir_each_run_has_a_new_folder(run, tmp_path):
    for _ in range(2):
        run("--max_steps=1", "--batch_size=1")
    assert len(list((tmp_path / "logs").iterdir())) == 2


def test_the_session_is_interactive_as_on_the_page_and_closed_at_the_end(run, monkeypatch):
    class RecordedSession(tf.InteractiveSession):
        def __init__(self):
            super().__init__()
            sessions.append(self)

    sessions, before = [], tf.get_default_session()
    monkeypatch.setattr(tf, "InteractiveSession", RecordedSession)
    run("--max_steps=1", "--batch_size=1")
    (session,) = sessions
    assert tf.get_default_session() is before
    with pytest.raises(RuntimeError, match="closed"):
        session.run(tf.constant(0))


def test_the_same_seed_trains_the_same(run):
    def weights():
        prefix = re.search("checkpoint (.*)", run("--max_steps=5", "--seed=3")).group(1)
        return tf.train.load_variable(prefix, "fc2/W_fc2")

    numpy.testing.assert_array_equal(weights(), weights())


def test_a_killed_run_goes_on_where_it_was_saved(tmp_path):
    flags = [f"--log_dir={tmp_path}", "--batch_size=20"]
    killed = start("mnist_deep", "--max_steps=100000", *flags)
    wait_for_step(tmp_path, 10, killed)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    saved = int(tf.train.latest_checkpoint(str(tmp_path)).split("-")[-1])
    resumed = start("mnist_deep", f"--max_steps={saved + 3}", *flags)
    out, err = resumed.communicate()
    assert (resumed.returncode, err) == (0, "")
    assert f"resuming at step {saved} from" in out
    assert f"checkpoint {tmp_path}/model.ckpt-{saved + 3}" in out


def test_an_interrupted_run_is_saved_and_ends_in_a_command_that_resumes(tmp_path):
    process = start("mnist_deep", "--max_steps=100000", f"--log_dir={tmp_path}", "--batch_size=20")
    wait_for_step(tmp_path, 5, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    said, command = err.splitlines()
    assert (process.returncode, said) == (130, "mnist_deep.py: interrupted; to resume:")
    assert command.endswith(f" --fake_data --max_steps=100000 --log_dir={tmp_path} --batch_size=20")
    prefix = re.search("saved as (.*)", out).group(1)
    assert tf.train.load_variable(prefix, "global_step") == int(prefix.split("-")[-1])


def test_a_training_that_diverges_names_the_last_good_checkpoint(tmp_path):
    start("mnist_deep", "--max_steps=5", f"--log_dir={tmp_path}", "--batch_size=20").communicate()
    process = start(
        "mnist_deep",
        "--max_steps=50",
        f"--log_dir={tmp_path}",
        "--batch_size=20",
        "--learning_rate=1e30",
    )
    out, err = process.communicate()
    assert process.returncode == 1
    assert err.count("\n") == 1
    assert f"The last good checkpoint is {tmp_path}/model.ckpt-5" in err


def test_a_checkpoint_of_another_model_ends_in_one_line(tmp_path):
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Variable(0, name="other")
        sess.run(tf.global_variables_initializer())
        tf.train.Saver().save(sess, str(tmp_path / "model.ckpt"), global_step=3)
    process = start("mnist_deep", "--max_steps=5", f"--log_dir={tmp_path}")
    out, err = process.communicate()
    assert process.returncode == 1
    assert err.count("\n") == 1
    assert str(tmp_path / "model.ckpt-3") in err


def test_a_short_run_on_the_real_files_learns(mnist_dir, tmp_path, capsys):
    flags = [f"--data_dir={mnist_dir}", f"--log_dir={tmp_path}", "--seed=0", "--max_steps=150"]
    mnist_deep.main(flags)
    last = capsys.readouterr().out.splitlines()[-1]
    # 20,000 steps take 20 minutes and reach 0.992; 150 are enough to see that it gets there.
    assert 0.8 < float(last.split()[-1]) < 1


def test_the_training_accuracy_is_printed_every_hundred_steps_from_step_0(run, monkeypatch):
    monkeypatch.setattr(Training, "run", fed_only)
    monkeypatch.setattr(Training, "_save", lambda training: None)
    out = run("--max_steps=201", "--batch_size=1")
    shown = re.findall(r"^step (\d+), training accuracy [01]$", out, re.MULTILINE)
    assert shown == ["0", "100", "200"]


def test_the_accuracy_on_the_validation_set_is_a_curve(run, monkeypatch, tmp_path):
    monkeypatch.setattr(Training, "run", fed_only)
    monkeypatch.setattr(Training, "_save", lambda training: None)
    out = run("--max_steps=1001", "--batch_size=1", f"--log_dir={tmp_path}")
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    points = events.Scalars("validation_accuracy")
    assert [point.step for point in points] == [0, 1000]
    # Nothing was trained: the same weights on the same 500 images.
    assert points[0].value == points[1].value
    right = 500 * points[0].value
    assert right == pytest.approx(round(right), abs=1e-3)
    assert "validation" not in out


def test_what_dropout_keeps_is_scaled_up_by_what_it_drops(network):
    sess, x, _, keep_prob, _ = network
    images = numpy.random.RandomState(0).rand(20, 784)
    dropped = sess.graph.get_operation_by_name("fc2/MatMul").inputs[0]
    h_fc1, h_fc1_drop = sess.run(["fc1/Relu:0", dropped], {x: images, keep_prob: 0.8})
    kept = h_fc1_drop > 0
    assert kept[h_fc1 > 0].mean() == pytest.approx(0.8, abs=0.02)
    numpy.testing.assert_allclose(h_fc1_drop[kept], h_fc1[kept] / 0.8, rtol=1e-5)
