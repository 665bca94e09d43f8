"""Checks the ledger in docs/fidelity against code and tests, and tests what no other file tests."""

import ast
import collections
import functools
import glob
import importlib
import os
import re

import numpy
import pytest
import tensorflow.compat.v1 as tf

import mnist_deep
import mnist_layers_estimator
import mnist_softmax
import script_graph
from mnist import mnist
from short_runs import ROOT

HEADING = "Code and test"
NONE = "none"
REASON = "not tested: "
MOST_COLUMNS = 3
DIFFERENCES_FIRST = "## What differs, and why"
INDEX = os.path.join(ROOT, "docs", "fidelity.md")
LEDGERS = sorted(glob.glob(os.path.join(ROOT, "docs", "fidelity", "*.md")))

Row = collections.namedtuple("Row", ["line", "code", "tests"])


def read_rows(text):
    """Returns the rows of all tables.

    Raises:
      ValueError: a table has too many columns or another last one, or a row has no cell for each.
    """
    rows, header = [], None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("|"):
            header = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if header is None:
            header = cells
            if header[-1] != HEADING:
                raise ValueError(f"line {number}: a table without {HEADING}")
            if len(header) > MOST_COLUMNS:
                raise ValueError(f"line {number}: {len(header)} columns")
        elif len(cells) != len(header):
            raise ValueError(f"line {number}: {len(cells)} cells below {len(header)} headings")
        elif not set(line) <= set("|-: "):
            code, _, tests = cells[-1].partition("; ")
            rows.append(Row(number, code, tests))
    return rows


def problems_of(text, root=ROOT, folder="docs/fidelity"):
    """Returns what is wrong with a ledger, one line each.

    Args:
      text: the ledger.
      root: path of the project.
      folder: path of the ledger's folder in it, from which links start.
    """
    rows = read_rows(text)
    if not rows:
        return ["no rows"]
    return [
        f"line {row.line}: {problem}"
        for row in rows
        for problem in [*problems_of_code(row, root), *problems_of_tests(row, root, folder)]
    ]


def problems_of_code(row, root):
    if row.code == NONE:
        if not row.tests.startswith(REASON):
            yield f"tests of no code; expected {NONE}; {REASON}..."
        return
    if not re.fullmatch(r"`[^`]+`(, `[^`]+`)*", row.code):
        yield f"no code in {row.code!r}, expected names in backquotes, or {NONE}, and a semicolon"
        return
    for reference in re.findall("`([^`]+)`", row.code):
        path, _, name = reference.partition(":")
        if not os.path.isfile(os.path.join(root, path)):
            yield f"{reference}: there is no file {path}"
        elif name and name not in names_in(os.path.join(root, path)):
            yield f"{reference}: there is no {name} in {path}"


def problems_of_tests(row, root, folder):
    if row.tests.startswith(REASON):
        if not re.match(rf"{REASON}\w", row.tests):
            yield "no reason why it is not tested"
        return
    if not re.fullmatch(r"\[\w+\]\([^)]+\)(, \[\w+\]\([^)]+\))*", row.tests):
        yield f"no test in {row.tests!r}, expected links with commas between, or {REASON}..."
        return
    for target in re.findall(r"\]\(([^)]+)\)", row.tests):
        path, _, name = target.partition("#")
        path = os.path.normpath(os.path.join(folder, path))
        if not re.fullmatch(r"tests/(\w+/)*test_\w+\.py#test_\w+", f"{path}#{name}"):
            yield f"{target} is not a link to a test"
        elif not os.path.isfile(os.path.join(root, path)):
            yield f"{target}: there is no file {path}"
        elif name not in names_in(os.path.join(root, path)):
            yield f"{target}: there is no {name} in {path}"


@functools.lru_cache(maxsize=None)
def names_in(path):
    """Returns the names that a module defines, and those of its classes after a dot."""
    with open(path, encoding="utf-8") as module:
        return set(_names(ast.parse(module.read()).body, ""))


def _names(statements, prefix):
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            yield prefix + statement.name
        if isinstance(statement, ast.ClassDef):
            yield from _names(statement.body, f"{prefix}{statement.name}.")
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                names = (node for node in ast.walk(target) if isinstance(node, ast.Name))
                yield from (prefix + name.id for name in names)


def links_of(text):
    """Returns the files that a page links to, as paths from the page's folder."""
    return re.findall(r"\]\((?!https?:)([^)#]+)", text)


def read(path):
    with open(path, encoding="utf-8") as page:
        return page.read()


def short_name(path):
    return os.path.basename(path)


@pytest.mark.parametrize("path", LEDGERS, ids=short_name)
def test_whatever_a_ledger_names_is_there(path):
    assert not problems_of(read(path))


@pytest.mark.parametrize("path", LEDGERS, ids=short_name)
def test_a_ledger_begins_with_what_differs(path):
    assert re.search("^## .*", read(path), re.MULTILINE).group() == DIFFERENCES_FIRST


@pytest.mark.parametrize("path", [INDEX, *LEDGERS], ids=short_name)
def test_the_links_of_the_ledger_lead_to_files(path):
    for target in links_of(read(path)):
        assert os.path.exists(os.path.join(os.path.dirname(path), target)), target


def test_the_index_links_to_each_ledger():
    linked = {os.path.join(os.path.dirname(INDEX), target) for target in links_of(read(INDEX))}
    assert LEDGERS
    assert set(LEDGERS) <= linked


LEDGER = """
| The page | Here | Code and test |
|---|---|---|
| something | something else | {} |
"""
CODE = "`a.py:f`, `a.py:C.m`, `a.py:X`, `a.py`"
TEST = "[test](../../tests/test_a.py#test_it)"
UNTESTED = f"{REASON}it would take a year"


@pytest.fixture
def project(tmp_path):
    """A folder with a module and a test of it."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.py").write_text("X = Y, _ = 1, 2\ndef f(): pass\nclass C:\n  def m(): pass\n")
    (tmp_path / "tests" / "test_a.py").write_text("def test_it(): pass\ndef helper(): pass\n")
    return str(tmp_path)


@pytest.mark.parametrize(
    "code, tests",
    [(CODE, TEST), (CODE, f"{TEST}, {TEST}"), (CODE, UNTESTED), (NONE, UNTESTED)],
)
def test_a_ledger_that_names_what_is_there_passes(project, code, tests):
    assert problems_of(LEDGER.format(f"{code}; {tests}"), project) == []


@pytest.mark.parametrize(
    "cell, problem",
    [
        (f"; {TEST}", "no code"),
        (f"somewhere; {TEST}", "no code"),
        (f"{NONE}; {TEST}", "tests of no code"),
        (f"`b.py:f`; {TEST}", "there is no file b.py"),
        (f"`a.py:f`, `a.py:g`; {TEST}", "there is no g in a.py"),
        (f"`a.py:C.f`; {TEST}", "there is no C.f in a.py"),
        (f"`a.py:m`; {TEST}", "there is no m in a.py"),
        (CODE, "no test"),
        (f"{CODE}; tested", "no test"),
        (f"{CODE}; {TEST} {TEST}", "no test"),
        (f"{CODE}; {REASON}", "no test"),
        (f"{CODE}; {REASON} ?", "no reason"),
        (f"{CODE}; [test](../../tests/test_b.py#test_it)", "there is no file tests/test_b.py"),
        (f"{CODE}; [test](../../tests/test_a.py#test_that)", "there is no test_that in tests/"),
        (f"{CODE}; {TEST}, [test](../../tests/test_a.py#test_c)", "there is no test_c in tests/"),
        (f"{CODE}; [test](../../tests/test_a.py#helper)", "is not a link to a test"),
        (f"{CODE}; [test](../../tests/test_a.py)", "is not a link to a test"),
        (f"{CODE}; [test](../tests/test_a.py#test_it)", "is not a link to a test"),
        (f"{CODE}; [test](../../a.py#f)", "is not a link to a test"),
    ],
)
def test_a_ledger_that_names_what_is_not_there_is_found_out(project, cell, problem):
    (found,) = problems_of(LEDGER.format(cell), project)
    assert found.startswith("line 4: ")
    assert problem in found


@pytest.mark.parametrize("text", ["", "words", LEDGER[: LEDGER.index("| something")]])
def test_a_ledger_without_rows_is_found_out(text):
    assert problems_of(text) == ["no rows"]


@pytest.mark.parametrize(
    "header, problem",
    [("| The page | Here |", "a table without"), (f"| a | b | c | {HEADING} |", "4 columns")],
)
def test_a_table_of_other_columns_is_found_out(header, problem):
    with pytest.raises(ValueError, match=f"line 1: {problem}"):
        read_rows(header)


def test_a_row_with_a_cell_too_many_is_found_out():
    with pytest.raises(ValueError, match="line 4: 4 cells below 3 headings"):
        read_rows(LEDGER.format(f"a | {CODE}; {TEST}"))


# What the pages say that holds for several scripts, or for TensorFlow itself.


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield sess


@pytest.mark.parametrize(
    "script, numbers",
    [
        ("mnist_softmax", {"max_steps": 1000, "batch_size": 100, "learning_rate": 0.5}),
        ("mnist_deep", {"max_steps": 20000, "batch_size": 50, "learning_rate": 1e-4}),
        (
            "mnist_layers_estimator",
            {"max_steps": 20000, "batch_size": 100, "learning_rate": 0.001},
        ),
        (
            "fully_connected_feed",
            {
                "max_steps": 2000, "batch_size": 100, "learning_rate": 0.01, "hidden1": 128,
                "hidden2": 32,
            },
        ),
    ],
)  # fmt: skip
def test_without_flags_a_script_takes_the_numbers_of_its_page(script, numbers):
    flags = vars(importlib.import_module(script).parse_flags([]))
    assert {name: flags[name] for name in numbers} == numbers


@pytest.mark.parametrize("script", [mnist_softmax, mnist_deep])
def test_placeholders_take_any_number_of_images_and_one_hot_labels(session, script):
    model = script_graph.build(script)
    for placeholder, size in ((model.x, 784), (model.y_, 10)):
        assert placeholder.op.type == "Placeholder"
        assert placeholder.dtype == tf.float32
        assert placeholder.shape.as_list() == [None, size]


DEEP_LAYERS = {
    "Reshape": [28, 28, 1],
    "conv1/Relu": [28, 28, 32],
    "conv1/MaxPool": [14, 14, 32],
    "conv2/Relu": [14, 14, 64],
    "conv2/MaxPool": [7, 7, 64],
    "fc1/Reshape": [3136],
    "fc1/Relu": [1024],
    "fc2/add": [10],
}
ESTIMATOR_LAYERS = [
    "Reshape", "conv2d/Relu", "max_pooling2d/MaxPool", "conv2d_1/Relu", "max_pooling2d_1/MaxPool",
    "Reshape_1", "dense/Relu", "dense_1/BiasAdd",
]  # fmt: skip


@pytest.mark.parametrize("batch", [5, 100])
def test_each_layer_of_the_deep_network_has_the_shape_of_the_pages(session, batch):
    mnist_deep.deepnn(tf.zeros([batch, 784]))
    for name, shape in DEEP_LAYERS.items():
        assert session.graph.get_tensor_by_name(f"{name}:0").shape.as_list() == [batch, *shape]


@pytest.mark.parametrize("batch", [5, 100])
@pytest.mark.parametrize("mode", ["train", "infer"])
def test_each_layer_of_the_estimators_network_has_the_shape_of_its_page(session, mode, batch):
    tf.train.create_global_step()
    images, labels = tf.zeros([batch, 784]), tf.zeros([batch], tf.int32)
    mnist_layers_estimator.cnn_model_fn({"x": images}, labels, mode)
    for name, shape in zip(ESTIMATOR_LAYERS, DEEP_LAYERS.values()):
        assert session.graph.get_tensor_by_name(f"{name}:0").shape.as_list() == [batch, *shape]


def build_script(script):
    return lambda rate: script_graph.build(script, f"--learning_rate={rate}")


def build_estimator(rate):
    tf.train.create_global_step()
    features = {"x": tf.zeros([5, 784])}
    params = {"learning_rate": rate}
    mnist_layers_estimator.cnn_model_fn(features, tf.zeros([5], tf.int32), "train", params)


def build_fully_connected(rate):
    logits = mnist.inference(tf.zeros([5, 784]), 128, 32)
    mnist.training(mnist.loss(logits, tf.zeros([5], tf.int32)), rate)


@pytest.mark.parametrize(
    "build, update, variables",
    [
        (build_script(mnist_softmax), "ApplyGradientDescent", 2),
        (build_script(mnist_deep), "ApplyAdam", 8),
        (build_estimator, "ApplyGradientDescent", 8),
        (build_fully_connected, "ApplyGradientDescent", 6),
    ],
)
def test_the_optimizer_of_a_page_updates_all_weights_and_no_counter(
    session, build, update, variables
):
    build(0.25)
    updates = [node for node in session.graph.get_operations() if "Apply" in node.type]
    # TensorFlow 2 keeps variables as resources.
    assert {node.type.replace("Resource", "") for node in updates} == {update}
    updated = {node.inputs[0].op.name for node in updates}
    assert updated == {variable.op.name for variable in tf.trainable_variables()}
    assert len(updated) == variables
    assert "global_step" not in updated
    place = {"ApplyGradientDescent": 1, "ApplyAdam": 5}[update]
    assert {session.run(node.inputs[place]) for node in updates} == {0.25}


def test_three_right_of_four_are_an_accuracy_of_three_quarters(session):
    # Fed in place of what the network computes: any tensor can be fed, not placeholders alone.
    model = script_graph.build(mnist_softmax)
    y, y_ = numpy.eye(10)[[3, 1, 4, 1]], numpy.eye(10)[[3, 2, 4, 1]]
    assert session.run(model.accuracy, {model.y: y, model.y_: y_}) == 0.75


def test_the_cross_entropy_of_a_page_ends_where_the_probability_rounds_to_zero(session):
    logits, y_ = tf.constant([[1000.0] + [0.0] * 9]), tf.constant([[0.0, 1.0] + [0.0] * 8])
    y = tf.nn.softmax(logits)
    of_the_page = tf.reduce_mean(-tf.reduce_sum(y_ * tf.log(y), axis=1))
    ours = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y_, logits=logits))
    probabilities, lost, found = session.run([y, of_the_page, ours])
    assert probabilities[0, 1] == 0
    assert numpy.isnan(lost)
    assert found == 1000


def test_a_placeholder_with_a_shape_refuses_another_one(session):
    free, shaped = tf.placeholder(tf.float32), tf.placeholder(tf.float32, [None, 784])
    assert session.run(free, {free: numpy.zeros((3, 28, 28))}).shape == (3, 28, 28)
    with pytest.raises(ValueError, match="shape"):
        session.run(shaped, {shaped: numpy.zeros((3, 28, 28))})


def test_variables_are_those_of_the_session_that_initialized_them(session):
    variable = tf.Variable([1.0])
    with tf.Session() as other:
        other.run(tf.global_variables_initializer())
        assert other.run(variable) == [1]
        with pytest.raises(tf.errors.FailedPreconditionError):
            session.run(variable)
    with pytest.raises(RuntimeError, match="closed"):
        other.run(variable)


def test_the_operation_that_initializes_holds_initializers_alone(session):
    script_graph.build(mnist_softmax)
    init = tf.global_variables_initializer()
    assert init.type == "NoOp"
    (kind,) = {node.type for node in init.control_inputs}
    assert kind in ("Assign", "AssignVariableOp")  # TensorFlow 1, TensorFlow 2
    initialized = {node.inputs[0].op.name for node in init.control_inputs}
    assert initialized == {variable.op.name for variable in tf.global_variables()}


def test_what_is_fetched_comes_back_as_a_list_with_none_for_an_operation(session):
    variable = tf.Variable(1.0)
    session.run(tf.global_variables_initializer())
    assert session.run([variable.assign_add(1).op, tf.constant(3)]) == [None, 3]


def test_saving_under_the_name_of_a_folder_saves_beside_it(session, tmp_path):
    folder = tmp_path / "train_dir"
    folder.mkdir()
    tf.Variable(1.0)
    session.run(tf.global_variables_initializer())
    saver = tf.train.Saver()
    saver.save(session, str(folder), global_step=5)
    assert (tmp_path / "train_dir-5.index").exists()
    assert not list(folder.iterdir())
    with pytest.raises(tf.errors.DataLossError):
        saver.restore(session, str(folder))


def test_sizes_of_layers_may_be_written_as_the_page_says(session):
    images = tf.zeros([7, 28, 28, 1])
    for padding, size in (("valid", 24), ("VALID", 24), ("same", 28), ("SAME", 28)):
        y = tf.layers.conv2d(images, 32, kernel_size=5, padding=padding)
        assert y.shape.as_list() == [7, size, size, 32]
    assert tf.layers.conv2d(images, 32, [5, 5]).shape.as_list() == [7, 24, 24, 32]
    for pool_size in (2, [2, 2]):
        y = tf.layers.max_pooling2d(images, pool_size, strides=2)
        assert y.shape.as_list() == [7, 14, 14, 1]
    y = tf.layers.max_pooling2d(images, 2, strides=(3, 6))
    assert y.shape.as_list() == [7, 9, 5, 1]


def test_rows_come_before_columns_and_the_batch_before_channels(session):
    images = tf.zeros([7, 28, 30, 1])
    assert tf.layers.conv2d(images, 32, [5, 3]).shape.as_list() == [7, 24, 28, 32]
    images = tf.zeros([7, 1, 28, 30])
    y = tf.layers.conv2d(images, 32, [5, 3], data_format="channels_first")
    assert y.shape.as_list() == [7, 32, 24, 28]
    y = tf.layers.max_pooling2d(images, 2, 2, data_format="channels_first")
    assert y.shape.as_list() == [7, 1, 14, 15]
