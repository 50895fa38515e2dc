"""Builds the sample catalogue, or a larger one made after it.

python build.py sample --data DIR [--verify]
python build.py synthetic --data DIR --rows N
"""

import argparse
import signal
import sys

from builder import BuildError


def main(arguments=None):
    """Runs one command; exit code 0: done, 1: not possible (stderr says why), 130: interrupted."""
    parser = argparse.ArgumentParser(prog="build.py", description="The sample catalogue of Aglais.")
    commands = parser.add_subparsers(dest="command", required=True)
    sample = commands.add_parser("sample", help="bigsky.source: 981,853 stars of the whole sky")
    sample.add_argument(
        "--verify", action="store_true", help="read the finished files and check each checksum"
    )
    synthetic = commands.add_parser(
        "synthetic", help="the same sky with any number of stars, for benchmarks"
    )
    synthetic.add_argument("--rows", type=positive, required=True, help="how many stars")
    for command in (sample, synthetic):
        command.add_argument("--data", required=True, help="the data directory (AGLAIS_DATA)")
    options = parser.parse_args(arguments)
    # Being told to stop is like Ctrl-C: what was begun is cleared away first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.command == "sample":
            from builder.sample import build_sample

            build_sample(options.data, say, options.verify)
        else:
            from builder.synthetic import build_synthetic

            build_synthetic(options.data, options.rows, say)
    except BuildError as error:
        print(f"catalogue: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"catalogue: {error}. Nothing was left half done; run the same command to go on.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("catalogue: interrupted; nothing was left half done", file=sys.stderr)
        return 130
    return 0


def say(line):
    """One line of progress, seen at once also through a pipe."""
    print(f"catalogue: {line}", flush=True)


def positive(text):
    """A whole number above zero; `1e7` and `10_000_000` are understood."""
    value = float(text.replace("_", "").replace(",", ""))
    if value != int(value) or value < 1:
        raise ValueError(text)
    return int(value)


if __name__ == "__main__":
    sys.exit(main())
