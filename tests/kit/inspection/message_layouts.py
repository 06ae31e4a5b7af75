"""Layouts of text and of messages in which people write preference pairs, with the names of chosen and rejected."""

from __future__ import annotations

from .dataset_layouts import Layout, Row, message, named, parts, sharegpt_message


def function(name: str) -> Row:
    """A tool as OpenAI's API describes it."""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def call(name: str) -> Row:
    """A call of it, with arguments as JSON text."""
    made = {"name": name, "arguments": '{"city": "Oslo"}'}
    return {
        "role": "assistant",
        "tool_calls": [{"id": "1", "type": "function", "function": made}],
    }


MESSAGE_LAYOUTS: dict[str, Layout] = {
    "TRL, text": Layout(named("prompt", "chosen", "rejected")),
    "TRL, messages": Layout(
        lambda p: {
            "prompt": [message("user", p.prompt)],
            "chosen": [message("assistant", p.chosen)],
            "rejected": [message("assistant", p.rejected)],
        }
    ),
    "TRL, prompt inside": Layout(
        lambda p: {
            "chosen": [message("user", p.prompt), message("assistant", p.chosen)],
            "rejected": [message("user", p.prompt), message("assistant", p.rejected)],
        }
    ),
    "ShareGPT": Layout(
        lambda p: {
            "conversations": [sharegpt_message("human", p.prompt)],
            "chosen": sharegpt_message("gpt", p.chosen),
            "rejected": sharegpt_message("gpt", p.rejected),
        }
    ),
    "ShareGPT with system and tools": Layout(
        lambda p: {
            "conversations": [sharegpt_message("human", p.prompt)],
            "system": "be kind",
            "tools": "[]",
            "chosen": sharegpt_message("gpt", p.chosen),
            "rejected": sharegpt_message("gpt", p.rejected),
        }
    ),
    "ShareGPT with calls": Layout(
        lambda p: {
            "conversations": [
                sharegpt_message("human", "weather?"),
                sharegpt_message("function_call", '{"name": "w", "arguments": {}}'),
                sharegpt_message("observation", "sunny"),
                sharegpt_message("gpt", "It is sunny"),
                sharegpt_message("human", p.prompt),
            ],
            "chosen": sharegpt_message("gpt", p.chosen),
            "rejected": sharegpt_message("gpt", p.rejected),
        }
    ),
    "ShareGPT with a system turn": Layout(
        lambda p: {
            "conversations": [
                sharegpt_message("system", "be kind"),
                sharegpt_message("human", p.prompt),
            ],
            "chosen": [sharegpt_message("gpt", p.chosen)],
            "rejected": [sharegpt_message("gpt", p.rejected)],
        }
    ),
    "ShareGPT, whole conversations": Layout(
        lambda p: {
            side: [sharegpt_message("human", p.prompt), sharegpt_message("gpt", text)]
            for side, text in (("chosen", p.chosen), ("rejected", p.rejected))
        }
    ),
    "LLaMA-Factory, messages": Layout(
        lambda p: {
            f"{side}_messages": [parts("user", p.prompt), parts("assistant", text)]
            for side, text in (("chosen", p.chosen), ("rejected", p.rejected))
        }
    ),
    "content parts": Layout(
        lambda p: {
            "prompt": [parts("user", p.prompt)],
            "chosen": [parts("assistant", p.chosen)],
            "rejected": [parts("assistant", p.rejected)],
        }
    ),
    "OpenAI": Layout(
        lambda p: {
            "input": {
                "messages": [message("user", p.prompt)],
                "tools": [],
                "parallel_tool_calls": True,
            },
            "preferred_output": [message("assistant", p.chosen)],
            "non_preferred_output": [message("assistant", p.rejected)],
        }
    ),
    "OpenAI with calls": Layout(
        lambda p: {
            "input": {
                "messages": [
                    message("user", "weather?"),
                    call("weather"),
                    {"role": "tool", "tool_call_id": "1", "content": "sunny"},
                    message("assistant", "It is sunny"),
                    message("user", p.prompt),
                ],
                "tools": [function("weather")],
                "parallel_tool_calls": False,
            },
            "preferred_output": [message("assistant", p.chosen)],
            "non_preferred_output": [message("assistant", p.rejected)],
        }
    ),
    "an answer of one message beside messages": Layout(
        lambda p: {
            "prompt": [message("system", "be kind"), message("user", p.prompt)],
            "chosen": message("assistant", p.chosen),
            "rejected": message("assistant", p.rejected),
        }
    ),
    "an answer of one message beside one": Layout(
        lambda p: {
            "prompt": message("user", p.prompt),
            "chosen": message("assistant", p.chosen),
            "rejected": message("assistant", p.rejected),
        }
    ),
    "an answer of one message": Layout(
        lambda p: {
            "prompt": p.prompt,
            "chosen": message("assistant", p.chosen),
            "rejected": message("assistant", p.rejected),
        }
    ),
    "from beside content": Layout(
        lambda p: {
            "conversations": [{"from": "user", "content": p.prompt}],
            "chosen": {"from": "assistant", "content": p.chosen},
            "rejected": {"from": "assistant", "content": p.rejected},
        }
    ),
}
