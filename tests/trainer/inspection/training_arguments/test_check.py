"""`training.arguments` is held to the installed DPOConfig, with the remedy in the message."""

from __future__ import annotations

import ast
import inspect
import json
import re

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from trl.trainer import dpo_trainer

from dpojob_api.arguments import ALLOWED, REFUSED, REMOVED, RESERVED, TABLE
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.tokenization import generate as tokens
from dpojob_trainer.inspection.training_arguments import check_arguments, check_pad_token, packages
from dpojob_trainer.inspection.training_arguments.cross_field_rules import REWARD_DIFFERENCE_LOSSES
from dpojob_trainer.inspection.training_arguments.generate import table
from dpojob_trainer.shared.container_environment import ENV_PACKAGES

WRONG = [
    ({"warmup_stps": 1}, "warmup_stps is no field of DPOConfig; did you mean warmup_steps?"),
    ({"warmup_ratio": 0.1}, "warmup_steps: 0.1"),
    ({"rpo_alpha": 1.0}, "loss_type: [sigmoid, sft]"),
    ({"max_prompt_length": 512}, "training.maxLength"),
    ({"learning_rate": 1e-5}, "write training.learningRate"),
    ({"save_only_model": True}, "cannot be resumed from a checkpoint"),
    ({"ignore_data_skip": True}, "the pairs it had not seen yet"),
    ({"hub_revision": "tuned"}, "the repository's main branch"),
    ({"learning_rat": 1e-5}, "if you mean learning_rate: write training.learningRate"),
    ({"max_steps": "3"}, 'max_steps must be whole number, not "3"'),
    ({"max_steps": 1.5}, "max_steps must be whole number, not 1.5"),
    ({"max_steps": True}, "max_steps must be whole number, not true"),
    ({"weight_decay": "a"}, "weight_decay must be number"),
    ({"loss_type": [1]}, "loss_type must be list of text or text"),
    ({"loss_type": ["sigmoyd"]}, "did you mean sigmoid?"),
    ({"optim": "adamw_troch"}, "did you mean adamw_torch?"),
    ({"optim": None}, "optim must be text, not null"),
    ({"max_steps": 0}, "max_steps must be 1 or more; leave it out"),
    ({"max_steps": -5}, "max_steps must be 1 or more"),
    ({"eval_steps": 0}, "eval_steps must be 1 or more"),
    ({"logging_steps": 0}, "logging_steps must be 1 or more"),
    ({"warmup_steps": -5}, "warmup_steps must be 0 or more"),
    ({"train_sampling_strategy": "group_by_length"}, "must be random or sequential"),
    ({"train_sampling_strategy": "batch_rebalance"}, "must be random or sequential"),
    ({"group_by_length": True}, "write nothing; TRL keeps no lengths"),
    ({"use_liger_kernel": True}, "it needs the package liger-kernel, which the training image has not"),
    ({"liger_kernel_config": {"rope": True}}, "it configures use_liger_kernel"),
    ({"padding_free": True}, "TRL ignores it at present and pads all the same; leave it out"),
    ({"do_predict": True}, "a job evaluates and does not predict"),
    ({"loss_type": "aot", "f_divergence_type": "js_divergence"}, "leave f_divergence_type out"),
    ({"loss_type": ["sigmoid", "aot"], "f_divergence_type": "forward_kl"}, "goes with loss_type"),
    ({"loss_type": "robust", "label_smoothing": 0.5}, "robust needs label_smoothing below 0.5"),
    ({"label_smoothing": -0.1}, "label_smoothing must be from 0 to 1, not -0.1"),
    ({"ld_alpha": 3}, "ld_alpha must be from 0 to 1, not 3"),
    ({"discopop_tau": 0}, "discopop_tau must be above 0, not 0"),
    ({"loss_type": "simpo"}, "a loss of TRL's CPOTrainer; with a reference, sigmoid_norm"),
    ({"loss_type": ["sigmoid", "KTO"]}, "trained by TRL's KTOTrainer; for pairs, write sigmoid"),
    ({"run_name": "x" * 257}, "run_name has more than 256 characters"),
    ({"report_to": ["x"] * 129}, "report_to has more than 128 entries"),
    ({"model_init_kwargs": {"rope_scaling": {str(n): n for n in range(17)}}}, "rope_scaling has more than 16 entries"),
    ({"deepspeed": {"zero_optimization": {"stage": 2}}}, "write hardware.gpus"),
    ({"fsdp": "full_shard"}, "write hardware.gpus"),
    ({"metric_for_best_model": "eval_rewards/margin"}, "did you mean eval_rewards/margins?"),
    ({"dataloader_prefetch_factor": 2}, "write dataloader_num_workers: 1 or more"),
    ({"dataloader_persistent_workers": True}, "write dataloader_num_workers: 1 or more"),
    ({"loss_type": "exo_pair"}, "write label_smoothing: 0.001"),
    ({"loss_type": "aot", "use_weighting": True}, "use_weighting does not go with loss_type aot"),
    ({"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0]}, "one number for each loss"),
    ({"loss_weights": [1.0, 0.5]}, "one number for each loss"),
    ({"lr_scheduler_kwargs": {"num_cycles": 1}}, "lr_scheduler_type linear takes no num_cycles"),
    ({"lr_scheduler_kwargs": "{}"}, "lr_scheduler_kwargs must be object"),
    (
        {"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"cycles": 2}},
        "takes no cycles; did you mean num_cycles?",
    ),
    ({"lr_scheduler_type": "cosine_with_min_lr"}, "such as {min_lr_rate: 0.1}"),
    ({"lr_scheduler_type": "warmup_stable_decay"}, "needs lr_scheduler_kwargs: {num_decay_steps"),
    ({"model_init_kwargs": {"dtype": "float16"}}, "write hardware.pool"),
    ({"model_init_kwargs": {"trust_remote_code": True}}, "code from a repository is never run"),
    ({"model_init_kwargs": {"attention_dropot": 0.1}}, "did you mean attention_dropout?"),
    ({"model_init_kwargs": {"attn_implementation": "spda"}}, "did you mean sdpa?"),
]  # fmt: skip


def spec(arguments, **more) -> DPOJobSpec:
    training = {"arguments": arguments, **more.pop("training", {})}
    dataset = {"repo": "o/d", **more.pop("dataset", {})}
    return DPOJobSpec.model_validate(
        {"model": {"repo": "o/m"}, "dataset": dataset, "training": training}
    )


@pytest.mark.parametrize(("arguments", "phrase"), WRONG)
def test_a_wrong_argument(arguments, phrase) -> None:
    with pytest.raises(InspectionError) as caught:
        check_arguments(spec(arguments))
    assert caught.value.reason == "InvalidArguments"
    assert phrase in caught.value.message


@pytest.mark.parametrize(
    "arguments",
    [
        {}, {"weight_decay": 1}, {"warmup_steps": 0.1}, {"loss_type": "sigmoid"}, {"loss_type": ["ipo"]},
        {"report_to": ["trackio"]}, {"report_to": "none"}, {"max_steps": 5}, {"optim": "adamw_torch"},
        {"data_seed": None}, {"padding_free": False}, {"ld_alpha": None}, {"ld_alpha": 1},
        {"loss_type": "robust", "label_smoothing": 0.49}, {"loss_type": "ipo", "f_divergence_type": "js_divergence"},
        {"max_steps": -1}, {"eval_steps": None}, {"metric_for_best_model": "loss"},
        {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.1]},
        {"loss_type": "exo_pair", "label_smoothing": 0.001},
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.1}},
        {"lr_scheduler_type": "reduce_lr_on_plateau"},
        {"model_init_kwargs": {"attn_implementation": "sdpa", "attention_dropout": 0.1}},
        {"eval_strategy": "epoch"}, {"eval_strategy": "no"}, {"eval_steps": 5}, {"save_steps": 5},
        {"save_strategy": "epoch"}, {"save_strategy": "no"}, {"save_strategy": "best"},
        {"eval_steps": 5, "save_steps": 10}, {"eval_steps": 0.1, "save_steps": 0.3},
        {"eval_steps": 5, "save_steps": 7, "load_best_model_at_end": False},
    ],
)  # fmt: skip
def test_a_right_argument(arguments) -> None:
    check_arguments(spec(arguments))


APART = "make save_steps a multiple of eval_steps"
NO_PAIRS = {"dataset": {"eval": {"fraction": 0}}}


@pytest.mark.parametrize(
    ("arguments", "more", "phrase"),
    [
        ({"eval_steps": 5, "save_steps": 7}, {}, APART),
        ({"eval_steps": 0.2, "save_steps": 10}, {}, APART),
        ({"eval_strategy": "epoch", "save_strategy": "steps"}, {}, APART),
        ({"load_best_model_at_end": True, "save_strategy": "no"}, {}, "leave eval_strategy: no"),
        ({"eval_strategy": "steps"}, NO_PAIRS, "hold some out with dataset.eval"),
        ({"lr_scheduler_type": "greedy"}, NO_PAIRS, "hold pairs out with dataset.eval"),
        (
            {"eval_strategy": "no"},
            {"training": {"earlyStopping": {"patience": 1}}},
            "training.earlyStopping goes by evaluations",
        ),
        ({"sync_ref_model": True}, {"training": {"method": "lora"}}, "write training.method: full"),
    ],
)
def test_an_argument_that_the_rest_does_not_allow(arguments, more, phrase) -> None:
    with pytest.raises(InspectionError) as caught:
        check_arguments(spec(arguments, **more))
    assert caught.value.reason == "InvalidArguments"
    assert phrase in caught.value.message


NEEDS_A_PACKAGE = [
    ({"optim": "galore_adamw"}, "galore_torch", "write adamw_torch, adafactor or adamw_8bit"),
    ({"optim": "lomo"}, "lomo_optim", "write adamw_torch, adafactor or adamw_8bit"),
    ({"model_init_kwargs": {"use_kernels": True}}, "kernels", "leave it out"),
    ({"model_init_kwargs": {"attn_implementation": "flash_attention_2"}}, "flash_attn", "write sdpa"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "package", "remedy"), NEEDS_A_PACKAGE)
def test_an_argument_whose_package_the_training_image_has_not(
    arguments, package, remedy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda _name: None)
    with pytest.raises(InspectionError, match=f"needs the package {package}, .*: {remedy}, or ask"):
        check_arguments(spec(arguments))
    monkeypatch.setenv(ENV_PACKAGES, f"other,{package}")
    check_arguments(spec(arguments))


def test_an_optimizer_of_a_package_that_our_image_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda _name: None)
    check_arguments(spec({"optim": "paged_adamw_8bit"}))


def test_every_optimizer_is_either_to_be_had_or_refused() -> None:
    from transformers import Trainer, TrainingArguments

    for name in table()["fields"]["optim"]["choices"]:
        arguments = TrainingArguments(optim=name, use_cpu=True)
        if packages.find_missing_packages({"optim": name}):
            with pytest.raises((ImportError, ValueError)):
                Trainer.get_optimizer_cls_and_kwargs(arguments)
        else:
            Trainer.get_optimizer_cls_and_kwargs(arguments)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(InspectionError) as caught:
        check_arguments(spec({"a_b_c": 1, "beta": 1}))
    assert "a_b_c" in caught.value.message and "training.beta" in caught.value.message


def test_the_tables_are_those_of_the_installed_libraries() -> None:
    fields = table()
    assert json.loads(TABLE.read_text()) == fields
    assert set(fields["fields"]) >= set(RESERVED)
    assert not set(REMOVED) & set(fields["fields"])
    assert json.loads(tokens.TABLE.read_text()) == tokens.table()


def test_every_field_of_dpo_config_is_allowed_or_reserved_or_refused() -> None:
    decided = [*ALLOWED, *RESERVED, *REFUSED]
    assert len(decided) == len(set(decided))
    undecided = set(table()["fields"]) - set(decided)
    assert not undecided, "decide in dpojob_api.arguments whether users may set these fields"
    assert set(decided) <= set(table()["fields"])


def test_the_losses_with_other_divergences_are_those_of_trl() -> None:
    source = inspect.getsource(dpo_trainer)
    (named,) = re.findall(r"f_divergence_loss_types = (\{[^}]*\})", source)
    assert set(ast.literal_eval(named)) == REWARD_DIFFERENCE_LOSSES


def test_inspection_checks_them_first(volume) -> None:
    with pytest.raises(InspectionError, match="no field of DPOConfig"):
        volume.inspect(training={"arguments": {"nonsense_option": 1}})


def test_a_padding_token_is_one_of_the_tokenizers() -> None:
    tokenizer = Tokenizer(WordLevel({"<pad>": 0, "the": 1}))
    check_pad_token(spec({"pad_token": "<pad>"}), tokenizer)
    check_pad_token(spec({"pad_token": "<nope>"}), None)
    with pytest.raises(InspectionError) as caught:
        check_pad_token(spec({"pad_token": "<nope>"}), tokenizer)
    assert 'pad_token "<nope>" is no token of the model\'s tokenizer' in caught.value.message
