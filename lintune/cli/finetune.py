"""`lintune finetune`: train a method on a few examples of a task, and keep what was trained."""

from lintune.cli import options, processes
from lintune.errors import InputError


def command(
    task: options.Task,
    method: options.Method,
    out: options.Folder,
    model: options.Model = "smollm2-135m",
    optimizer: options.Trainer = "adam",
    learning_rate: options.LearningRate = None,
    steps: options.Steps = 40,
    batch: options.BatchSize = 8,
    strength: options.Strength = 0.0,
    shots: options.Shots = 16,
    validation_shots: options.ValidationShots = None,
    seed: options.Seed = 0,
    test_examples: options.TestExamples = 200,
    depth: options.TopBlocks = None,
    longest: options.Longest = 256,
    kind: options.PromptKind = None,
    device: options.Device = "cpu",
    dtype: options.FullDtype = "float32",
    peft: options.AsPeft = False,
    merged: options.Merged = False,
    patience: processes.Patience = 600.0,
    force: options.Force = False,
    rank: options.Rank = None,
    alpha: options.Alpha = None,
    targets: options.Targets = None,
    feedforward: options.Feedforward = None,
    count: options.Count = None,
    rule: options.Rule = None,
    method_seed: options.MethodSeed = None,
    option: options.Extra = None,
) -> None:
    """Fine-tune a model on a few examples of a task by a method, and write what was trained.

    FOLDER/adapter.safetensors and adapter.json hold the trained tensors and say what
    they are (lintune.adapters.load reads them), run.json the scores and where they
    come from. With --peft and --merged there are also files for other libraries.
    """
    with processes.joined(device, patience) as own_device:
        if learning_rate is not None and validation_shots is not None:
            raise InputError(
                f"validation_shots={validation_shots} is to choose a learning rate by; learning_rate="
                f"{learning_rate} is given: leave one of them out."
            )

        from lintune.cli.finetuning import folder

        folder.check(out, force)

        from lintune.cli.finetuning import report, request, save, work
        from lintune.records import Stopwatch

        asked = request.Request(
            task=task,
            model=model,
            kind=kind,
            method=method,
            options={
                "rank": rank,
                "alpha": alpha,
                "targets": targets,
                "feedforward": feedforward,
                "count": count,
                "rule": rule,
                "method-seed": method_seed,
            },
            extra=tuple(option or ()),
            depth=depth,
            optimizer=optimizer,
            learning_rate=learning_rate,
            steps=steps,
            batch=batch or None,
            strength=strength,
            shots=shots,
            validation_shots=validation_shots,
            seed=seed,
            test_examples=test_examples,
            longest=longest,
            device=own_device,
            dtype=dtype,
            peft=peft,
            merged=merged,
        )
        stopwatch = Stopwatch()
        done = work.finetune(asked)
        first = processes.writes(own_device)
        if first:
            save.save(done, out, stopwatch)
    if first:
        report.show(done, out)
