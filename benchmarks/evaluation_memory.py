"""Compares the peak memory of mnist_deep.py with the tutorial's code on TensorFlow's reader.

    uv run benchmarks/evaluation_memory.py --data_dir MNIST_data

Both train 20 steps, too few to learn much, and evaluate on the 10,000 test images; the tutorial
feeds them all at once. Linux only.
"""

import argparse
import json
import tempfile

import side_by_side
from process_memory import resident
from step_workers import BATCH, STOCK, import_script

CONTENDERS = ["tutorial", "mnist_deep.py"]
STEPS = 20


def tutorial(data_dir):
    """Does what the page says, with the reader of TensorFlow 1.15."""
    import tensorflow as tf
    from tensorflow.examples.tutorials.mnist import input_data

    mnist = input_data.read_data_sets(data_dir, one_hot=True)
    model = import_script("mnist_deep", STOCK).build_model(1e-4)
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    for _ in range(STEPS):
        xs, ys = mnist.train.next_batch(BATCH)
        sess.run(model.train_step, {model.x: xs, model.y_: ys, model.keep_prob: 0.5})
    sess.run(model.accuracy, {model.x: mnist.test.images, model.y_: mnist.test.labels})


def ours(data_dir):
    with tempfile.TemporaryDirectory() as log_dir:
        flags = [f"--data_dir={data_dir}", f"--log_dir={log_dir}", f"--max_steps={STEPS}"]
        import_script("mnist_deep").main(flags)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="MNIST_data", help="folder of the MNIST files")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each")
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        {"tutorial": tutorial, "mnist_deep.py": ours}[flags.measure](flags.data_dir)
        print(json.dumps({"peak memory, MB": resident("VmHWM")}))
        return
    commands = {
        name: [__file__, "--measure", name, "--data_dir", flags.data_dir] for name in CONTENDERS
    }
    side_by_side.report(side_by_side.alternate(commands, flags.rounds))


if __name__ == "__main__":
    main()
