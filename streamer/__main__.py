"""python -m streamer"""

import sys

from streamer.base.bytecode import bear_damage
from streamer.base.own_code import find_path

if __name__ == "__main__":
    sys.path[:] = find_path()  # `python -m` looks in the current folder first
    bear_damage()

from streamer.commands.main import main

if __name__ == "__main__":
    main()
