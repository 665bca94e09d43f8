import importlib
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 8):
    from importlib import metadata
else:
    import importlib_metadata as metadata

ROOT = pathlib.Path(__file__).resolve().parent.parent


def requirements(**environment):
    """What requirements.txt lists for this Python, or for the one that is described."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    listed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return [one for one in listed if one.marker is None or one.marker.evaluate(environment)]


@pytest.mark.parametrize("python", ["3.7", "3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize(
    "platform, machine, of_2_21",
    [
        ("linux", "x86_64", "tensorflow-cpu"),
        ("linux", "aarch64", "tensorflow"),
        ("darwin", "x86_64", "tensorflow"),
        ("darwin", "arm64", "tensorflow"),
        ("win32", "AMD64", "tensorflow-cpu"),
    ],
)
def test_every_requirement_is_pinned_to_one_version(python, platform, machine, of_2_21):
    listed = requirements(python_version=python, sys_platform=platform, platform_machine=machine)
    for requirement in listed:
        assert re.match(r"^[a-z0-9-]+==[0-9.]+(\.post[0-9]+)?(; .+)?$", str(requirement))
    names = [requirement.name for requirement in listed]
    assert len(names) == len(set(names))
    pins = {str(requirement).split(";")[0] for requirement in listed}
    pin = "tensorflow==1.15.5" if python == "3.7" else of_2_21 + "==2.21.0"
    assert {one for one in pins if re.match("tensorflow(-cpu)?==", one)} == {pin}


@pytest.mark.parametrize("python", ["3.8", "3.9", "3.14"])
def test_the_first_requirement_of_another_python_is_one_that_no_package_meets(python):
    assert "needs_python_3.7_or_3.10_to_3.13" in str(requirements(python_version=python)[0])


def test_every_package_that_is_needed_is_listed_with_its_version():
    pinned = {one.name: str(one.specifier) for one in requirements()}
    pending, seen = list(pinned), set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        assert "==" + metadata.version(name) == pinned.get(name), name
        for requirement in map(Requirement, metadata.requires(name) or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                pending.append(requirement.name.lower().replace("_", "-"))


def test_importing_the_scripts_prints_nothing_writes_nothing_and_builds_nothing(tmp_path):
    code = (
        "import classify_digits, draw_figures, fully_connected_feed, mnist_deep\n"
        "import mnist_layers_estimator, mnist_softmax\n"
        "import tensorflow.compat.v1 as tf\n"
        "assert not tf.get_default_graph().get_operations()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=str(tmp_path),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert (done.returncode, done.stdout) == (0, b"")
    assert list(tmp_path.iterdir()) == []


def documented_commands():
    """Every command in the README and the documents that runs a script of this project."""
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]:
        for command in re.findall(r"uv run (\w+\.py[^\n`|;]*)", page.read_text()):
            yield page.name, shlex.split(command, comments=True)


def flags_of(script, capsys):
    with pytest.raises(SystemExit) as end:
        importlib.import_module(script[: -len(".py")]).main.parse_flags(["--help"])
    assert end.value.code == 0
    return set(re.findall(r"--\w+", capsys.readouterr().out))


def test_the_flags_of_all_documented_commands_exist(capsys):
    commands = list(documented_commands())
    known = {script: flags_of(script, capsys) for script in {words[0] for _, words in commands}}
    assert len(known) >= 6
    for page, (script, *words) in commands:
        flags = {word.split("=")[0] for word in words if word.startswith("--")}
        assert flags <= known[script], (page, script)


def test_the_links_of_all_documents_lead_to_a_file():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)


def anchors_of(page):
    """Returns the anchors that a page's headings get where Markdown is rendered."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_links_into_documents_lead_to_a_heading():
    links = []
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]:
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?<!\.py)#([^)]+)\)", page.read_text()):
            to = page.parent / target if target else page
            links.append((page.name, to.name, anchor, anchor in anchors_of(to)))
    assert len(links) >= 5
    assert [link for link in links if not link[-1]] == []


def test_the_readmes_repl_snippet_runs_as_it_is_pasted(tmp_path, capsys):
    text = (ROOT / "README.md").read_text()
    start = text.index("    import input_data")
    snippet = "\n".join(line[4:] for line in text[start:].split("\n\n")[0].splitlines())
    snippet = snippet.replace("one_hot=True", "one_hot=True, fake_data=True")
    names = {}
    exec(snippet, names)
    assert names["batch_xs"].shape == (100, 784)
