"""`lintune kernel`: one tangent kernel, in a file."""

from typing import Annotated, Literal

import typer

from lintune.cli import options, processes
from lintune.cli.files import KernelFiles
from lintune.cli.sizes import memory_bytes


def command(
    task: options.Task,
    method: options.Method,
    out: options.Out,
    model: options.Model = "smollm2-135m",
    optimizer: options.Optimizer = "sgd",
    shots: options.Shots = 16,
    seed: options.Seed = 0,
    test_examples: Annotated[
        int, typer.Option(min=0, help="Also the kernel with this many test examples, in K.cross.safetensors.")
    ] = 0,
    outputs: Annotated[
        Literal["contrasts", "logits"], typer.Option(help="Of differences of the logits, or of each logit.")
    ] = "contrasts",
    longest: options.Longest = 256,
    device: options.Device = "cpu",
    dtype: options.Dtype = "float32",
    by_layer: Annotated[
        bool, typer.Option("--by-layer/--total", help="Keep one block per layer, or only their sum.")
    ] = True,
    memory: options.Memory = "6GB",
    patience: processes.Patience = 600.0,
    force: options.Force = False,
    rank: options.Rank = None,
    alpha: options.Alpha = None,
    targets: options.Targets = None,
    feedforward: options.Feedforward = None,
    count: options.Count = None,
    rule: options.Rule = None,
    method_seed: options.MethodSeed = None,
) -> None:
    """Compute the exact tangent kernel of a method on a few examples, and store it.

    K.safetensors holds the kernel of the training examples, with where it comes
    from; with --test-examples, K.cross.safetensors holds the kernel between
    training and test examples. lintune.kernels.store.load reads both.
    """
    with processes.joined(device, patience) as own_device:
        bytes_kept = memory_bytes(memory)
        files = KernelFiles(out)
        files.check(force)

        from lintune.cli import compute, summary, write

        request = compute.Request(
            task=task,
            model=model,
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
            optimizer=optimizer,
            shots=shots,
            seed=seed,
            test_examples=test_examples,
            outputs=outputs,
            longest=longest,
            device=own_device,
            dtype=dtype,
            by_layer=by_layer,
            memory=bytes_kept,
        )
        computed = compute.compute(request)
        first = processes.writes(own_device)
        if first:
            write.write(computed, files)
    if first:
        summary.show(computed)
