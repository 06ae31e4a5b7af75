"""A model behind an OpenAI-compatible API as the judge, asked about each pair of answers in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from decimal import Decimal
from pathlib import Path

from dpojob_api.evaluation import JudgeUsage
from dpojob_api.shared_training_constants import JUDGE_THREADS
from dpojob_api.spec import JudgeEndpoint
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.training.setup.train_job import TrainJob

from .endpoint_client import EndpointClient, Limits
from .judge import Comparison, Judge, JudgeError, Scores
from .kept_replies import KeptReplies
from .pairwise_prompt import VERSION, Preference, question, read_preference

TIE: Scores = (0.5, 0.5)
PREFERRED: dict[tuple[str, str], Scores] = {("A", "B"): (1.0, 0.0), ("B", "A"): (0.0, 1.0)}
"""The scores by the replies with the answer before, and with the tuned one, in the first place. Only what is preferred
in both orders wins, as in MT-bench (Zheng et al. 2023, "Judging LLM-as-a-Judge")."""


class EndpointJudge(Judge):
    """Each answer is once in the first place and once in the second, so that the place decides nothing."""

    def __init__(
        self, spec: JudgeEndpoint, key: str | None, limits: Limits, directory: Path
    ) -> None:
        """A judge that sends `key`, asks no more than `limits` allow, and keeps its replies in `directory`."""
        self._kept = KeptReplies(directory, spec)
        self._client = EndpointClient(spec, key, limits, self._kept.usage())
        self.name = f"{spec.model} (endpoint, prompt version {VERSION})"

    @classmethod
    def open(
        cls, job: TrainJob, spec: JudgeEndpoint, deadline: float, directory: Path
    ) -> EndpointJudge:
        """Read the key and what the budget leaves. Raises JudgeError where the key is not there."""
        key = None if spec.secret is None else _key(spec, ContainerEnvironment().judge_key_file)
        budget = job.spec.budget.max_cost
        training = job.plan.estimate.cost - job.plan.estimate.judge_cost
        left = None if budget is None else Decimal(budget) - training
        return cls(spec, key, Limits(deadline, left), directory)

    @property
    def usage(self) -> JudgeUsage:
        """What was asked so far, by earlier attempts too."""
        return self._client.usage

    def compare(self, comparisons: Sequence[Comparison]) -> list[Scores]:
        """1 for an answer preferred in both orders and 0 for the other; else halves. Raises JudgeError.

        Without a readable reply in both orders there are no scores. About two equal answers, and what an
        earlier attempt asked, nothing is asked.
        """
        try:
            with ThreadPoolExecutor(JUDGE_THREADS) as pool:
                replies = self._replies(pool, comparisons)
        finally:
            self._client.close()
        self.contradictions = sum(first == second in ("A", "B") for first, second in replies)
        return [_scores(first, second) for first, second in replies]

    def _replies(
        self, pool: ThreadPoolExecutor, comparisons: Sequence[Comparison]
    ) -> list[tuple[Preference | None, Preference | None]]:
        asked = [pool.submit(self._both_orders, each) for each in comparisons]
        try:
            for future in as_completed(asked):
                future.result()
                if self.on_usage is not None:
                    self.on_usage(self.usage)
            return [future.result() for future in asked]
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            self._client.stop()
            if not isinstance(error, JudgeError):
                # A pod that is stopped cannot wait for replies; otherwise those of requests in flight are paid for.
                self._client.close()
            raise

    def _both_orders(self, each: Comparison) -> tuple[Preference | None, Preference | None]:
        if each.before == each.after:
            return "TIE", "TIE"
        return (
            self._preference(each, each.before, each.after),
            self._preference(each, each.after, each.before),
        )

    def _preference(self, each: Comparison, answer_a: str, answer_b: str) -> Preference | None:
        messages = question(each.prompt, answer_a, answer_b)
        reply = self._kept.find(messages)
        if reply is None:
            reply = self._client.reply(messages)
            self._kept.add(messages, reply)
        return read_preference(reply.text)


def _scores(first: Preference | None, second: Preference | None) -> Scores:
    if first is None or second is None:
        return None, None
    return PREFERRED.get((first, second), TIE)


def _key(spec: JudgeEndpoint, path: Path) -> str:
    assert spec.secret is not None  # The caller checks it.
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        key = ""
    if not key or not key.isprintable() or not key.isascii():
        raise JudgeError(
            f"evaluation.judge.endpoint.secret: Secret {spec.secret.name} has no key {spec.secret.key} with an API "
            "key in it (on your machine, DPOJOB_JUDGE_KEY_FILE names a file with it)"
        )
    return key
