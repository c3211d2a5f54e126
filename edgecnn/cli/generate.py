"""``edgecnn generate``: a prompt in, text out."""

from __future__ import annotations

import click

from edgecnn.cli.completion import complete_models
from edgecnn.cli.output import json_option, model_options, print_json, remark, warn

__all__ = ["generate"]


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.option(
    "--prompt", default="\n", help="What the text goes on from [default: the start of a line]."
)
@click.option(
    "--length", default=500, show_default=True, type=click.IntRange(0), help="Characters to write."
)
@click.option(
    "--temperature",
    default=0.8,
    show_default=True,
    type=click.FloatRange(0),
    help="0 always takes the likeliest character; 1 draws as it was learnt.",
)
@click.option("--seed", type=click.IntRange(0), help="For the same text again [default: drawn].")
@json_option
@model_options
def generate(
    model: str,
    *,
    prompt: str,
    length: int,
    temperature: float,
    seed: int | None,
    as_json: bool,
    provider: str,
    threads: int | None,
    check: bool,
) -> None:
    r"""Let MODEL write: prompt and text go to stdout, character by character.

    Characters of the prompt that the model does not know are named on stderr, with what is read
    instead of them.

    \b
    edgecnn generate bundled:shakespeare-lstm --prompt "ROMEO:" --seed 1
    edgecnn generate model.onnx --length 2000 --temperature 0.5 > text.txt
    """
    import secrets
    import sys
    import time

    from edgecnn.preprocessing.text import unknown_characters
    from edgecnn.runtime.session import load_model
    from edgecnn.runtime.tasks.generate import read_prompt
    from edgecnn.runtime.writer import Writer

    # One character at a time keeps no more than one thread busy.
    loaded = load_model(model, provider=provider, threads=threads or 1, check=check)
    for text in loaded.warnings:
        warn(text)
    writer = Writer(loaded)
    spec = writer.spec
    if seed is None:
        seed = secrets.randbelow(2**32)
    read = "".join(spec.vocabulary[number] for number in read_prompt(prompt, spec))
    strangers = unknown_characters(prompt, spec)
    if strangers:
        instead = f"read as {spec.replacement!r}" if spec.replacement else "left out"
        warn(
            f"{len(strangers)} characters of the prompt are unknown to the model and {instead}: "
            f"{', '.join(map(repr, dict.fromkeys(strangers)))}"
        )
    started = time.perf_counter()
    written = writer.write(prompt, length=length, temperature=temperature, seed=seed)
    if as_json:
        text = "".join(written)
        print_json(
            {
                "prompt": read,
                "text": text,
                "seed": seed,
                "temperature": temperature,
                "unknown": strangers,
                "characters_per_s": round(length / (time.perf_counter() - started), 1),
            }
        )
        return
    click.echo(read, nl=False)
    for character in written:
        click.echo(character, nl=False)
        sys.stdout.flush()
    click.echo()
    remark(f"seed {seed}, temperature {temperature:g}")
