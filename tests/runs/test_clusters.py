"""The files for clusters: commands that torchrun and demiglace take, and names that belong together."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import typer
from torch.distributed.run import get_args_parser

from demiglace.cli.main import app

RUNS = Path(__file__).parents[2] / "runs"
SLURM, KUBERNETES, KUBEFLOW = RUNS / "slurm.sbatch", RUNS / "kubernetes.yaml", RUNS / "kubeflow.yaml"
# Fields of a TrainJob that the file may use, and of what: the models of kubeflow-trainer-api 2.3.0 (PyPI).
TRAIN_JOB = {
    "": {"apiVersion": str, "kind": str, "metadata": dict, "spec": dict},
    "spec": {"runtimeRef": dict, "trainer": dict, "runtimePatches": list},
    "spec.runtimeRef": {"name": str},
    "spec.trainer": {
        "image": str, "command": list, "args": list, "env": list, "numNodes": int, "numProcPerNode": int,
        "resourcesPerNode": dict,
    },
    "spec.runtimePatches": {"manager": str, "trainingRuntimeSpec": dict},
    "spec.runtimePatches.trainingRuntimeSpec.template.spec": {"replicatedJobs": list},
    "spec.runtimePatches.trainingRuntimeSpec.template.spec.replicatedJobs": {"name": str, "template": dict},
}  # fmt: skip
PODS = "spec.runtimePatches.trainingRuntimeSpec.template.spec.replicatedJobs.template.spec.template.spec"
GIVEN = ("pretrain", "mixture.toml", "--preset", "8b")


@pytest.fixture
def cluster(tmp_path):
    """Commands of Slurm that note what they are given; the environment in which a job starts."""
    commands = {
        "scontrol": 'case "$1" in show) printf "node7\\nnode8\\n";; *) echo "$@" > requeued;; esac',
        "srun": 'printf "%s\\n" "$@" > steps\ntrap "echo saved > saved; exit 130" TERM\n'
        'if [ -e wait ]; then touch waiting; for i in $(seq 1200); do sleep 0.05; done; fi; exit "$(cat status)"',
    }
    for name, script in commands.items():
        path = tmp_path / name
        path.write_text(f"#!/usr/bin/env bash\n{script}\n")
        path.chmod(0o755)
    (tmp_path / "status").write_text("0")
    job = {"SLURM_JOB_ID": "17", "SLURM_JOB_NODELIST": "node[7-8]", "SLURM_NNODES": "2", "SLURM_GPUS_ON_NODE": "8"}
    return tmp_path, {**os.environ, **job, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def started(cluster):
    folder, environment = cluster
    return subprocess.Popen(["bash", str(SLURM), *GIVEN], cwd=folder, env=environment)


def test_bash_reads_the_script_and_slurm_its_options():
    subprocess.run(["bash", "-n", str(SLURM)], check=True)
    head = SLURM.read_text().partition("set -euo")[0]
    options = re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", head, re.MULTILINE)
    assert len(options) == head.count("#SBATCH")
    assert dict(options)["ntasks-per-node"] == "1"  # torchrun starts the others
    assert dict(options)["signal"].startswith("B:USR1@")


def test_torchrun_gets_the_machines_and_demiglace_its_command(cluster):
    assert started(cluster).wait(timeout=60) == 0
    step = (cluster[0] / "steps").read_text().splitlines()
    torchrun = get_args_parser().parse_args(step[step.index("torchrun") + 1 :])
    assert (torchrun.nnodes, torchrun.nproc_per_node, torchrun.rdzv_endpoint) == ("2", "8", "node7:29500")
    assert (torchrun.module, torchrun.training_script) == (True, "demiglace")
    assert tuple(torchrun.training_script_args) == GIVEN
    assert not (cluster[0] / "requeued").exists()


def test_an_error_is_not_queued_again(cluster):
    (cluster[0] / "status").write_text("2")
    assert started(cluster).wait(timeout=60) == 2
    assert not (cluster[0] / "requeued").exists()


def test_a_job_whose_time_is_up_saves_and_is_queued_again(cluster):
    (cluster[0] / "wait").touch()
    job = started(cluster)
    while not (cluster[0] / "waiting").exists():
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(signal.SIGUSR1)
    job.wait(timeout=60)
    assert (cluster[0] / "saved").exists()
    assert (cluster[0] / "requeued").read_text() == "requeue 17\n"


@pytest.fixture(scope="module")
def manifest():
    yaml = pytest.importorskip("yaml")
    return {one["kind"]: one for one in yaml.safe_load_all(KUBERNETES.read_text())}


def test_the_pods_of_the_job_find_the_first_of_them(manifest):
    service, job = manifest["Service"], manifest["Job"]
    assert (service["apiVersion"], job["apiVersion"]) == ("v1", "batch/v1")
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    assert service["spec"]["clusterIP"] == "None"  # headless: a name for each pod
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert pod["subdomain"] == service["metadata"]["name"]
    (container,) = pod["containers"]
    torchrun = get_args_parser().parse_args(container["args"])
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == int(torchrun.nnodes)
    host, port = torchrun.rdzv_endpoint.split(":")
    assert host == f"{job['metadata']['name']}-0.{service['metadata']['name']}"
    assert int(port) in [one["containerPort"] for one in container["ports"]]
    assert int(torchrun.nproc_per_node) == container["resources"]["limits"]["nvidia.com/gpu"]


def test_a_pod_has_what_it_mounts_and_demiglace_the_options(manifest):
    pod = manifest["Job"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    check_command(container["args"])


def check_command(args):
    """What torchrun hands to demiglace is a command of it, with options that it has."""
    torchrun = get_args_parser().parse_args(args)
    assert (torchrun.module, torchrun.training_script) == (True, "demiglace")
    name, *words = torchrun.training_script_args
    command = typer.main.get_command(app).commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= known
    assert {"--start", "--folder"} <= given


@pytest.fixture(scope="module")
def train_job():
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load(KUBEFLOW.read_text())


def objects(value, path):
    """What stands at a path of fields, those of lists one by one."""
    if isinstance(value, list):
        return [found for one in value for found in objects(one, path)]
    if not path:
        return [value]
    return objects(value[path[0]], path[1:])


@pytest.mark.parametrize("place", TRAIN_JOB)
def test_kubeflow_knows_the_fields_of_the_job(train_job, place):
    found = objects(train_job, place.split(".") if place else [])
    assert found
    for one in found:
        assert {name: type(value) for name, value in one.items()}.items() <= TRAIN_JOB[place].items()


def test_the_runtime_tells_torchrun_the_machines(train_job, monkeypatch):
    """By the variables that it sets in every pod, which torchrun reads where no option says so."""
    trainer, job = train_job["spec"]["trainer"], train_job["spec"]
    assert (train_job["apiVersion"], train_job["kind"]) == ("trainer.kubeflow.org/v1alpha1", "TrainJob")
    assert job["runtimeRef"]["name"] == "torch-distributed"
    told = {"NNODES": trainer["numNodes"], "NPROC_PER_NODE": trainer["numProcPerNode"], "MASTER_ADDR": "first"}
    for name, value in told.items():
        monkeypatch.setenv(f"PET_{name}", str(value))
    torchrun = get_args_parser().parse_args(trainer["args"])
    assert (torchrun.nnodes, torchrun.nproc_per_node, torchrun.master_addr) == ("2", "8", "first")
    assert trainer["numProcPerNode"] == trainer["resourcesPerNode"]["limits"]["nvidia.com/gpu"]
    check_command(trainer["args"])


def test_a_step_may_end_before_torchrun_kills_and_torchrun_before_the_cluster(train_job, manifest):
    head, _, script = SLURM.read_text().partition("set -euo")
    warned = int(re.search(r"USR1@(\d+)", head).group(1))
    waited = int(re.search(r"TORCH_ELASTIC_SHUTDOWN_TIMEOUT=(\d+)", script).group(1))
    assert 30 < waited < warned
    pod = manifest["Job"]["spec"]["template"]["spec"]
    (other,) = objects(train_job, PODS.split("."))
    told = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert 30 < int(told["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"]) < pod["terminationGracePeriodSeconds"]
    assert other["terminationGracePeriodSeconds"] == pod["terminationGracePeriodSeconds"]


def test_kubeflow_mounts_what_kubernetes_mounts(train_job, manifest):
    (pod,), own = objects(train_job, PODS.split(".")), manifest["Job"]["spec"]["template"]["spec"]
    assert pod["volumes"] == own["volumes"]
    (container,), (other,) = pod["containers"], own["containers"]
    assert container["volumeMounts"] == other["volumeMounts"]
    assert train_job["spec"]["trainer"]["env"] == other["env"]
