"""The command of a stage, as the payload of a STAGE frame.

The fields and maxima are those of `images/supervisor/command.h`.
"""

from bitrun.model.errors import RequestError
from bitrun.model.job import Stage
from bitrun.sandbox.supervisor.frames import MAX_PAYLOAD, Frame, encode, encode_text

MAX_ARGUMENTS = 8192
MAX_VARIABLES = 1024

_MAX_STRING = 131072  # Linux's MAX_ARG_STRLEN


def encode_stage(stage: Stage, *, interactive: bool = False) -> bytes:
    """Return the STAGE frame: fields of a key byte, a value and a NUL each.

    An `interactive` stage is one of many that may last for hours; its pipes take less memory.

    Raises:
        RequestError: the command or its environment can't be given to a program.
    """
    limits = stage.limits
    if len(stage.argv) > MAX_ARGUMENTS or len(stage.env) > MAX_VARIABLES:
        raise RequestError(
            f"At most {MAX_ARGUMENTS} arguments and {MAX_VARIABLES} variables are possible, not"
            f" {len(stage.argv)} and {len(stage.env)}"
        )
    fields = [
        f"w{limits.wall_ms}",
        f"c{limits.cpu_ms or 0}",
        f"o{limits.output}",
        f"r{limits.output}",
        f"s{limits.stack}",
        f"m{int(stage.merge)}",
        f"i{int(interactive)}",
        *([] if stage.tty is None else [f"t{stage.tty.rows}x{stage.tty.columns}"]),
        *(f"a{argument}" for argument in stage.argv),
        *(f"e{name}={value}" for name, value in stage.env.items()),
    ]
    payload = encode_text("".join(f"{field}\0" for field in fields))
    if max(map(len, payload.split(b"\0"))) >= _MAX_STRING:
        raise RequestError(f"An argument or a variable is longer than {_MAX_STRING} bytes")
    # A NUL inside a field would end it early, and the rest would be read as another field.
    if payload.count(0) != len(fields):
        raise RequestError("An argument or a variable of the environment holds a NUL")
    if len(payload) > MAX_PAYLOAD:
        raise RequestError(
            "The arguments and the environment are too large:"
            f" {len(payload)} bytes, and {MAX_PAYLOAD} are possible"
        )
    return encode(Frame.STAGE, payload)
