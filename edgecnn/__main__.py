"""The ``edgecnn`` command: ``python -m edgecnn`` and the console script."""

from __future__ import annotations

# The half of ``signal`` that is in the interpreter; the other half takes milliseconds to import.
import _signal  # type: ignore[import-not-found]
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    # Until there is a handler: an end by the signal itself, which shows no traceback.
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    from edgecnn.cli.interrupt import exit_code_of, give_signals_back, take_signals

    take_signals()
    try:
        from edgecnn.cli.run import run

        code = run()
        give_signals_back()
    except KeyboardInterrupt as error:  # once more, during the last words
        code = exit_code_of(error)
    sys.exit(code)


if __name__ == "__main__":
    main()
