"""Train the adapter that `lintune advise` suggested, with peft and transformers alone.

    python train.py                  # or: python train.py --device cuda --out somewhere

The settings are in plan.json and adapter_config.json beside this file, the texts in train.jsonl and
test.jsonl: one object a line, with the texts of the template and the label. The trained adapter goes to
adapter/ beside this file; `peft.PeftModel.from_pretrained(model, "adapter")` reads it.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import torch
from peft import PeftConfig, get_peft_model
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

HERE = Path(__file__).resolve().parent
SLOT = "\0"  # stands where the label word belongs


class Text(str):
    """A text that a template may ask for as `{text:cut}`, without its end mark, or as `{text:lower}`."""

    def __format__(self, form: str) -> str:
        """Return the text in a form."""
        if form == "lower":
            return self[:1].lower() + self[1:]
        text = self.rstrip()
        if form == "cut":
            return text[:-1].rstrip() if text.endswith((".", "!", "?", ";", ",", ":")) else text
        return str(self)


def fields(template: str) -> list[str]:
    """Return the names of the texts in a template."""
    return [name for _, name, _, _ in Formatter().parse(template) if name and name != "label"]


class Prompts:
    """The template around texts, as tokens."""

    def __init__(self, plan: Mapping[str, Any], tokenizer: Any) -> None:
        """Take template and label words from the plan."""
        self.plan, self.tokenizer = plan, tokenizer
        self.masked = plan["kind"] == "masked"
        before, _ = self.around(dict.fromkeys(fields(plan["template"]), "x"))
        spelled = [before + word for word in plan["words"]]
        self.words = [tokenizer(text, add_special_tokens=False)["input_ids"][-1] for text in spelled]

    def around(self, texts: Mapping[str, str]) -> tuple[str, str]:
        """Return what stands before the label word, and what after it."""
        filled = {name: Text(text) for name, text in texts.items()} | {"label": Text(SLOT)}
        before, _, after = self.plan["template"].format(**filled).partition(SLOT)
        return before, after

    def tokens(self, texts: Mapping[str, str]) -> list[int]:
        """Return the tokens of a prompt; a causal model sees what precedes the label word."""
        before, after = self.around(texts)
        if self.masked:
            return list(self.tokenizer(before + self.tokenizer.mask_token + after)["input_ids"])
        ids = list(self.tokenizer(before.rstrip())["input_ids"])
        return ids[:-1] if ids[-1] == self.tokenizer.eos_token_id else ids

    def encode(self, row: Mapping[str, str]) -> tuple[list[int], int, int]:
        """Return the tokens of a row, the place where the label word is asked for, and the class."""
        texts = {name: text for name, text in row.items() if name != "label"}
        while len(ids := self.tokens(texts)) > self.plan["longest"]:
            self.shorten(texts, len(ids) - self.plan["longest"])
        place = ids.index(self.tokenizer.mask_token_id) if self.masked else len(ids) - 1
        return ids, place, self.plan["classes"].index(row["label"])

    def shorten(self, texts: dict[str, str], excess: int) -> None:
        """Drop tokens from the end of the longest text."""
        name = max(texts, key=lambda each: len(texts[each]))
        found = self.tokenizer(texts[name], add_special_tokens=False, return_offsets_mapping=True)
        ends = [end for _, end in found["offset_mapping"]]
        keep = len(ends) - excess if len(ends) > excess else len(ends) // 2
        texts[name] = texts[name][: min(ends[keep - 1], len(texts[name]) - 1)].rstrip()


Rows = Sequence[tuple[list[int], int, int]]


def answers(model: Any, prompts: Prompts, rows: Rows) -> torch.Tensor:
    """Return the logits of the label words `(b, C)`, the rows padded on the right."""
    device, pad = model.device, prompts.tokenizer.pad_token_id or 0
    ids = pad_sequence([torch.tensor(row[0]) for row in rows], batch_first=True, padding_value=pad)
    real = pad_sequence([torch.ones(len(row[0]), dtype=torch.long) for row in rows], batch_first=True)
    places = torch.tensor([row[1] for row in rows], device=device)
    given = {"input_ids": ids.to(device), "attention_mask": real.to(device)}
    if not prompts.masked:  # the head is large: apply it only where some row is read
        kept = places.unique()
        given["logits_to_keep"], places = kept, torch.searchsorted(kept, places)
    logits = model(**given).logits
    return logits[torch.arange(len(rows), device=device), places][:, prompts.words]


def mean_loss(model: Any, prompts: Prompts, rows: Rows) -> torch.Tensor:
    """Return the mean cross-entropy of the label words at the place where they are asked for."""
    found = answers(model, prompts, rows)
    return cross_entropy(found, torch.tensor([row[2] for row in rows], device=found.device))


def measure(model: Any, prompts: Prompts, rows: Rows, size: int = 16) -> str:
    """Return accuracy and mean loss in words."""
    with torch.no_grad():
        found = torch.cat(
            [answers(model, prompts, rows[place : place + size]) for place in range(0, len(rows), size)]
        )
    labels = torch.tensor([row[2] for row in rows], device=found.device)
    right = (found.argmax(dim=1) == labels).double().mean()
    return f"accuracy {right:.3f}, loss {cross_entropy(found, labels):.4f}, on {len(rows)} examples"


def batches(count: int, size: int | None, seed: int) -> Iterator[np.ndarray]:
    """Yield which rows each step sees, epoch by epoch; an epoch's smaller last batch is left out."""
    if size is None or size >= count:
        while True:
            yield np.arange(count)
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]


def train(model: Any, prompts: Prompts, rows: Rows) -> None:
    """Train what asks for gradients, and print the loss of every batch."""
    plan = prompts.plan
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    start = [parameter.detach().clone() for parameter in trained]
    optimizer = torch.optim.AdamW(trained, lr=plan["learning_rate"], weight_decay=0.0)
    order = batches(len(rows), plan["batch"], plan["seed"])
    for step, places in zip(range(plan["steps"]), order, strict=False):
        loss = mean_loss(model, prompts, [rows[place] for place in places])
        print(f"step {step + 1} of {plan['steps']}: loss {loss.item():.6f}")
        objective = len(rows) * loss  # the loss is summed over the training examples
        if plan["strength"]:  # and what is trained is pulled to its start
            away = sum((now - then).square().sum() for now, then in zip(trained, start, strict=True))
            objective = objective + plan["strength"] / 2 * away
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()


def load(plan: Mapping[str, Any], device: str) -> tuple[Any, Any]:
    """Return the model with a fresh adapter, and its tokenizer; a model's folder may be beside this file."""
    beside = HERE / plan["model"]
    where = str(beside) if beside.is_dir() else plan["model"]
    auto = AutoModelForMaskedLM if plan["kind"] == "masked" else AutoModelForCausalLM
    dtype = getattr(torch, plan["dtype"])
    revision = plan["revision"]
    model: Any = auto.from_pretrained(
        where, revision=revision, dtype=dtype, use_safetensors=True, trust_remote_code=False
    )
    torch.manual_seed(plan["seed"])
    adapted = get_peft_model(model.to(device), PeftConfig.from_pretrained(str(HERE)))
    tokenizer = AutoTokenizer.from_pretrained(where, revision=revision, trust_remote_code=False)
    return adapted.eval(), tokenizer  # eval: no dropout, as the advice assumes


def read(name: str) -> list[dict[str, str]]:
    """Return the rows of a file beside this one."""
    lines = (HERE / name).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def main() -> None:
    """Train, measure before and after, and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", default=str(HERE / "adapter"))
    asked = parser.parse_args()
    plan = json.loads((HERE / "plan.json").read_text(encoding="utf-8"))
    model, tokenizer = load(plan, asked.device)
    prompts = Prompts(plan, tokenizer)
    training, test = ([prompts.encode(row) for row in read(f"{name}.jsonl")] for name in ("train", "test"))
    model.print_trainable_parameters()
    print("test, before:", measure(model, prompts, test))
    train(model, prompts, training)
    print("test, after: ", measure(model, prompts, test))
    model.save_pretrained(asked.out)
    print("wrote", asked.out)


if __name__ == "__main__":
    main()
