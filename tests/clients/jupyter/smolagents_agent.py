"""An agent of smolagents that runs its code as docs/jupyter.md says, with prepared answers for a model.

It reads a table, meets two errors, of which one needs a package, plots, and answers with the picture.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
from smolagents import ChatMessage, CodeAgent, Model
from smolagents.models import MessageRole
from smolagents.monitoring import AgentLogger, LogLevel

SERVER, TOKEN, PAGE, PICTURE = sys.argv[1:]

TABLE = "city,country,people\nA,X,3\nB,X,4\nC,Y,5\n"

READ = """\
import pandas as pd
frame = pd.read_csv('cities.csv')
print(frame.groupby('state')['people'].sum())
"""
GROUP = """\
sums = frame.groupby('country', as_index=False)['people'].sum()
print(sums.to_markdown(index=False))
"""
PLOT = """\
import matplotlib.pyplot as plt
import PIL.Image
plt.bar(sums['country'], sums['people'])
plt.savefig('plot.png')
final_answer(PIL.Image.open('plot.png'))
"""

# What the last message to the model has to hold, and the code that it answers then.
STEPS = [
    ("cities.csv", READ),
    ("KeyError: 'state'", GROUP),
    ("`Import tabulate` failed", "!pip install --quiet tabulate==0.10.0"),
    ("", "print(sums.to_markdown(index=False))"),
    ("| Y         |        5 |", PLOT),
]


class PreparedModel(Model):
    """Answers with the steps, in their order, if the agent has seen what each needs.

    `is_idle` says whether the kernel is: it leaves out what is sent at once after an error, and models are slower
    than that.
    """

    def __init__(self, is_idle: Callable[[], bool]) -> None:
        super().__init__(model_id="prepared")
        self._is_idle = is_idle
        self._steps = iter(STEPS)

    def generate(self, messages: list[ChatMessage], **_: Any) -> ChatMessage:
        time.sleep(1)
        while not self._is_idle():
            time.sleep(1)
        expected, code = next(self._steps)
        seen = "".join(part["text"] for part in messages[-1].content)
        if expected not in seen:
            raise RuntimeError(f"{expected} is not in: {seen[-500:]}")
        return ChatMessage(
            role=MessageRole.ASSISTANT, content=f"Thought: go on.\n<code>\n{code}\n</code>"
        )


executor_class = re.search(r"```python\n(.*?)```", Path(PAGE).read_text(), re.DOTALL)
assert executor_class is not None
namespace: dict[str, Any] = {}
exec(executor_class[1], namespace)  # noqa: S102

executor = namespace["BitRunExecutor"](["pandas"], AgentLogger(level=LogLevel.OFF), SERVER, TOKEN)


def is_idle() -> bool:
    found = executor.call("GET", f"kernels/{executor.kernel_id}").json()
    return bool(found["execution_state"] == "idle")


with CodeAgent(
    tools=[],
    model=PreparedModel(is_idle),
    executor=executor,
    additional_authorized_imports=["pandas", "matplotlib.pyplot", "PIL"],
    verbosity_level=LogLevel.OFF,
    max_steps=len(STEPS),
) as agent:
    executor.upload("cities.csv", TABLE)
    answer = agent.run("Plot the people of each country in cities.csv.")
    found = {
        "errors": [
            str(step.error.message).strip().splitlines()[-1]
            for step in agent.memory.steps
            if getattr(step, "error", None)
        ],
        "steps": sum(hasattr(step, "code_action") for step in agent.memory.steps),
    }
assert isinstance(answer, PIL.Image.Image), answer
answer.save(PICTURE)
json.dump(found, sys.stdout)
