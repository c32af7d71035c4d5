"""Label-word logits: the same packed, padded and alone; templates, label words and lengths checked."""

import numpy as np
import pytest
import torch

from lintune.errors import CorruptFileError, InputError
from lintune.models import Pretrained, load
from lintune.prompted import PromptedModel
from lintune.prompted.encode import label_tokens
from lintune.tasks import Examples, Prompt
from tests.tiny import ARCHITECTURES, pretrained

PROMPT = Prompt("{text} . it was {label} .", ("terrible", "great"))
TEXTS = ("good", "the plot was very long and not funny , sad story of one dull actor", "a film", "x x x x")
PADDED = {"gemma2-softcap", "bloom-alibi", "falcon-in-place"}


def examples(*texts: str) -> Examples:
    return Examples(tuple({"text": text} for text in texts), np.zeros(len(texts), dtype=np.int64))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_logits_are_those_of_each_prompt_alone(name: str) -> None:
    prompted = PromptedModel(pretrained(name), PROMPT, longest=32)
    assert prompted.packs == (name not in PADDED)
    together = prompted.predict(examples(*TEXTS))
    for row, prompt in zip(together, prompted.encode(examples(*TEXTS)), strict=True):
        with torch.no_grad():
            alone = prompted.pretrained.model(torch.tensor([prompt.ids])).logits[
                0, prompt.readout, prompted.label_ids
            ]
        torch.testing.assert_close(row, alone.double(), rtol=1e-5, atol=1e-5)


def test_attention_of_the_model_is_restored() -> None:
    model = pretrained("llama")
    before = model.model.config._attn_implementation
    PromptedModel(model, PROMPT, longest=32).predict(examples("good"))
    assert model.model.config._attn_implementation == before


def test_causal_prompt_ends_before_the_slot_and_masked_prompt_holds_the_mask() -> None:
    causal = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    (prompt,) = causal.encode(examples("good"))
    assert causal.pretrained.tokenizer.decode(list(prompt.ids)) == "good . it was"
    assert prompt.readout == len(prompt.ids) - 1
    masked = PromptedModel(pretrained("bert"), PROMPT, longest=32)
    (prompt,) = masked.encode(examples("good"))
    assert masked.pretrained.tokenizer.decode(list(prompt.ids)) == "[CLS] good . it was [MASK] . [SEP]"
    assert prompt.ids[prompt.readout] == masked.pretrained.tokenizer.mask_token_id


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_long_text_is_cut_and_the_template_kept(name: str) -> None:
    prompted = PromptedModel(pretrained(name), PROMPT, longest=12)
    (prompt,) = prompted.encode(examples("film " * 40))
    decoded = str(prompted.pretrained.tokenizer.decode(list(prompt.ids)))
    assert len(prompt.ids) <= 12
    assert "film film" in decoded
    assert "it was" in decoded


def test_the_longest_field_is_the_one_that_is_cut() -> None:
    prompt = Prompt("{first} ? {second} . it was {label}", ("terrible", "great"))
    prompted = PromptedModel(pretrained("llama"), prompt, longest=14)
    fields = ({"first": "good story", "second": "film " * 30},)
    (encoded,) = prompted.encode(Examples(fields, np.zeros(1, dtype=np.int64)))
    decoded = str(prompted.pretrained.tokenizer.decode(list(encoded.ids)))
    assert decoded.startswith("good story ? film film")
    assert decoded.endswith(". it was")


def test_label_words_carry_their_space_in_a_byte_level_vocabulary() -> None:
    tokenizer = load("smollm2-135m").tokenizer
    ids = label_tokens(tokenizer, Prompt("{text} It was {label}.", ("terrible", "great")))
    assert tokenizer.convert_ids_to_tokens(list(ids)) == ["Ġterrible", "Ġgreat"]
    ids = label_tokens(tokenizer, Prompt("{text} ({label})", ("bad", "good")))
    assert tokenizer.convert_ids_to_tokens(list(ids)) == ["bad", "good"]


def test_label_word_of_several_tokens_is_refused() -> None:
    tokenizer = load("smollm2-135m").tokenizer
    with pytest.raises(InputError, match=r"'abysmal' is 2 tokens|'abysmal' is 3 tokens"):
        label_tokens(tokenizer, Prompt("{text} It was {label}.", ("abysmal", "great")))


def test_unknown_label_word_is_refused() -> None:
    with pytest.raises(InputError, match="no token of its own"):
        PromptedModel(
            pretrained("llama"), Prompt("{text} it was {label}", ("terrible", "unheardof")), longest=32
        )


def test_causal_template_with_text_after_the_slot_is_refused() -> None:
    with pytest.raises(InputError, match="causal model cannot see"):
        PromptedModel(
            pretrained("llama"), Prompt("it was {label} . {text}", ("terrible", "great")), longest=32
        )
    PromptedModel(pretrained("bert"), Prompt("it was {label} . {text}", ("terrible", "great")), longest=32)


@pytest.mark.parametrize("longest", [0, 65])
def test_length_outside_the_positions_is_refused(longest: int) -> None:
    with pytest.raises(InputError, match="from 1 to 64"):
        PromptedModel(pretrained("llama"), PROMPT, longest=longest)


def test_no_room_beside_the_template_is_refused() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=8)
    prompted.longest = 3
    with pytest.raises(InputError, match="no room"):
        prompted.encode(examples("good film"))


def test_mask_token_in_a_text_is_refused() -> None:
    with pytest.raises(InputError, match="2 mask tokens"):
        PromptedModel(pretrained("bert"), PROMPT, longest=32).encode(examples("good [MASK] film"))


def test_encoder_is_refused() -> None:
    with pytest.raises(InputError, match="no language-modelling head"):
        PromptedModel(load("minilm"), PROMPT)


def test_weights_that_are_not_finite_are_refused() -> None:
    import copy

    tiny = pretrained("llama", torch.float32)
    model = copy.deepcopy(tiny.model)
    model.model.layers[0].mlp.up_proj.weight.data[0, 0] = float("nan")
    with pytest.raises(CorruptFileError, match=r"broken.*layers\.0\.mlp\.up_proj\.weight .*not finite"):
        Pretrained("broken", "causal", model, tiny.tokenizer, "", "")
