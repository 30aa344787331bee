"""The program: `streamer`, and python -m streamer."""

import sys

from streamer.commands.descriptors import fill_closed
from streamer.commands.interrupts import interrupts


def main() -> None:
    """Ends the process with one of the documented exit codes, also when it is to end before it has begun."""
    closed = fill_closed()  # before anything is opened
    interrupts.catch()  # before anything is loaded: that takes a while
    from streamer.base.blas import keep_blas_to_one_thread
    from streamer.base.bytecode import bear_damage
    from streamer.base.cycles import put_off

    bear_damage()
    put_off()
    keep_blas_to_one_thread()
    from streamer.commands.main import main as run

    run(closed)


if __name__ == "__main__":
    from streamer.base.own_code import find_path

    sys.path[:] = find_path()  # `python -m` looks in the current folder first
    main()
