"""smolagents' executor for Jupyter's server, as docs/jupyter.md has it."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from smolagents.default_tools import FinalAnswerTool
from smolagents.monitoring import AgentLogger, LogLevel

SERVER, TOKEN, PAGE = sys.argv[1:]

# The class that the page tells users to write.
code = re.search(r"```python\n(.*?)```", Path(PAGE).read_text(), re.DOTALL)
assert code is not None
namespace: dict[str, Any] = {}
exec(code[1], namespace)  # noqa: S102

executor = namespace["BitRunExecutor"]([], AgentLogger(level=LogLevel.OFF), SERVER, TOKEN)
found: dict[str, Any] = {}
try:
    executor.send_tools({"final_answer": FinalAnswerTool()})
    executor.send_variables({"n": 6, "names": ["a", "b"]})
    found["logs"] = executor("print('step', n)\nm = 7").logs
    found["value"] = executor("m * n").output
    try:
        executor("names[5]")
    except Exception as error:  # noqa: BLE001
        found["error"] = "IndexError" in str(error)
    # A kernel leaves out what is sent at once after an error: models are slower than that.
    while executor("1").output != "1":
        pass
    answer = executor("final_answer({'sum': m + n})")
    found["answer"] = [answer.output, answer.is_final_answer]
finally:
    executor.cleanup()
json.dump(found, sys.stdout)
