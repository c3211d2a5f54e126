"""A model file that writes text."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import TaskError
from edgecnn.metadata import CharacterInput, how_to_run, reads
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.generate import generate_text

__all__ = ["Writer"]


class Writer:
    """A text model, ready to go on with prompts.

    Parameters
    ----------
    model : Model
        From :func:`edgecnn.runtime.session.load_model`, with the task ``generate``.

    Raises
    ------
    TaskError
        The model has another task.

    Examples
    --------
    >>> from edgecnn.runtime.session import load_model
    >>> writer = Writer(load_model("bundled:shakespeare-lstm"))          # doctest: +SKIP
    >>> "".join(writer.write("ROMEO:", length=200, seed=1))              # doctest: +SKIP
    """

    def __init__(self, model: Model) -> None:
        spec = model.metadata.input
        if not isinstance(spec, CharacterInput):
            raise TaskError(
                f"{model.path} reads {reads(spec)} and cannot write text", hint=how_to_run(spec)
            )
        self.model = model
        self.spec = spec
        self._outputs = (model.metadata.output.name, *(state.output for state in spec.states))

    def write(
        self, prompt: str, *, length: int, temperature: float = 1.0, seed: int = 0
    ) -> Iterator[str]:
        """Go on with a prompt; see :func:`edgecnn.runtime.tasks.generate.generate_text`."""
        return generate_text(
            self.run, self.spec, prompt, length=length, temperature=temperature, seed=seed
        )

    def run(self, inputs: Tensors) -> list[NDArray[np.float32]]:
        """Run the network: logits and states."""
        return self.model.run_outputs(inputs, self._outputs)
