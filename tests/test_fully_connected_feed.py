import functools
import re
import signal
import subprocess
import sys

import numpy
import pytest
import tensorflow.compat.v1 as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import fully_connected_feed
from input_data import DataSet
from mnist import mnist
from short_runs import ROOT, finish, start, start_unprivileged, wait_for_step

EVAL_LINE = r"Num examples: (\d+)  Num correct: (\d+)  Precision @ 1: (\d\.\d{4})"
SCRIPT = "fully_connected_feed"


@pytest.fixture
def run(run_shortly):
    return functools.partial(run_shortly, fully_connected_feed)


def weights_after(output):
    """The last checkpoint that an output names, as numpy arrays."""
    reader = tf.train.load_checkpoint(re.findall(r"^checkpoint (.*)$", output, re.MULTILINE)[-1])
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def test_a_run_on_fake_data_learns_and_prints_what_the_tutorial_prints(run, tmp_path):
    out = run("--max_steps=150", "--learning_rate=0.2", "--seed=0", f"--log_dir={tmp_path}/my logs")
    lines = out.splitlines()
    assert "Fake data" in lines[0]
    assert lines[1].endswith(f"{tmp_path}/my logs")
    assert lines[2].endswith(f"uv run tensorboard --logdir='{tmp_path}/my logs'")
    assert re.match(r"^Step 0: loss = 2\.\d\d \(\d\.\d{3} sec\)$", lines[3])
    assert re.match(r"^Step 100: loss = \d\.\d\d \(\d\.\d{3} sec\)$", lines[4])
    assert lines[5] == f"checkpoint {tmp_path}/my logs/model.ckpt-150"
    assert lines[6::2] == ["Training Data Eval:", "Validation Data Eval:", "Test Data Eval:"]
    evals = [re.fullmatch(EVAL_LINE, line).groups() for line in lines[7::2]]
    assert all(float(precision) == int(right) / 500 for _, right, precision in evals)
    assert float(evals[2][2]) > 0.5


def test_the_events_hold_the_loss_and_the_graph(run, tmp_path):
    run("--max_steps=201", "--learning_rate=0.2", f"--log_dir={tmp_path}")
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    losses = events.Scalars("loss")
    assert [event.step for event in losses] == [0, 100, 200]
    assert losses[2].value < losses[0].value / 2
    names = {node.name for node in events.Graph().node}
    assert {"hidden1/weights", "hidden2/biases", "softmax_linear/add", "xentropy_mean"} <= names


@pytest.mark.parametrize("batch_size", [1, 7, 499, 600])
def test_every_example_is_evaluated_whatever_the_batch_size(run, batch_size):
    out = run("--max_steps=2", f"--batch_size={batch_size}")
    assert [int(examples) for examples, _, _ in re.findall(EVAL_LINE, out)] == [500] * 3


def test_an_evaluation_prints_what_numpy_counts(capsys):
    random_state = numpy.random.RandomState(0)
    images, labels = random_state.normal(size=(1234, 10)), random_state.randint(10, size=1234)
    data_set = DataSet(images, labels, dtype="uint8", reshape=False)
    with tf.Graph().as_default(), tf.Session() as sess:
        images_placeholder = tf.placeholder(tf.float32, [None, 10])
        labels_placeholder = tf.placeholder(tf.int32, [None])
        eval_correct = fully_connected_feed.mnist.evaluation(images_placeholder, labels_placeholder)
        fully_connected_feed.do_eval(
            sess, eval_correct, images_placeholder, labels_placeholder, data_set
        )
    right = (images.argmax(axis=1) == labels).sum()
    assert capsys.readouterr().out == (
        f"Num examples: 1234  Num correct: {right}  Precision @ 1: {right / 1234:.4f}\n"
    )


def test_an_evaluation_leaves_the_next_batch_as_it_was(capsys):
    images, labels = numpy.random.RandomState(0).rand(30, 10), numpy.arange(30) % 10
    data_set, same = (DataSet(images, labels, reshape=False, seed=0) for _ in range(2))
    with tf.Graph().as_default(), tf.Session() as sess:
        images_placeholder = tf.placeholder(tf.float32, [None, 10])
        labels_placeholder = tf.placeholder(tf.int32, [None])
        eval_correct = mnist.evaluation(images_placeholder, labels_placeholder)
        for _ in range(5):
            fully_connected_feed.do_eval(
                sess, eval_correct, images_placeholder, labels_placeholder, data_set
            )
            numpy.testing.assert_array_equal(data_set.next_batch(8)[0], same.next_batch(8)[0])


def test_a_training_in_two_runs_gives_what_one_run_gives(run, tmp_path):
    flags = ["--seed=5", "--batch_size=120"]
    whole = weights_after(run("--max_steps=10", *flags))
    run("--max_steps=6", f"--log_dir={tmp_path}/parts", *flags)
    parts = weights_after(run("--max_steps=10", f"--log_dir={tmp_path}/parts", *flags))
    for name in whole:
        numpy.testing.assert_array_equal(whole[name], parts[name])


def test_a_finished_run_is_evaluated_again_without_training(run, tmp_path):
    flags = ["--max_steps=6", f"--log_dir={tmp_path}", "--seed=0"]
    first, again = run(*flags), run(*flags)
    assert f"resuming at step 6 from {tmp_path}/model.ckpt-6\nnothing left to train" in again
    assert "Step" not in again.replace("--max_steps", "")
    assert again.splitlines()[-6:] == first.splitlines()[-6:]


def test_main_returns_the_precision_on_the_test_set_which_it_printed_last(run, tmp_path, capsys):
    flags = ["--fake_data", "--max_steps=6", f"--log_dir={tmp_path}", "--seed=0"]
    run(*flags)
    for _ in range(2):  # the second time, nothing is left to train
        precision = fully_connected_feed.main(flags)
        assert capsys.readouterr().out.endswith(f"Precision @ 1: {precision:.4f}\n")


def test_input_data_dir_is_another_name_for_data_dir():
    for flag in ("--data_dir", "--input_data_dir"):
        assert fully_connected_feed.main.parse_flags([flag, "here"]).data_dir == "here"
    assert fully_connected_feed.main.parse_flags([]).data_dir == "MNIST_data"


@pytest.mark.parametrize("flag", ["--hidden1=0", "--hidden2=10001", "--hidden1=1.5"])
def test_layer_sizes_that_make_no_sense_are_refused(flag, capsys):
    with pytest.raises(SystemExit) as caught:
        fully_connected_feed.main.parse_flags([flag])
    assert caught.value.code == 2
    assert f"argument {flag.split('=')[0]}: " in capsys.readouterr().err


def test_placeholders_have_the_size_of_the_batch():
    with tf.Graph().as_default():
        images, labels = fully_connected_feed.placeholder_inputs(100)
        assert (images.shape.as_list(), images.dtype) == ([100, 784], tf.float32)
        assert (labels.shape.as_list(), labels.dtype) == ([100], tf.int32)


def test_tensorflows_own_smoke_test_passes(tmp_path):
    done = subprocess.run(
        [sys.executable, f"{ROOT}/fully_connected_feed.py", "--fake_data", "--max_steps=10"],
        cwd=tmp_path,
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_foreign_files_in_the_log_dir_are_left_alone(run, tmp_path):
    foreign = {
        "notes.txt": b"mine",
        "model.ckpt-abc.index": b"mine too",
        "checkpoint.bak": b"kept",
        "events.out.tfevents.1.elsewhere": b"not an event",
    }
    for name, content in foreign.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    run("--max_steps=6", f"--log_dir={tmp_path}")
    run("--max_steps=8", f"--log_dir={tmp_path}")
    assert {name: (tmp_path / name).read_bytes() for name in foreign} == foreign
    assert (tmp_path / "folder").is_dir()


def assert_fails(process, *parts):
    code, _, err = finish(process)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(f"{SCRIPT}.py: error: ")
    for part in parts:
        assert part in err


def test_a_file_in_place_of_the_log_dir_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    process = start(SCRIPT, f"--log_dir={tmp_path}/file")
    assert_fails(process, f"{tmp_path}/file", "is a file, expected a folder", "another folder")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_log_dir_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "folder").mkdir(mode=0o555)
    process = start_unprivileged(SCRIPT, f"--log_dir={tmp_path}/folder")
    assert_fails(process, f"{tmp_path}/folder", "cannot write to this folder", "another folder")


def test_a_checkpoint_of_other_layer_sizes_is_refused(run, tmp_path):
    run("--max_steps=1", "--hidden1=20", f"--log_dir={tmp_path}")
    process = start(SCRIPT, f"--log_dir={tmp_path}")
    assert_fails(
        process,
        f"{tmp_path}/model.ckpt-1",
        "hidden1/weights with shape [784, 20]",
        "hidden1/weights with shape [784, 128]",
        "the flags it was trained with",
    )


def test_a_run_goes_on_from_the_checkpoint_before_one_that_was_cut_short(tmp_path):
    flags = [f"--log_dir={tmp_path}", "--seed=0"]
    finish(start(SCRIPT, "--max_steps=10", *flags))
    data = tmp_path / "model.ckpt-10.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    code, out, err = finish(start(SCRIPT, "--max_steps=12", *flags))
    assert (code, err) == (0, "")
    assert f"{tmp_path}/model.ckpt-10 cannot be read" in out
    assert f"resuming at step 5 from {tmp_path}/model.ckpt-5" in out
    assert f"checkpoint {tmp_path}/model.ckpt-12" in out


def test_a_training_that_diverges_keeps_the_last_good_checkpoint(tmp_path):
    finish(start(SCRIPT, "--max_steps=5", f"--log_dir={tmp_path}"))
    process = start(SCRIPT, "--max_steps=50", "--learning_rate=1e30", f"--log_dir={tmp_path}")
    assert_fails(process, "the loss is", f"The last good checkpoint is {tmp_path}/model.ckpt-5")


def test_the_last_step_is_not_saved_where_it_diverges(tmp_path):
    process = start(SCRIPT, "--max_steps=1", "--learning_rate=1e38", f"--log_dir={tmp_path}")
    assert_fails(process, "the loss is", "step 1", "Nothing was saved")


@pytest.mark.parametrize(
    "sent, code, said", [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_run_that_is_told_to_end_is_saved_and_resumed(tmp_path, sent, code, said):
    flags = [f"--log_dir={tmp_path}", "--batch_size=20"]
    process = start(SCRIPT, "--max_steps=100000000", *flags)
    wait_for_step(tmp_path, 5, process)
    process.send_signal(sent)
    found, out, err = finish(process)
    assert (found, err.splitlines()[0]) == (code, f"{SCRIPT}.py: {said}; to resume:")
    prefix = re.search("saved as (.*)", out).group(1)
    step = int(prefix.split("-")[-1])
    assert tf.train.load_variable(prefix, "global_step") == step
    _, out, _ = finish(start(SCRIPT, f"--max_steps={step}", *flags))
    assert f"resuming at step {step} from {prefix}" in out


def test_2000_steps_on_the_real_files_reach_what_users_reported(mnist_dir, tmp_path, capsys):
    fully_connected_feed.main([f"--data_dir={mnist_dir}", f"--log_dir={tmp_path}", "--seed=0"])
    evals = re.findall(EVAL_LINE, capsys.readouterr().out)
    assert [int(examples) for examples, _, _ in evals] == [55000, 5000, 10000] * 2
    # Users of the original reported 0.856 to 0.871 after 1000 steps, 0.899 to 0.906 after 2000.
    assert 0.85 < float(evals[2][2]) < 0.88
    assert 0.89 < float(evals[5][2]) < 0.91


def test_a_step_is_fed_the_next_images_and_labels():
    images, labels = numpy.random.RandomState(0).rand(30, 784), numpy.arange(30)
    data_set, same = (DataSet(images, labels, reshape=False, seed=0) for _ in range(2))
    for _ in range(3):
        feed_dict = fully_connected_feed.fill_feed_dict(data_set, "images", "labels", 7)
        expected_images, expected_labels = same.next_batch(7)
        assert feed_dict.keys() == {"images", "labels"}
        numpy.testing.assert_array_equal(feed_dict["images"], expected_images)
        numpy.testing.assert_array_equal(feed_dict["labels"], expected_labels)
