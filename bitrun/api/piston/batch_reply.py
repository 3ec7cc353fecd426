"""Judged batches as Piston would write them: stages as in the reply of `execute`."""

from collections.abc import Callable, Iterator
from typing import Any

from bitrun.api.http import errors
from bitrun.api.piston.output_files import files_reply
from bitrun.api.piston.reply import stage_reply, verdict_reply
from bitrun.execution.judging.batch import JudgedBatch
from bitrun.execution.judging.judgement import Judgement, trim
from bitrun.packages.runtimes import Runtime
from bitrun.telemetry import request_context


class BatchReply:
    """The reply to one batch, as a whole or as a stream."""

    def __init__(self, runtime: Runtime, judged: JudgedBatch) -> None:
        self._judged = judged
        self._reported: Exception | None = None
        self._head: dict[str, Any] = {
            "language": runtime.language.name,
            "version": runtime.version,
        }
        request_context.note(**self._head, package=runtime.package.id)
        if judged.compilation is not None:
            self._head["compile"] = stage_reply(judged.compilation)

    def whole(self, count: int, keep: Callable[[int], bool]) -> dict[str, Any]:
        """Wait for all of `count` runs, and return them in their order.

        Outputs and files are left out beyond `judgement.MAX_OUTPUT`, or once `keep` finds no
        memory for them.
        """
        runs: list[dict[str, Any]] = [{}] * count
        for index, judgement in trim(self._judged.judgements, keep):
            runs[index] = self._run(judgement)
        return self._head | {"accepted": _note(runs), "runs": runs}

    def objects(self) -> Iterator[dict[str, Any]]:
        """Yield the beginning, each run with its index as it ends, and the result of all."""
        accepted = []
        try:
            yield self._head
            for index, judgement in self._judged.judgements:
                reply = self._run(judgement, in_parts=True)
                accepted.append({"accepted": reply["accepted"]})
                yield {"index": index} | reply
            yield {"accepted": _note(accepted)}
        except Exception as error:  # noqa: BLE001
            # The status was sent long ago.
            yield {"message": errors.report(error).text(error)}

    def _run(self, judgement: Judgement, *, in_parts: bool = False) -> dict[str, Any]:
        reply: dict[str, Any] = {
            "accepted": judgement.accepted,
            "reason": judgement.reason,
            "message": judgement.message,
        }
        if judgement.error is not None:
            reply["message"] = self._sentence(judgement.error)
        if judgement.run is not None:
            reply["run"] = stage_reply(judgement.run, in_parts=in_parts)
            if judgement.is_trimmed:
                reply["run"]["truncated"] = True
        if judgement.collected is not None:
            reply |= files_reply(judgement.collected)
        if judgement.judge is not None:
            text = judgement.judge.text.decode(errors="replace")
            reply["judge"] = {"output": text} | verdict_reply(judgement.judge.verdict)
        return reply

    def _sentence(self, error: Exception) -> str:
        # An error that ends the batch is that of all later runs, too.
        row = errors.find(error) if error is self._reported else errors.report(error)
        self._reported = error
        return row.text(error)


def _note(runs: list[dict[str, Any]]) -> bool:
    """Note the counts for the log, and return whether all runs are accepted."""
    accepted = [run["accepted"] for run in runs].count(True)
    request_context.note(runs=len(runs), accepted=accepted)
    return accepted == len(runs)
