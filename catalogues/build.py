"""Builds the sample catalogue, or a larger synthetic one.

python build.py sample --data DIR [--verify]
python build.py synthetic --data DIR --rows N
"""

import argparse
import signal
import sys

from builder import BuildError


def main(arguments=None):
    """Runs one command; exit code 0: done, 1: failed (stderr has the reason), 130: interrupted."""
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
    # SIGTERM works like Ctrl-C: unfinished files are removed first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.command == "sample":
            from builder.sample import build_sample

            build_sample(options.data, log, options.verify)
        else:
            from builder.synthetic import build_synthetic

            build_synthetic(options.data, options.rows, log)
    except BuildError as error:
        print(f"catalogue: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"catalogue: {error}. No unfinished table was left; run the same command again.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("catalogue: interrupted; no unfinished table was left", file=sys.stderr)
        return 130
    return 0


def log(line):
    """Prints one line of progress, unbuffered."""
    print(f"catalogue: {line}", flush=True)


def positive(text):
    """A positive integer; also `1e7` and `10_000_000`."""
    value = float(text.replace("_", "").replace(",", ""))
    if value != int(value) or value < 1:
        raise ValueError(text)
    return int(value)


if __name__ == "__main__":
    sys.exit(main())
