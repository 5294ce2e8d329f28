"""The global options: accepted before and after every command, and by the fast door for agents; standard library only."""

FOLDER = "-C"
CONFIG = ("-c", "--config")
COLOR = "--color"
JSON = "--json"
QUIET = ("-q", "--quiet")
VERBOSE = ("-v", "--verbose")
YES = ("-y", "--yes")
NO_INPUT = "--no-input"

FLAGS = frozenset({JSON, *QUIET, *VERBOSE, *YES, NO_INPUT})
VALUES = frozenset({FOLDER, *CONFIG, COLOR})  #: each is followed by its value
HELP = ("-h", "--help")
