import functools
import os
import re
import signal
import subprocess
import sys

import numpy
import pytest
import tensorflow.compat.v1 as tf

import mnist_deep
import mnist_layers_estimator
from input_data import DataSet, Datasets
from short_runs import finish, start, wait_for_step
from training.checkpoints import CheckpointError
from training.gradients import CONV2D_GRADIENT
from training.process import UserError

SCRIPT = "mnist_layers_estimator"
SMALL = "--batch_size=5"
# Where the deep network of mnist_deep.py keeps the same weights.
NAMES = {
    "conv2d/kernel": "conv1/W_conv1",
    "conv2d/bias": "conv1/b_conv1",
    "conv2d_1/kernel": "conv2/W_conv2",
    "conv2d_1/bias": "conv2/b_conv2",
    "dense/kernel": "fc1/W_fc1",
    "dense/bias": "fc1/b_fc1",
    "dense_1/kernel": "fc2/W_fc2",
    "dense_1/bias": "fc2/b_fc2",
}


@pytest.fixture
def run(run_shortly, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.setattr("training.loop.STEPS_PER_CHECKPOINT", 5)
    monkeypatch.setattr("training.script._silence_tensorflow", lambda show_log: None)
    return functools.partial(run_shortly, mnist_layers_estimator)


@pytest.fixture
def graph():
    with tf.Graph().as_default() as graph:
        tf.train.create_global_step()
        yield graph


def build(mode, images):
    labels = tf.zeros([len(images)], tf.int32)
    return mnist_layers_estimator.cnn_model_fn({"x": tf.constant(images)}, labels, mode)


def digits(count):
    return numpy.random.RandomState(0).rand(count, 784).astype(numpy.float32)


def trainable():
    return {variable.op.name: variable for variable in tf.trainable_variables()}


def test_a_forward_pass_is_that_of_the_deep_network_with_the_same_weights(graph):
    images, random_state = digits(3), numpy.random.RandomState(1)
    spec = build("infer", images)
    theirs = trainable()
    y_conv, _ = mnist_deep.deepnn(tf.constant(images))
    with tf.Session() as sess:
        for name, their_name in NAMES.items():
            weights = random_state.normal(scale=0.1, size=theirs[name].shape.as_list())
            for variable in (theirs[name], trainable()[their_name]):
                variable.load(weights, sess)
        found = sess.run(spec.predictions)
        logits = sess.run(y_conv)
    exponentials = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    assert expected.max() > 0.2
    numpy.testing.assert_allclose(found["probabilities"], expected, rtol=1e-4)
    numpy.testing.assert_array_equal(found["classes"], logits.argmax(axis=1))


def test_the_network_has_3274634_parameters_under_the_names_of_tf_layers(graph):
    build("train", digits(2))
    sizes = {name: variable.shape.num_elements() for name, variable in trainable().items()}
    assert sizes.keys() == NAMES.keys()
    assert sum(sizes.values()) == 3274634


def test_predictions_have_the_names_of_the_tutorial(graph):
    spec = build("infer", digits(2))
    assert spec.predictions["classes"].op.name == "predicted_classes"
    assert spec.predictions["probabilities"].op.name == "softmax_tensor"


@pytest.mark.parametrize("mode, dropped", [("train", 0.4), ("eval", 0), ("infer", 0)])
def test_two_fifths_are_dropped_in_training_only(graph, mode, dropped):
    build(mode, digits(20))
    layer = graph.get_operation_by_name("dense_1/MatMul").inputs[0]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        kept, features = sess.run([layer, "dense/Relu:0"])
    alive = features > 0
    assert (kept[alive] == 0).mean() == pytest.approx(dropped, abs=0.02)
    numpy.testing.assert_allclose(kept[kept > 0], features[kept > 0] / (1 - dropped), rtol=1e-5)


def test_a_training_step_follows_the_gradient_that_the_deep_script_computes(graph):
    build("train", digits(2))
    convolution = graph.get_operation_by_name("conv2d_1/Conv2D")
    assert convolution.get_attr("_gradient_op_type") == CONV2D_GRADIENT.encode()


@pytest.mark.parametrize("params, rate", [(None, 0.001), ({"learning_rate": 0.25}, 0.25)])
def test_the_learning_rate_is_that_of_the_tutorial_unless_told(graph, params, rate):
    labels = tf.constant([3, 4])
    features = {"x": tf.constant(digits(2))}
    spec = mnist_layers_estimator.cnn_model_fn(features, labels, "train", params)
    bias = trainable()["dense_1/bias"]
    gradient = tf.gradients(spec.loss, bias)[0]
    with tf.Session() as sess:
        tf.set_random_seed(0)
        sess.run(tf.global_variables_initializer())
        before = sess.run(bias)
        expected, _ = sess.run([before - rate * gradient, spec.train_op])
        numpy.testing.assert_allclose(sess.run(bias), expected, rtol=1e-5, atol=1e-8)


def test_twenty_steps_show_the_log_of_the_tutorial(tmp_path):
    code, out, err = finish(start(SCRIPT, "--max_steps=20", f"--model_dir={tmp_path}"))
    assert code == 0
    assert f"checkpoint {tmp_path}/model.ckpt-20\n" in out
    assert re.search(r"^accuracy = 0\.\d+, global_step = 20, loss = \d\.\d+$", out, re.MULTILINE)
    for line in (
        r"Create CheckpointSaverHook\.",
        rf"Saving checkpoints for 0 into {tmp_path}/model\.ckpt\.",
        r"loss = 2\.\d+, step = [01]",  # TensorFlow 2 counts from 0
        r"Loss for final step: 2\.\d+\.",
        r"Starting evaluation at \d{4}-\d\d-\d\dT",
        rf"Restoring parameters from {tmp_path}/model\.ckpt-20",
        r"Evaluation \[1/5\]",
    ):
        assert re.search(rf"^INFO:tensorflow:{line}", err, re.MULTILINE), line
    classes = re.findall(r"^INFO:tensorflow:predicted_classes = \[([0-9\s]*)\]", err, re.MULTILINE)
    assert [len(logged.split()) for logged in classes] == [100, 100]
    assert "WARNING" not in err


def test_the_log_can_be_left_out(tmp_path):
    flags = ["--quiet", "--max_steps=2", SMALL, f"--model_dir={tmp_path}"]
    code, out, err = finish(start(SCRIPT, *flags))
    assert (code, err) == (0, "")
    assert re.fullmatch(r"evaluation on the 500 test images:", out.splitlines()[-2])
    assert re.match(r"accuracy = ", out.splitlines()[-1])


def test_all_of_the_test_set_is_evaluated_once_in_order(run):
    # 500 fake examples in batches of 100, as the accuracy, a multiple of 1/500, tells too.
    served = []
    original = tf.estimator.Estimator.evaluate

    def evaluate(self, input_fn, steps, hooks):
        with tf.Graph().as_default():
            features, labels = input_fn()
            with tf.train.MonitoredSession() as sess:
                while not sess.should_stop():
                    served.append(sess.run([features["x"], labels]))
        return original(self, input_fn=input_fn, steps=steps, hooks=hooks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.estimator.Estimator, "evaluate", evaluate)
        run("--max_steps=1", SMALL, "--seed=0")
    mnist = mnist_layers_estimator.input_data.read_data_sets("", fake_data=True, seed=0)
    images, labels = (numpy.concatenate(arrays) for arrays in zip(*served))
    numpy.testing.assert_array_equal(images, mnist.test.images)
    numpy.testing.assert_array_equal(labels, mnist.test.labels)


def test_a_folder_is_resumed_and_a_finished_training_said_to_be_one(run, tmp_path):
    flags = [f"--model_dir={tmp_path}", SMALL]
    run("--max_steps=7", *flags)
    out = run("--max_steps=9", *flags)
    assert f"resuming at step 7 from {tmp_path}/model.ckpt-7" in out
    assert f"checkpoint {tmp_path}/model.ckpt-9" in out
    again = run("--max_steps=9", *flags)
    assert "resuming at step 9" in again
    assert "nothing left to train: --max_steps is 9" in again
    assert again.splitlines()[-1] == out.splitlines()[-1]


def test_a_damaged_checkpoint_is_left_out(run, tmp_path):
    flags = [f"--model_dir={tmp_path}", SMALL]
    run("--max_steps=7", *flags)
    (tmp_path / "model.ckpt-7.data-00000-of-00001").write_bytes(b"short")
    out = run("--max_steps=8", *flags)
    assert f"{tmp_path}/model.ckpt-7 cannot be read" in out
    assert "resuming at step 5" in out
    assert tf.train.latest_checkpoint(str(tmp_path)) == f"{tmp_path}/model.ckpt-8"


@pytest.mark.filterwarnings("ignore:distutils Version:DeprecationWarning")  # of TensorFlow 1.15
def test_below_a_folder_that_tensorflow_takes_for_a_pattern_a_training_is_evaluated_and_exported(
    run, tmp_path, monkeypatch
):
    (tmp_path / "[course]").mkdir()
    monkeypatch.chdir(tmp_path / "[course]")
    out = run("--max_steps=3", SMALL)
    assert "global_step = 3" in out.splitlines()[-1]
    model_dir = os.path.abspath(re.search("checkpoints are in (.*)", out).group(1))
    out = run("--max_steps=4", SMALL, f"--model_dir={model_dir}", "--export_dir=exported")
    assert "resuming at step 3" in out
    assert "global_step = 4" in out
    exported = re.search("^exported to (.*)$", out, re.MULTILINE).group(1)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.saved_model.load(sess, ["serve"], exported)


def test_a_folder_to_export_to_that_tensorflow_could_not_load_from_is_refused_first(run, tmp_path):
    with pytest.raises(UserError, match=r"e\[2\]: .* misreads a path with \[ in it"):
        run("--export_dir=e[2]")
    assert not (tmp_path / "logs").exists()


def assert_fails(process, *parts):
    code, _, err = finish(process)
    lines = [line for line in err.splitlines() if not line.startswith("INFO:tensorflow:")]
    assert code == 1
    assert lines[-1].startswith(f"{SCRIPT}.py: error: ")
    assert "Traceback" not in err
    for part in parts:
        assert part in lines[-1]


def test_a_model_that_does_not_fit_is_refused(tmp_path):
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.Variable(tf.zeros([5, 5, 1, 16]), name="conv2d/kernel")
        tf.Variable(0, name="global_step", dtype=tf.int64)
        sess.run(tf.global_variables_initializer())
        tf.train.Saver().save(sess, str(tmp_path / "model.ckpt"), global_step=3)
    assert_fails(
        start(SCRIPT, "--max_steps=20", f"--model_dir={tmp_path}"),
        f"{tmp_path}/model.ckpt-3: holds conv2d/kernel with shape [5, 5, 1, 16]",
        "another folder",
    )


def test_a_loss_that_is_not_a_number_ends_in_one_line(tmp_path):
    flags = [f"--model_dir={tmp_path}", SMALL, "--learning_rate=1e38"]
    assert_fails(start(SCRIPT, *flags), "training diverged", f"{tmp_path}/model.ckpt-")


@pytest.mark.parametrize("sent, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_training_that_is_told_to_end_is_saved(tmp_path, sent, code):
    process = start(SCRIPT, f"--model_dir={tmp_path}", SMALL, stderr=subprocess.DEVNULL)
    wait_for_step(tmp_path, 5, process)
    process.send_signal(sent)
    found, out, _ = finish(process)
    assert found == code
    prefix = re.search("^checkpoint (.*)$", out, re.MULTILINE).group(1)
    step = tf.train.load_variable(prefix, "global_step")
    assert prefix == f"{tmp_path}/model.ckpt-{step}"
    assert "accuracy" not in out.split("checkpoint", 1)[1]


def test_log_dir_is_another_name_for_model_dir():
    for flag in ("--model_dir", "--log_dir"):
        assert mnist_layers_estimator.main.parse_flags([flag, "here"]).log_dir == "here"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a network that has learned fake digits, and what the run printed."""
    folder = tmp_path_factory.mktemp("trained")
    flags = ["--max_steps=150", "--batch_size=20", "--learning_rate=0.1", "--seed=0"]
    process = start(SCRIPT, f"--model_dir={folder}/model", f"--export_dir={folder}/export", *flags)
    code, out, err = finish(process)
    assert code == 0, err
    return folder, out


def test_an_exported_network_is_served_by_saved_model_cli(trained, tmp_path):
    folder, out = trained
    exported = re.search("^exported to (.*)$", out, re.MULTILINE).group(1)
    assert os.path.dirname(exported) == f"{folder}/export"
    images = digits(3)
    numpy.save(str(tmp_path / "digits.npy"), images)
    subprocess.run(
        [
            os.path.join(os.path.dirname(sys.executable), "saved_model_cli"), "run",
            "--dir", exported, "--tag_set", "serve", "--signature_def", "serving_default",
            "--inputs", f"x={tmp_path}/digits.npy", "--outdir", str(tmp_path),
        ],
        check=True,
    )  # fmt: skip
    served = numpy.load(str(tmp_path / "probabilities.npy"))
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.train.create_global_step()
        spec = build("infer", images)
        tf.train.Saver().restore(sess, tf.train.latest_checkpoint(f"{folder}/model"))
        numpy.testing.assert_allclose(served, sess.run(spec.predictions["probabilities"]), 1e-4)


def test_an_exported_network_has_no_attribute_that_tensorflow_1_does_not_know(trained):
    (graph,) = (trained[0] / "export").glob("*/saved_model.pb")
    assert b"debug_name" not in graph.read_bytes()


@pytest.mark.parametrize(
    "mode, given",
    [
        ("train", {"loss", "train_op"}),
        ("eval", {"loss", "eval_metric_ops"}),
        ("infer", {"predictions"}),
    ],
)
def test_each_mode_is_given_what_the_tutorial_gives_it(graph, mode, given):
    spec = build(mode, digits(2))
    parts = ("loss", "train_op", "eval_metric_ops", "predictions")
    assert {name for name in parts if getattr(spec, name) not in (None, {})} == given


def test_the_loss_is_the_mean_cross_entropy_of_the_probabilities(graph):
    labels = [1, 9, 0, 4, 9]
    features = {"x": tf.constant(digits(5))}
    spec = mnist_layers_estimator.cnn_model_fn(features, tf.constant(labels, tf.uint8), "eval")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        loss, probabilities = sess.run([spec.loss, "softmax_tensor:0"])
    assert loss.shape == ()
    assert loss == pytest.approx(-numpy.log(probabilities[range(5), labels]).mean(), rel=1e-5)


def test_training_goes_on_without_end_in_batches_of_a_new_order(run, monkeypatch):
    numbers = numpy.arange(30)
    images = numpy.repeat(numbers[:, numpy.newaxis] / 255, 784, axis=1).astype(numpy.float32)
    data_set = DataSet(images * 255, numbers % 10, reshape=False)
    monkeypatch.setattr(
        mnist_layers_estimator.input_data,
        "read_data_sets",
        lambda *_, **__: Datasets(*[data_set] * 3),
    )
    given = {}
    monkeypatch.setattr(tf.estimator.Estimator, "train", lambda self, **how: given.update(how))
    with pytest.raises(CheckpointError):  # because nothing was trained
        run("--batch_size=8")
    with tf.Graph().as_default():
        features, labels = given["input_fn"]()
        with tf.train.MonitoredSession() as sess:
            batches = [sess.run([features["x"], labels]) for _ in range(120)]
    assert {images.shape for images, _ in batches} == {(8, 784)}
    served = numpy.concatenate([images[:, 0] for images, _ in batches])
    served = numpy.round(served * 255).astype(int)
    numpy.testing.assert_array_equal(
        served % 10, numpy.concatenate([labels for _, labels in batches])
    )
    assert set(served) == set(range(30))
    assert len({tuple(served[start : start + 30]) for start in range(0, 960, 30)}) == 32


def test_the_classes_are_logged_at_the_first_step_and_after_every_fifty(tmp_path):
    code, _, err = finish(start(SCRIPT, "--max_steps=60", SMALL, f"--model_dir={tmp_path}"))
    assert code == 0
    trained, _, _ = err.partition("Starting evaluation")
    assert trained.count("predicted_classes = ") == 2  # at the steps 0 and 50
