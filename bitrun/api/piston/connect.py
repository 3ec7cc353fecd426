"""Piston's `/connect`: an interactive run over a WebSocket."""

from functools import partial

from bitrun.api.http.body import FILE_FACTOR
from bitrun.api.http.websocket import WebSocket
from bitrun.api.piston.files import with_uploads
from bitrun.api.piston.interaction import Interaction
from bitrun.api.piston.output_files import dropped_reply, file_messages
from bitrun.api.piston.reply import new_decoder, verdict_reply
from bitrun.api.piston.request import INIT_FIELDS, find_unknown, read_request
from bitrun.execution.session import Session
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import Busy
from bitrun.model.output import Stream
from bitrun.model.result import StageResult
from bitrun.service.service import Service


def connect(
    service: Service, websocket: WebSocket, owner: str | None, interaction: Interaction
) -> None:
    """Run the job that the client's first message asks for.

    `owner` is that of the connection, see `ClientConnection`, and of the uploads.
    """
    body = interaction.receive_init()
    unknown = find_unknown(body, INIT_FIELDS)
    body = with_uploads(body, partial(service.uploads.open, owner))
    runtime, job = read_request(body, service.runtimes, service.settings, interactive=True)
    del body
    interaction.kept = 2 * job.size  # its files, and its stdin in two copies
    websocket.keep(interaction.kept)
    with service.runner.open(job, ClientConnection(websocket, owner)) as session:
        interaction.send(
            type="runtime",
            language=runtime.language.name,
            version=runtime.version,
            **unknown.reply(),
        )
        if session.compiled is not None:
            _send_compiled(interaction, session.compiled)
        for stage in session.stages():
            is_run = stage.name == "run"
            interaction.send(type="stage", stage=stage.name)
            session.start(stage, interactive=is_run)
            interaction.follow(session, stage.name, interactive=is_run)
        _send_files(interaction, websocket, session)


def _send_compiled(interaction: Interaction, compiled: StageResult) -> None:
    interaction.send(type="stage", stage=compiled.name)
    decoders = {stream: new_decoder() for stream in Stream}
    for stream, data in compiled.streams.pieces():
        interaction.send_data(stream, decoders[stream].decode(data))
    for stream, decoder in decoders.items():
        interaction.send_data(stream, decoder.decode(b"", final=True))
    verdict = verdict_reply(compiled.verdict, cached=True)
    interaction.send(type="exit", stage=compiled.name, **verdict)


def _send_files(interaction: Interaction, websocket: WebSocket, session: Session) -> None:
    def keep(size: int) -> bool:
        """Hold memory for a file until the session ends; False without room."""
        try:
            websocket.keep(interaction.kept + FILE_FACTOR * size)
        except Busy:
            return False
        interaction.kept += FILE_FACTOR * size
        return True

    collected = session.collect(keep)
    for file in collected.files:
        for message in file_messages(file):
            interaction.send(**message)
    for dropped in collected.dropped:
        interaction.send(type="file_dropped", **dropped_reply(dropped))
