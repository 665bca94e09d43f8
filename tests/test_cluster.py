import json
import re
import signal

import pytest
import tensorflow as tf

from local_cluster import SCRIPT, LocalCluster
from mnist.cluster import ClusterError, is_distributed, run_config
from short_runs import finish, start

STEPS = 1500


def steps_seen(log):
    return [int(step) for step in re.findall(r"loss = [0-9.]+, step = (\d+)", log)]


def saved_steps(model_dir):
    return [
        int(re.search(r"-(\d+)$", prefix).group(1))
        for prefix in tf.train.get_checkpoint_state(model_dir).all_model_checkpoint_paths
    ]


def test_without_tf_config_there_is_one_process(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert not is_distributed(run_config())


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "7",
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"chief": ["a:1"]}}',
        '{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 3}}',
        '{"cluster": {"chief": ["a:1"]}, "task": {"type": "cook", "index": 0}}',
    ],
)
def test_a_tf_config_that_is_no_cluster_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ClusterError, match="TF_CONFIG .*docs/distributed.md"):
        run_config()


def test_a_cluster_needs_a_folder_that_all_tasks_share(monkeypatch):
    cluster = {"chief": ["127.0.0.1:1"]}
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "chief", "index": 0}})
    )
    code, _, err = finish(start(SCRIPT))
    assert code == 2
    assert "--model_dir" in err


def test_a_cluster_trains_together_to_one_step_through_kills(tmp_path):
    flags = [f"--max_steps={STEPS}", "--batch_size=5"]
    with LocalCluster(tmp_path, *flags, checkpoint_steps=20) as cluster:

        def restart(task, killed_at):
            cluster.kill(task)
            cluster.start(task)
            cluster.wait_for(lambda: len(steps_seen(cluster.log(task))) > killed_at)

        cluster.start("ps", "chief", "worker", "evaluator")
        cluster.wait_for(lambda: steps_seen(cluster.log("worker")))
        restart("worker", 1)
        kept = max(saved_steps(cluster.model_dir))
        restart("chief", len(steps_seen(cluster.log("chief"))))
        assert (cluster.wait("chief"), cluster.wait("worker")) == (0, 0)

        resumed = int(re.search(r"resuming at step (\d+) from", cluster.log("chief")).group(1))
        assert 0 < kept <= resumed < STEPS
        assert max(saved_steps(cluster.model_dir)) >= STEPS
        # Where one has trained, the other goes on: neither counts from 0.
        assert 0 < steps_seen(cluster.log("worker"))[0] < steps_seen(cluster.log("worker"))[1]
        assert cluster.wait("evaluator") == 0
        last = re.findall(r"Saving dict for global step (\d+): accuracy", cluster.log("evaluator"))
        assert int(last[-1]) >= STEPS
        assert cluster.terminate("ps") == -signal.SIGTERM
