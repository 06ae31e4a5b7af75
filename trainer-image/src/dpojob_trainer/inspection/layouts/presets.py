"""The layouts of published preference datasets, and how a dataset is recognised as one of them.

The first preset of `PRESETS` that fits is taken, so the more specific ones come first.
"""

from __future__ import annotations

from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS

from .column_types import Schema
from .comparison_votes import (
    ANSWER_SCORES,
    OUTCOMES,
    read_arena_votes,
    read_scored_answers,
    read_summary_choice,
)
from .nemo_turns import read_nemo_turns
from .preset import NATIVE, Preset
from .preset_converters import (
    equal_scores,
    no_preference,
    read_chosen_and_rejected_roles,
    read_rejected_response,
    read_signed_preference,
    read_transcripts,
    tie_status,
)
from .preset_vectorized import convert_signed_preferences, convert_transcripts
from .ranked_completions import (
    read_labelled_candidates,
    read_ranked_completions,
    read_scored_contents,
)
from .transcript_stats import TranscriptStats

PRESETS: tuple[Preset, ...] = (
    Preset(
        name="helpsteer3",
        title="nvidia/HelpSteer3, preference",
        columns={"prompt": "context", "chosen": "response1", "rejected": "response2"},
        kinds={"context": "messages"},
        also=("overall_preference",),
        is_tie=no_preference("overall_preference"),
        convert=read_signed_preference("overall_preference"),
        convert_batch=convert_signed_preferences("overall_preference"),
    ),
    Preset(
        name="helpsteer2",
        title="nvidia/HelpSteer2, preference",
        columns={"prompt": "prompt", "chosen": "response_1", "rejected": "response_2"},
        also=("preference_strength", "preference_statement"),
        is_tie=no_preference("preference_strength"),
        convert=read_signed_preference("preference_strength"),
        convert_batch=convert_signed_preferences("preference_strength"),
    ),
    Preset(
        name="helpsteer3-edit",
        title="nvidia/HelpSteer3, edit",
        columns={"prompt": "context", "chosen": "edited_response", "rejected": "original_response"},
        also=("change_summary",),
    ),
    Preset(
        name="openai",
        title="preference fine-tuning of OpenAI, Azure and Together",
        columns={
            "prompt": "input.messages",
            "chosen": "preferred_output",
            "rejected": "non_preferred_output",
        },
        kinds={
            "input.messages": "messages",
            "preferred_output": "messages",
            "non_preferred_output": "messages",
        },
        optional={"tools": "input.tools"},
    ),
    Preset(
        name="distilabel-orca",
        title="argilla/distilabel-intel-orca-dpo-pairs",
        columns={"prompt": "input", "system": "system", "chosen": "chosen", "rejected": "rejected"},
        kinds={"input": "text", "chosen": "text", "rejected": "text"},
        also=("status",),
        is_tie=tie_status,
    ),
    Preset(
        name="orca",
        title="Intel/orca_dpo_pairs",
        columns={
            "prompt": "question",
            "system": "system",
            "chosen": "chosen",
            "rejected": "rejected",
        },
        kinds={"question": "text", "chosen": "text", "rejected": "text"},
        without=("prompt",),
    ),
    Preset(
        name="ultrafeedback-preferences",
        title="argilla/ultrafeedback-binarized-preferences",
        columns={
            "prompt": "instruction",
            "chosen": "chosen_response",
            "rejected": "rejected_response",
        },
        kinds={"instruction": "text", "chosen_response": "text", "rejected_response": "text"},
        also=("chosen_avg_rating", "rejected_avg_rating"),
        is_tie=equal_scores("chosen_avg_rating", "rejected_avg_rating"),
    ),
    Preset(
        name="nemo",
        title="preference data of NeMo with ratings",
        columns={
            "prompt": "context",
            "chosen": "chosen_response",
            "rejected": "rejected_response",
        },
        also=("chosen_rating", "rejected_rating"),
        is_tie=equal_scores("chosen_rating", "rejected_rating"),
    ),
    Preset(
        name="nemo-aligner",
        title="NVIDIA/NeMo-Aligner, DPO with rewards",
        columns={
            "prompt": "prompt",
            "chosen": "chosen_response",
            "rejected": "rejected_response",
        },
        also=("chosen_reward", "rejected_reward"),
        is_tie=equal_scores("chosen_reward", "rejected_reward"),
        convert=read_nemo_turns,
    ),
    Preset(
        name="nemo-rl",
        title="NeMo-RL, ranked completions",
        columns={"prompt": "context", "chosen": "completions", "rejected": "completions"},
        kinds={"context": "messages", "completions": "messages"},
        convert=read_ranked_completions,
    ),
    Preset(
        name="vertex",
        title="preference tuning of Vertex AI",
        columns={"prompt": "contents", "chosen": "completions", "rejected": "completions"},
        kinds={"contents": "messages", "completions": "messages"},
        optional={"system": "systemInstruction"},
        convert=read_scored_contents,
    ),
    Preset(
        name="bedrock",
        title="DPO of Amazon Bedrock, conversations that end with two candidates",
        columns=dict.fromkeys(PAIR_FIELDS, "messages"),
        is_recognized=False,
        convert=read_labelled_candidates,
    ),
    Preset(
        name="summarize-from-feedback",
        title="openai/summarize_from_feedback, comparisons",
        columns={"prompt": "info", "chosen": "summaries", "rejected": "summaries"},
        kinds={"summaries": "messages"},
        also=("choice",),
        convert=read_summary_choice,
    ),
    Preset(
        name="webgpt",
        title="openai/webgpt_comparisons",
        columns={"prompt": "question.full_text", "chosen": "answer_0", "rejected": "answer_1"},
        kinds={"question.full_text": "text", "answer_0": "text", "answer_1": "text"},
        also=ANSWER_SCORES,
        is_tie=equal_scores(*ANSWER_SCORES),
        convert=read_scored_answers,
    ),
    Preset(
        name="ultrafeedback-cleaned",
        title="argilla/ultrafeedback-binarized-preferences-cleaned",
        columns={"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        kinds={"prompt": "text", "chosen": "messages", "rejected": "messages"},
        also=("chosen-rating", "rejected-rating"),
        is_tie=equal_scores("chosen-rating", "rejected-rating"),
    ),
    Preset(
        name="ultrafeedback-binarized",
        title="HuggingFaceH4/ultrafeedback_binarized",
        columns={"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        kinds={"prompt": "text", "chosen": "messages", "rejected": "messages"},
        also=("score_chosen", "score_rejected"),
        is_tie=equal_scores("score_chosen", "score_rejected"),
    ),
    Preset(
        name="ultrafeedback-trl",
        title="trl-lib/ultrafeedback_binarized",
        columns={"chosen": "chosen", "rejected": "rejected"},
        kinds={"chosen": "messages", "rejected": "messages"},
        also=("score_chosen", "score_rejected"),
        without=("prompt",),
        is_tie=equal_scores("score_chosen", "score_rejected"),
    ),
    Preset(
        name="orpo-mix",
        title="mlabonne/orpo-dpo-mix-40k",
        columns={"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        kinds={"prompt": "text", "chosen": "messages", "rejected": "messages"},
        also=("source",),
        without=("chosen-rating",),
    ),
    Preset(
        name="code-preference",
        title="Vezora/Code-Preference-Pairs",
        columns={"prompt": "input", "chosen": "accepted", "rejected": "rejected"},
        kinds={"input": "text", "accepted": "text", "rejected": "text"},
    ),
    Preset(
        name="chosen-rejected-roles",
        title="conversations that end with messages of the roles chosen_gpt and rejected_gpt",
        columns=dict.fromkeys(PAIR_FIELDS, "conversations"),
        is_recognized=False,
        convert=read_chosen_and_rejected_roles,
    ),
    Preset(
        name="ms-swift",
        title="ms-swift, a conversation and the text of its rejected answer",
        columns={"prompt": "messages", "chosen": "messages", "rejected": "rejected_response"},
        is_recognized=False,
        convert=read_rejected_response,
    ),
    Preset(
        name="arena-55k",
        title="lmarena-ai/arena-human-preference-55k",
        columns={"prompt": "prompt", "chosen": "response_a", "rejected": "response_b"},
        also=("model_a", "model_b", *OUTCOMES),
        convert=read_arena_votes,
    ),
    Preset(
        name="hh-rlhf",
        title="Anthropic/hh-rlhf",
        columns={"chosen": "chosen", "rejected": "rejected"},
        kinds={"chosen": "text", "rejected": "text"},
        without=("prompt",),
        transcripts=True,
        convert=read_transcripts,
        convert_batch=convert_transcripts,
    ),
)


def preset_by_name(name: str) -> Preset | None:
    """Find a preset.

    Args:
        name: The value of `dataset.preset`.

    Returns:
        The preset; None where there is none of that name.
    """
    return next((preset for preset in PRESETS if preset.name == name), None)


def recognize_preset(schema: Schema, transcripts: TranscriptStats) -> Preset | None:
    """Find the preset of a dataset.

    Args:
        schema: The dataset's columns.
        transcripts: The statistics of its chosen column.

    Returns:
        The first preset that fits; None where none does.
    """
    return next((preset for preset in PRESETS if preset.fits(schema, transcripts)), None)


def depends_on_texts(schema: Schema, preset: Preset) -> bool:
    """Tell whether the share of transcripts could change the preset.

    Args:
        schema: The dataset's columns.
        preset: The preset that was recognised by them.

    Returns:
        Whether another preset would be recognised with other texts.
    """
    if preset is not NATIVE and not preset.transcripts:
        return False
    return any(other.transcripts and other.fits_columns(schema) for other in PRESETS)
