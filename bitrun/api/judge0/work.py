"""Carries submissions out, and sends their callbacks: the work of two queues."""

import time
from contextlib import closing
from functools import partial

from bitrun.api.http.body import Bodies
from bitrun.api.judge0.archive import unpacked_size
from bitrun.api.judge0.jobs import make_batch
from bitrun.api.judge0.languages import Languages
from bitrun.api.judge0.reply import Replies
from bitrun.api.judge0.results import failed_result, judged_result
from bitrun.api.judge0.statuses import Status
from bitrun.api.judge0.submission import MEMORY_FACTOR, Submission, pack, unpack
from bitrun.execution.work_queue import Done
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import ClientDisconnected, CommandRejected, RequestError
from bitrun.service.service import Service
from bitrun.store.store import Record

KIND = "judge0"
QUEUE = "judge0"
CALLBACKS = "judge0 callbacks"

CALLBACK_PLACES = 8  # each may wait for its receiver

_FAILED = (
    "The service has tried to judge this several times, and has failed. Its log says more; send it"
    " again if it is not the program that is the cause"
)


class Judging:
    """Judges submissions with the batch engine; a `Handler`."""

    def __init__(self, service: Service, bodies: Bodies, languages: Languages) -> None:
        self._service = service
        self._bodies = bodies
        self._languages = languages

    def work(self, record: Record, connection: ClientConnection) -> Done:
        size = MEMORY_FACTOR * len(record.content)
        with self._bodies.budget.reserve(size, connection, record.owner) as reservation:
            submission, _ = unpack(record.content)
            if submission.additional_files is not None:
                reservation.resize(size + unpacked_size(submission.additional_files))
            return self._done(submission, self._judge(submission, record, connection))

    def fail(self, record: Record) -> Done:
        submission, _ = unpack(record.content)
        return self._done(submission, failed_result(Status.INTERNAL_ERROR, _FAILED))

    def _judge(
        self, submission: Submission, record: Record, connection: ClientConnection
    ) -> dict[str, object]:
        try:
            batch = make_batch(submission, self._languages, self._service.settings)
            hold = partial(self._bodies.hold_output, connection=connection, client=record.owner)
            judged = self._service.judge.judge(batch, record.owner, connection, hold)
            with closing(judged.judgements):
                return judged_result(submission, judged)
        except ClientDisconnected:
            raise
        except CommandRejected as error:
            return failed_result(Status.EXEC_FORMAT_ERROR, str(error))
        except RequestError as error:
            return failed_result(Status.INTERNAL_ERROR, str(error))

    def _done(self, submission: Submission, result: dict[str, object]) -> Done:
        return Done(
            pack(submission, result),
            time.time() + self._service.settings.submission_ttl,
            None if submission.callback_url is None else CALLBACKS,
        )


class CallbackSending:
    """Sends the results of submissions; a `Handler`."""

    def __init__(self, service: Service, replies: Replies) -> None:
        self._service = service
        self._replies = replies

    def work(self, record: Record, _: ClientConnection) -> Done:
        submission, _result = unpack(record.content)
        if submission.callback_url is not None:
            body = self._replies.callback(record)
            self._service.callbacks.put(submission.callback_url, body)
        return self.fail(record)

    def fail(self, record: Record) -> Done:
        return Done(record.content, record.expires)
