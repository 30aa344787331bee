"""python -m streamer"""

from streamer.commands.main import main

if __name__ == "__main__":
    main()
