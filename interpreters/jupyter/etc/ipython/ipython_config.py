"""Loads aglais_kernel in every kernel of this environment, if it runs under Aglais.

`extra_extensions`, not `extensions`: a user's own config often assigns the latter, which would
remove ours. Without AGLAIS_URL nothing is loaded.
"""

import os

if os.environ.get("AGLAIS_URL"):
    get_config().InteractiveShellApp.extra_extensions.append("aglais_kernel")  # noqa: F821
