"""The whole command line against what nobody meant to type: see __main__.py."""
