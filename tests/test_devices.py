"""Several devices give the result of one: two processes on the CPU, and one."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from ablations.errors import InputError
from ablations.records import RunRecord
from ablations.run_config import RunConfig
from ablations.run_folder import RunFolder
from lightning_modules import devices as devices_module
from lightning_modules.data.sampler import StepSampler, share
from lightning_modules.devices import Team, check_share, find_team
from lightning_modules.execution import Execution
from lightning_modules.run import train
from lightning_modules.scores import mean_loss
from lightning_modules.synchronised_norms import synchronise
from sweeps.local.resources import Resources
from sweeps.slurm.allocation import Allocation
from tests.test_interrupted import Training, trainings
from tests.two_processes import compute, images, labels, network, score

__all__ = ["trainings"]  # the fixture

# A network without dropout, which draws other numbers on each device.
CONFIG = RunConfig(
    block="se",
    placement="last_feature",
    model="unet",
    encoder="tu-test_resnet",
    image_size=32,
    train_images=9,
    val_images=5,
    batch_size=4,
    max_steps=3,
    optimizer="sgd",
    lr=0.01,
)
ONE = Execution(accelerator="cpu", progress_bar=False, val_every=2)
TWO = ONE.model_copy(update={"devices": 2})


pytestmark = pytest.mark.xdist_group("devices")  # two processes are started once


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes may share a core in a test."""
    monkeypatch.setattr(devices_module, "cores", lambda: 4)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_batches_of_several_devices_together_are_those_of_one(count: int) -> None:
    whole = list(StepSampler(7, 6, 5, seed=3, first_step=1))
    parts = [list(StepSampler(7, 6, 5, 3, 1, number, count)) for number in range(count)]
    joined = [[draw for part in parts for draw in part[step]] for step in range(len(whole))]
    assert joined == whole
    assert len(parts[0][0]) == 6 // count


@pytest.mark.parametrize(("images", "count"), [(5, 2), (7, 3), (4, 4), (3, 1)])
def test_every_image_is_scored_by_one_device_in_order(images: int, count: int) -> None:
    parts = [share(images, number, count) for number in range(count)]
    assert [index for part in parts for index in part] == list(range(images))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of two processes computed."""
    folder = tmp_path_factory.mktemp("two")
    spawn(compute, (folder,), nprocs=2)  # type: ignore[no-untyped-call]
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def one_step() -> tuple[Tensor, Tensor, nn.Module]:
    """Loss, gradient of the images and network after the whole batch in this process."""
    whole, inputs = network(), images().requires_grad_()
    loss = mean_loss(whole(inputs), labels())
    loss.backward()  # type: ignore[no-untyped-call]
    assert inputs.grad is not None
    return loss.detach(), inputs.grad, whole


def test_a_step_of_two_processes_is_that_of_the_whole_batch(
    results: list[dict[str, Any]],
) -> None:
    """Norms with uneven shares, and labels of which one share has few: in float64."""
    loss, gradient, whole = one_step()
    steps = [result["step"] for result in results]
    for step in steps:
        torch.testing.assert_close(step["loss"], loss)
        for name, weight in whole.named_parameters():
            torch.testing.assert_close(step["weights"][name], weight.grad)
        torch.testing.assert_close(step["state"], dict(whole.state_dict()))
    torch.testing.assert_close(torch.cat([step["images"] for step in steps]), gradient)


def test_two_processes_have_exactly_the_score_of_one(results: list[dict[str, Any]]) -> None:
    whole = score(range(len(images())))
    for result in results:
        assert result["score"]["loss"] == whole["loss"]
        assert torch.equal(result["score"]["confusion"], whole["confusion"])


def test_the_first_process_decides_and_its_errors_are_those_of_all(
    results: list[dict[str, Any]],
) -> None:
    assert [result["decision"] for result in results] == ["of 0", "of 0"]
    assert [result["error"] for result in results] == ["of 0", "of 0"]
    assert [result["largest"] for result in results] == [3, 3]


def test_norms_keep_their_place_and_are_unchanged_in_evaluation() -> None:
    before, after = network().eval(), network().eval()
    parts = list(after.modules())
    synchronise(after, "cpu")
    assert list(after.modules()) == parts
    assert list(after.state_dict()) == list(before.state_dict())
    assert torch.equal(after(images()), before(images()))


def test_a_batch_norm_of_unknown_kind_is_refused() -> None:
    class Own(nn.BatchNorm2d):
        pass

    with pytest.raises(InputError, match="several devices: 0 is a Own"):
        synchronise(nn.Sequential(Own(3)), "cpu")


def test_more_devices_than_there_are_is_one_line() -> None:
    with pytest.raises(InputError) as error:
        find_team(ONE.model_copy(update={"devices": 5}))
    assert str(error.value) == "--devices 5: this machine has 4 CPU cores"


def test_several_machines_need_a_launcher() -> None:
    with pytest.raises(InputError, match="--machines 2: start `ablate train` on every"):
        find_team(ONE.model_copy(update={"machines": 2}))


def test_a_batch_must_be_divisible_by_the_devices() -> None:
    config = CONFIG.changed(batch_size=6)
    check_share(config, Team(devices=3))
    check_share(config.changed(batch_size=5), Team())
    with pytest.raises(InputError, match="batch_size = 6: not divisible by 4 devices"):
        check_share(config, Team(devices=2, machines=2))
    with pytest.raises(InputError, match="not divisible by 2 devices x accumulate = 2"):
        check_share(config.changed(accumulate=2), Team(devices=2))


TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none", "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4",
    "GROUP_WORLD_SIZE": "2",
}  # fmt: skip
SRUN = {
    "SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NUM_NODES": "2",
}  # fmt: skip


@pytest.mark.parametrize(("names", "starter"), [(TORCHRUN, "torchrun"), (SRUN, "srun")])
def test_a_launcher_says_which_process_this_is(
    names: dict[str, str], starter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    team = find_team(ONE)
    assert team == (3, 1, 2, 2, starter)
    assert (team.size, team.machine) == (4, 1)
    assert find_team(TWO) == team
    with pytest.raises(InputError, match=f"--devices 4: {starter} started the .* of 2"):
        find_team(ONE.model_copy(update={"devices": 4}))
    monkeypatch.setenv(list(names)[-2], "3")
    with pytest.raises(InputError, match="start equally many on each"):
        find_team(ONE)


def test_a_batch_job_without_srun_starts_its_own_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.setenv("SLURM_PROCID", "0")
    assert find_team(TWO) == Team(devices=2)


def test_a_sweep_divides_its_gpus_among_runs() -> None:
    resources = Resources(gpus=("0", "1", "2", "5"))
    places = [names["CUDA_VISIBLE_DEVICES"] for names in resources.environments(2)]
    assert places == ["0,1", "2,5"]
    with pytest.raises(InputError, match="--gpus 0,1,2,5: not divisible into sets of"):
        resources.environments(3)


def test_a_job_has_as_many_devices_as_its_run_needs() -> None:
    Allocation(gpus_per_run=2).check_devices(2)
    Allocation(cpus_per_run=3).check_devices(3)
    with pytest.raises(InputError, match="--devices 4: a job has only --gpus-per-run 2"):
        Allocation(gpus_per_run=2, cpus_per_run=8).check_devices(4)


class StopError(RuntimeError):
    pass


def stop_at_two(step: int, loss: float) -> None:
    if step == 2:
        raise StopError


def stopped(folder: Path, execution: Execution) -> dict[str, Any]:
    """The checkpoint of a run that was ended after two steps."""
    with pytest.raises(StopError):
        train(CONFIG, folder, execution, stop_at_two)
    checkpoint: dict[str, Any] = torch.load(
        RunFolder(folder, CONFIG).checkpoint, weights_only=True
    )
    return checkpoint


def assert_same(one: RunRecord, two: RunRecord) -> None:
    """mIoU to the last digit, losses within rounding."""
    assert two.confusion == one.confusion
    assert two.miou == one.miou
    assert two.val_loss == pytest.approx(one.val_loss, abs=1e-6)
    assert_same_curve(one.curve, two.curve)


def assert_same_curve(one: Any, two: Any) -> None:
    assert [list(point) for point in two] == [list(point) for point in one]
    for point, other in zip(two, one, strict=True):
        assert point == pytest.approx(other, abs=1e-6)


@pytest.mark.slow
def test_two_processes_train_as_one_and_either_resumes_the_other(tmp_path: Path) -> None:
    one, two = stopped(tmp_path / "one", ONE), stopped(tmp_path / "two", TWO)
    assert two["global_step"] == one["global_step"] == 2
    torch.testing.assert_close(two["state_dict"], one["state_dict"], atol=1e-5, rtol=1e-5)
    assert_same_curve(one["curve"], two["curve"])

    on_one = train(CONFIG, tmp_path / "two", ONE)
    assert on_one.notes == ("resumed at step 2 with devices 1, previously 2",)
    on_two = train(CONFIG, tmp_path / "one", TWO)
    whole = train(CONFIG, tmp_path / "whole", ONE)
    assert (whole.devices, on_one.devices, on_two.devices) == (1, 1, 2)
    assert_same(whole, on_one)
    assert_same(whole, on_two)
    assert whole.miou > 0


FAILING = """
from torch import nn
from lightning_modules.ranks import rank, size

class Failing(nn.Identity):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        if size() == 2 and rank() == 1 and self.training:
            raise {error}
        return x
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "raised", "reason"),
    [
        ("ArithmeticError('too hot')", RuntimeError, "ArithmeticError: too hot"),
        ("__import__('ablations').InputError('bad image')", InputError, "bad image"),
        ("__import__('os')._exit(9)", RuntimeError, "the process of another device ended"),
    ],
)
def test_a_process_that_fails_ends_the_run_with_its_reason(
    error: str,
    raised: type[Exception],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"failing_{raised.__name__}_{len(reason)}"
    (tmp_path / f"{name}.py").write_text(FAILING.replace("{error}", error))
    monkeypatch.syspath_prepend(tmp_path)
    config = CONFIG.changed(block=f"{name}:Failing")
    with pytest.raises(raised, match=reason):
        train(config, tmp_path, TWO)
    [recorded] = RunFolder(tmp_path, config).failures()
    assert reason in recorded


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_all_processes_after_a_step_with_one_checkpoint(
    number: signal.Signals, code: int, trainings: list[Training], tmp_path: Path
) -> None:
    training = Training(tmp_path, 100_000, "--devices", "2")
    trainings.append(training)
    training.wait_for("step ")
    training.send(number)
    returned, output, errors = training.end()
    assert (returned, output) == (code, "")
    assert errors.count("ablate: ") == 2
    assert "Traceback" not in errors
    [run] = (tmp_path / "single").iterdir()
    assert sorted(file.name for file in run.iterdir()) == ["last.ckpt", "lock"]


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_torchrun_starts_the_processes(processes: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node"]
    command += [str(processes), "-m", "ablations", "train", "--accelerator", "cpu"]
    command += ["--runs", str(tmp_path / "runs"), "--val-every", "2"]
    keys = CONFIG.overrides().items()
    command += [word for key, value in keys for word in (f"--{key}", str(value))]
    command = [word.replace("_", "-") if word[:2] == "--" else word for word in command]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("mIoU ") == 1
    [path] = tmp_path.rglob("record.json")
    record = RunRecord.read(path)
    assert record.devices == processes
    assert_same(train(CONFIG, tmp_path / "one", ONE), record)
