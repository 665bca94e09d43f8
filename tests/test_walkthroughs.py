import os
import re

import pytest
import tensorflow.compat.v1 as tf

from short_runs import ROOT
from walkthrough import Prompt, difference, read_snippets

# What is shortened where a page is only tried, and not trained to its end.
SHORTENED = {
    "mnist_softmax": {"range(1000)": "range(50)"},
    "mnist_deep": {
        "range(20000)": "range(60)",
        "i % 100": "i % 20",
        "next_batch(50)": "next_batch(5)",
    },
    "fully_connected_feed": {"max_steps = 2000": "max_steps = 200"},
    "mnist_layers_estimator": {},
}
PAGES = sorted(SHORTENED)
# Whose snippets take seconds; the deep network's take half an hour.
SHORT_PAGES = [
    "mnist_softmax",
    "fully_connected_feed",
    pytest.param("mnist_layers_estimator", marks=pytest.mark.thorough),
]


def snippets_of(page):
    return read_snippets(os.path.join(ROOT, "docs", f"{page}.md"))


IMPORT = "import tensorflow as tf\n"
INSTEAD = "import tensorflow.compat.v1 as tf\n"
TENSORFLOW_1 = tf.version.VERSION.startswith("1.")


def for_this_tensorflow(code):
    """Changes a snippet as the pages say for TensorFlow 2, if it is this one."""
    if IMPORT not in code or TENSORFLOW_1:
        return code
    return code.replace(IMPORT, INSTEAD) + "tf.disable_v2_behavior()\n"


# Of TensorFlow 2's Estimator: lines that its page mentions but does not show.
LOGGED_BY_2 = re.compile(r"INFO:tensorflow:(Calling checkpoint listeners|Inference Time).*\n?")


def without_what_2_adds(shown):
    """Drops what only TensorFlow 2 logs, and what its NumPy puts around numbers, if it is this."""
    if TENSORFLOW_1:
        return shown
    return re.sub(r"np\.float\d+\((.*?)\)", r"\1", LOGGED_BY_2.sub("", shown))


def expected_here(snippet):
    """Allows for what TensorFlow 2 shows otherwise.

    The pages have the numbers of TensorFlow 1.15. The same seed gives other weights to start from,
    and so other numbers after a step or two. One output is otherwise, as its page says.
    """
    if TENSORFLOW_1:
        return snippet
    return snippet._replace(
        expected=snippet.expected.replace("[nan, 200.0]", "[200.0, 200.0]"),
        tolerance=max(snippet.tolerance, 0.06),
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_the_prompt_that_the_tests_use_and_what_to_write_on_tensorflow_2(page):
    with open(os.path.join(ROOT, "docs", f"{page}.md")) as file:
        text = " ".join(file.read().split())
    assert "uv run ipython --no-autoindent" in text
    assert f"write `{INSTEAD.strip()}` instead of `{IMPORT.strip()}`" in text
    assert "add `tf.disable_v2_behavior()` as the last line of the block" in text
    assert IMPORT in snippets_of(page)[0].code


def follow(page, prompt, code_of=lambda code: code, numbers_too=True):
    """Pastes a page and returns what was not as the page says."""
    differences = []
    for snippet in snippets_of(page):
        shown = prompt.paste(for_this_tensorflow(code_of(snippet.code)))
        shown = without_what_2_adds(shown)
        differences.append(difference(expected_here(snippet), shown, numbers_too))
    return [found for found in differences if found]


@pytest.mark.parametrize("page", PAGES)
def test_every_snippet_can_be_pasted(page):
    snippets = snippets_of(page)
    assert len(snippets) > 5
    for snippet in snippets:
        assert "\n\n" not in snippet.code, f"{page}.md:{snippet.line}: a blank line ends a block"
        assert not snippet.code.startswith((" ", "\n")), f"{page}.md:{snippet.line}"
        compile(snippet.code, f"{page}.md:{snippet.line}", "exec")


def follow_on_fake_data(page, prompt):
    def shorten(code):
        for long, short in SHORTENED[page].items():
            code = code.replace(long, short)
        return re.sub(r'read_data_sets\(("[^"]*"|\w+)', r"\g<0>, fake_data=True", code)

    assert not follow(page, prompt, shorten, numbers_too=False)


@pytest.mark.thorough
@pytest.mark.parametrize("page", PAGES)
def test_a_page_on_fake_data_shows_what_it_says(page, tmp_path):
    with Prompt(tmp_path) as prompt:
        follow_on_fake_data(page, prompt)


@pytest.mark.thorough
def test_a_page_can_be_followed_twice_in_a_session(tmp_path):
    with Prompt(tmp_path) as prompt:
        for _ in range(2):
            follow_on_fake_data("fully_connected_feed", prompt)


def follow_on_real_files(page, mnist_dir, folder):
    os.symlink(mnist_dir, str(folder / "MNIST_data"))
    with Prompt(folder) as prompt:
        assert not follow(page, prompt)


@pytest.mark.parametrize("page", SHORT_PAGES)
def test_a_page_on_the_real_files_shows_the_numbers_that_it_says(page, mnist_dir, tmp_path):
    follow_on_real_files(page, mnist_dir, tmp_path)


@pytest.mark.full_training
@pytest.mark.timeout(0)
def test_the_deep_page_on_the_real_files_shows_the_numbers_that_it_says(mnist_dir, tmp_path):
    follow_on_real_files("mnist_deep", mnist_dir, tmp_path)


@pytest.mark.parametrize(
    "expected, shown",
    [
        ("step 0, accuracy 0.91", "step 0, accuracy 0.92"),
        ("(55000, 784)", "(55000,  784)"),
        ("first\n...\nlast 3", "first\nsecond\nthird\nlast 3"),
        ("saved in ...", "saved in /tmp/a"),
    ],
)
def test_what_is_shown_may_differ_in_learned_numbers_and_dots(expected, shown):
    assert difference(snippet_that_says(expected), shown, numbers_too=True) is None


@pytest.mark.parametrize(
    "expected, shown",
    [
        ("step 0, accuracy 0.91", "step 0, accuracy 0.94"),
        ("step 0, accuracy 0.91", "step 1, accuracy 0.91"),
        ("(55000, 784)", "(55000, 785)"),
        ("first\n...\nlast 3", "first\nsecond"),
        ("", "a warning"),
        ("something", ""),
        ("float32", "float64"),
    ],
)
def test_what_is_shown_may_not_differ_in_anything_else(expected, shown):
    assert difference(snippet_that_says(expected), shown, numbers_too=True)


def snippet_that_says(expected):
    snippets = snippets_of("mnist_softmax")
    return snippets[0]._replace(expected=expected, tolerance=0.02)
