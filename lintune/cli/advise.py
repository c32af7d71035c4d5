"""`lintune advise`: which layers, method and rank to train, before any training."""

from lintune.cli import options


def command(
    task: options.Task,
    out: options.Folder,
    model: options.Model = "smollm2-135m",
    budget: options.Budgets = None,
    method: options.Kinds = None,
    layers: options.WhichLayers = None,
    depth: options.Depths = None,
    rank: options.Ranks = None,
    steps: options.Steps = 16,
    batch: options.BatchSize = 8,
    shots: options.Shots = 32,
    seed: options.Seed = 0,
    test_examples: options.TestExamples = 200,
    probe_steps: options.ProbeSteps = 4,
    longest: options.Longest = 256,
    kind: options.PromptKind = None,
    device: options.Device = "cpu",
    dtype: options.FullDtype = "float32",
    force: options.Force = False,
) -> None:
    """Say which layers, method and rank to train, from one look at a model and a few examples.

    Every candidate is scored by what its tangent kernel predicts of training it;
    a few real steps say how far to trust that. FOLDER/advice.json holds all
    numbers, advice.png draws them, and train.py trains the first candidate with
    peft and transformers alone.
    """
    from lintune.cli.finetuning import folder

    folder.check(out, force)

    from lintune.cli.advising import quantities, report, request, save, work
    from lintune.records import Stopwatch

    asked = request.Request(
        task=task,
        model=model,
        kind=kind,
        budget=quantities.budget_of(budget or []),
        methods=tuple(dict.fromkeys(method or ())),
        layers=layers,
        depths=tuple(dict.fromkeys(depth or ())),
        ranks=tuple(dict.fromkeys(rank or ())),
        steps=steps,
        batch=batch or None,
        shots=shots,
        seed=seed,
        test_examples=test_examples,
        probe_steps=probe_steps,
        longest=longest,
        device=device,
        dtype=dtype,
    )
    request.check(asked)
    stopwatch = Stopwatch()
    done = work.advised(asked, out)
    save.save(done, out, stopwatch)
    report.show(done, out)
