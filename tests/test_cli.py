"""The command line: a kernel from end to end, and one clear line for everything that is wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

import lintune
from lintune import models, spectrum, tasks
from lintune.cli import app
from lintune.cli.devices import weights_type
from lintune.cli.sizes import memory_bytes
from lintune.errors import InputError
from lintune.kernels import AsymmetricSignGD, SignGD, contrasts, flat, tangent_kernels
from lintune.kernels.store import load, read_about
from lintune.methods import METHODS, LoRA, Method, Rows
from lintune.prompted import PromptedModel
from tests import torchrun
from tests.cli.given import save_model, save_task

# What a tiny model needs (it has 64 positions), and numbers that compare to the last digit.
SMALL = ("--shots", "3", "--longest", "32", "--dtype", "float64")
LORA = ("--method", "lora", "--rank", "2", "--alpha", "4", "--targets", "*.q_proj", "--targets", "*.v_proj")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model, a task file and its data."""
    root = tmp_path_factory.mktemp("given")
    save_model(root, "llama")
    save_task(root)
    return root


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "K.safetensors"


def run(folder: Path, out: Path, *options: str) -> Result:
    given = ["--task", str(folder / "films.yml"), "--model", str(folder / "llama"), "--out", str(out)]
    return CliRunner().invoke(app, ["kernel", *given, *SMALL, *options])


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(result: Result) -> str:
    """Return the line that says why; nothing is before it but progress bars."""
    assert result.exit_code == 2
    assert result.stdout == ""
    *bars, line = result.stderr.replace("\x1b[A", "").splitlines()  # a bar within a bar goes up a line
    assert all("%|" in bar or not bar.strip() for bar in bars)
    assert line.startswith("error: ")
    return line


def prompted_and_draw(folder: Path, test_examples: int | None = None) -> tuple[PromptedModel, tasks.FewShot]:
    task = tasks.load(folder / "films.yml")
    model = models.load(str(folder / "llama"), dtype=torch.float64)
    return PromptedModel(model, task.prompt, 32), tasks.few_shot(task, 3, 0, test_examples)


def test_the_file_holds_the_kernel_and_its_provenance(folder: Path, out: Path) -> None:
    said = done(run(folder, out, *LORA))
    prompted, draw = prompted_and_draw(folder)
    method = LoRA(rank=2, alpha=4)
    expected = tangent_kernels(prompted, draw.train, methods=[method], outputs=contrasts(2)).train["lora-r2"]
    found = load(out)
    assert found.layers == expected.layers
    np.testing.assert_array_equal(found.blocks, expected.blocks)
    assert f"wrote {out}: (4, 6, 1, 6, 1) as (L, n, k, m, k)" in said.replace("\n", "")
    about = read_about(out)
    assert about["weights"] == prompted.pretrained.weights
    assert about["data"] == tasks.load(folder / "films.yml").source.sha256
    assert json.loads(about["method options"]) == {
        "rank": 2,
        "alpha": 4.0,
        "targets": ["*.q_proj", "*.v_proj"],
        "seed": 0,
    }
    assert (about["method"], about["optimizer"], about["outputs"]) == ("lora", "sgd", "contrasts")
    assert (about["shots"], about["seed"], about["longest"]) == ("3", "0", "32")
    assert (about["device"], about["dtype"]) == ("cpu", "float64")
    assert (about["lintune"], about["torch"]) == (lintune.__version__, torch.__version__)
    assert json.loads(about["labels of rows"]) == draw.train.labels.tolist()
    assert (about["rows"], about["columns"]) == ("training examples", "training examples")
    assert list(out.parent.iterdir()) == [out]


def test_the_summary_is_that_of_the_kernel(folder: Path, out: Path) -> None:
    said = done(run(folder, out, *LORA))
    kernel = load(out)
    gram = flat(kernel.total())
    values = spectrum.eigenvalues(gram)
    labels = np.array(json.loads(read_about(out)["labels of rows"]))
    alignment = spectrum.alignment(gram, spectrum.label_kernel(labels))
    lines = {line.strip().split("  ")[0]: line.strip() for line in said.splitlines()}
    expected = {
        "training examples n": "6",
        "outputs k": "1 (contrasts)",
        "blocks L": "4",
        # d_out is 16 for queries, 8 for values: two blocks of the model, rank 2, 16 inputs.
        "parameters trained": str(2 * 2 * (32 + 24)),
        "trace": f"{np.trace(gram):.4g}",
        "largest eigenvalues": ", ".join(f"{value:.4g}" for value in values[:5]),
        "condition number": f"{spectrum.condition_number(gram):.4g}",
        "centred alignment with labels": f"{alignment:.4g}",
    }
    for name, value in expected.items():
        assert value in lines[name].removeprefix(name), name
    flattened = " ".join(said.split())
    dimension = spectrum.effective_dimension(gram, float(values.mean()))
    assert f"{dimension:.4g} of 6, at a ridge of the mean eigenvalue ({values.mean():.4g})" in flattened
    shares = [float(share) for share in re.findall(r"([\d.]+)%", said)]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.3)


def test_test_examples_get_a_file_of_their_own(folder: Path, out: Path) -> None:
    said = done(run(folder, out, *LORA, "--test-examples", "4", "--outputs", "logits"))
    cross = out.with_name("K.cross.safetensors")
    prompted, draw = prompted_and_draw(folder, 4)
    found = tangent_kernels(prompted, draw.train, draw.test, methods=[LoRA(rank=2, alpha=4)])
    np.testing.assert_array_equal(load(out).blocks, found.train["lora-r2"].blocks)
    np.testing.assert_array_equal(load(cross).blocks, found.cross["lora-r2"].blocks)
    about = read_about(cross)
    assert (about["rows"], about["columns"]) == ("training examples", "test examples")
    assert json.loads(about["labels of columns"]) == draw.test.labels.tolist()
    assert json.loads(about["labels of rows"]) == draw.train.labels.tolist()
    assert str(cross) in said.replace("\n", "")


@pytest.mark.parametrize(
    ("optimizer", "wrapped"), [("signgd", SignGD), ("asymmetric-signgd", AsymmetricSignGD)]
)
def test_kernels_of_sign_descent(
    folder: Path, out: Path, optimizer: str, wrapped: type[SignGD] | type[AsymmetricSignGD]
) -> None:
    options = ("--method", "rows", "--count", "2", "--rule", "random", "--method-seed", "5")
    said = done(run(folder, out, *options, "--optimizer", optimizer, "--total"))
    prompted, draw = prompted_and_draw(folder)
    method = wrapped(Rows(count=2, rule="random", seed=5))
    found = tangent_kernels(prompted, draw.train, methods=[method], outputs=contrasts(2), by_layer=False)
    np.testing.assert_array_equal(load(out).blocks, found.train[method.name].blocks)
    assert load(out).layers == ("all",)
    assert read_about(out)["optimizer"] == optimizer
    assert ("the kernel is not symmetric" in said) == (optimizer == "asymmetric-signgd")
    assert "share of trace" not in said


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_has_a_kernel(folder: Path, out: Path, method: str) -> None:
    if method == "biases":  # a Llama has none
        refused(run(folder, out, "--method", method))
        return
    done(run(folder, out, "--method", method))
    assert load(out).blocks.shape[1:] == (6, 1, 6, 1)
    made: Method = METHODS[method]()
    options = json.loads(read_about(out)["method options"])
    assert options["targets"] == (None if made.targets is None else list(made.targets))  # type: ignore[attr-defined]


def test_a_file_that_is_there_needs_force(folder: Path, out: Path) -> None:
    done(run(folder, out, *LORA, "--test-examples", "2"))
    before = out.read_bytes()
    assert "is there already; --force replaces it" in refused(run(folder, out, *LORA))
    assert out.read_bytes() == before
    out.unlink()  # the cross kernel alone would stand beside a kernel of another run
    assert "K.cross.safetensors' is there already" in refused(run(folder, out, *LORA))
    done(run(folder, out, *LORA, "--force"))
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--method", "lorra"), r"method='lorra' is not known. Did you mean 'lora' .*Accepted: adalora"),
        (("--method", "ssl", "--rank", "4"), "--rank does not go with method='ssl', which has --targets"),
        (
            ("--method", "lora", "--count", "4"),
            "--count does not go with method='lora', which has --rank, --alpha, --targets, --method-seed",
        ),
        (("--method", "full", "--method-seed", "1"), "--method-seed does not go with method='full'"),
        (("--method", "lora", "--rank", "0"), "rank=0 must be at least 1"),
        (("--method", "lora", "--rank", "99"), "rank=99"),
        (("--method", "rows", "--rule", "best"), "rule='best' is not known"),
        (("--method", "lora", "--targets", "*.query"), r"targets='\*.query' matches none"),
        (("--method", "full", "--task", "mrr"), "task='mrr' is not known. Did you mean 'mr' or 'mrpc'"),
        (("--method", "full", "--task", "gone.yml"), "gone.yml.*no such task file"),
        (("--method", "full", "--model", "smollm"), "model='smollm' is not known"),
        (("--method", "full", "--shots", "1000"), "shots=1000 is more than class"),
        (("--method", "full", "--test-examples", "1000"), "test_examples=1000 must be from 1 to"),
        (("--method", "full", "--longest", "1000"), "longest=1000 must be from 1 to 64"),
        (("--method", "full", "--memory", "6 bananas"), "memory='6 bananas' is not a size"),
        (("--method", "full", "--device", "cuda:99"), "device='cuda:99' cannot be used.*cpu"),
        (("--method", "full", "--device", "gpu"), "device='gpu' cannot be used"),
        (("--method", "full", "--device", "meta"), "device='meta' cannot be used"),
    ],
)
def test_wrong_options_are_one_line(
    folder: Path, out: Path, options: tuple[str, ...], complaint: str
) -> None:
    assert re.search(complaint, refused(run(folder, out, *options)))
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--optimizer", "adam"), "asymmetric-signgd"),
        (("--outputs", "probabilities"), "contrasts"),
        (("--dtype", "float8"), "bfloat16"),
        (("--shots", "0"), "--shots"),
        (("--seed", "-1"), "--seed"),
        (("--ranks", "3"), "--rank"),
    ],
)
def test_options_with_listed_values_are_checked_before_anything(
    folder: Path, out: Path, options: tuple[str, ...], named: str
) -> None:
    result = run(folder, out, "--method", "full", *options)
    assert result.exit_code == 2
    assert named in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("K.npz", "must end in .safetensors"),
        ("K", "must end in .safetensors"),
        ("K.cross.safetensors", "not in .cross.safetensors"),
        ("gone/K.safetensors", "no folder"),
        ("taken.safetensors", "is a folder"),
        ("file/K.safetensors", "no folder"),
    ],
)
def test_a_wrong_out_is_refused_before_any_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, complaint: str
) -> None:
    (tmp_path / "taken.safetensors").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr("lintune.cli.compute.compute", lambda _: pytest.fail("work was begun"))
    assert complaint in refused(run(folder, tmp_path / name, *LORA, "--force"))


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(
    folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("lintune.cli.compute.compute", lambda _: pytest.fail("work was begun"))
    monkeypatch.setattr("lintune.cli.files.tempfile.TemporaryFile", read_only)
    assert "Read-only file system" in refused(run(folder, out, *LORA))


def test_damaged_weights_are_one_line(folder: Path, out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (folder / "llama").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "are damaged" in refused(run(folder, out, *LORA, "--model", str(copy)))


def test_a_disk_that_is_full_is_one_line(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lintune.kernels.store.save_file", full)
    assert "No space left" in refused(run(folder, out, *LORA))
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("6GB", 6 * 10**9),
        ("6 gb", 6 * 10**9),
        ("512MiB", 512 * 2**20),
        ("1.5k", 1500),
        ("2Ti", 2 * 2**40),
        ("800000000", 800000000),
        ("1B", 1),
    ],
)
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert memory_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "0", "-1GB", "6 GBytes", "1e9", "nan", "0.4B"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(InputError, match="is not a size"):
        memory_bytes(text)


def test_help_names_the_commands_without_loading_torch() -> None:
    code = "import sys, lintune.cli; assert not {'torch', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "kernel" in done(CliRunner().invoke(app, ["--help"]))
    assert "--method-seed" in done(CliRunner().invoke(app, ["kernel", "--help"]))


@pytest.mark.slow
def test_the_module_is_the_command(folder: Path, out: Path) -> None:
    called = [sys.executable, "-m", "lintune.cli", "kernel", "--task", str(folder / "films.yml")]
    called += ["--model", str(folder / "llama"), "--out", str(out), *SMALL, *LORA]
    result = subprocess.run(called, capture_output=True, text=True, check=False)
    assert (result.returncode, load(out).blocks.shape) == (0, (4, 6, 1, 6, 1)), result.stderr
    again = subprocess.run(called, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("error: out=")


@pytest.mark.slow
def test_processes_of_torchrun_share_the_work(folder: Path, out: Path) -> None:
    done(run(folder, out, *LORA))
    together = out.with_name("together.safetensors")
    places = {"--task": folder / "films.yml", "--model": folder / "llama", "--out": together}
    given = [str(part) for option in places.items() for part in option] + [*SMALL, *LORA]
    code, said, errors = torchrun.ended(torchrun.start(2, "-m", "lintune.cli", "kernel", *given))
    assert (code, errors) == (0, [])
    assert said.count("wrote ") == 1
    np.testing.assert_allclose(load(together).blocks, load(out).blocks, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "spacing"), [("bfloat16", 2**-8), ("float16", 2**-11), ("float32", 2**-24)])
def test_a_kernel_in_fewer_digits_is_that_kernel_to_those_digits(
    folder: Path, out: Path, tmp_path: Path, name: str, spacing: float
) -> None:
    done(run(folder, out, *LORA))
    short = tmp_path / "short.safetensors"
    done(run(folder, short, *LORA, "--dtype", name))
    exact, found = load(out).total(), load(short).total()
    error = float(np.linalg.norm(found - exact) / np.linalg.norm(exact))
    assert spacing / 100 < error < 20 * spacing  # else the weights were not of that type
    assert read_about(short)["dtype"] == name


def test_tf32_asks_for_fast_products_and_another_type_takes_that_back() -> None:
    before = torch.get_float32_matmul_precision()
    try:
        assert weights_type("tf32", torch.device("cuda")) is torch.float32
        assert torch.get_float32_matmul_precision() == "high"
        assert weights_type("bfloat16", torch.device("cuda")) is torch.bfloat16
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision(before)


def test_tf32_is_refused_on_a_cpu(folder: Path, out: Path) -> None:
    assert "dtype='tf32' is a way of CUDA devices" in refused(run(folder, out, *LORA, "--dtype", "tf32"))
