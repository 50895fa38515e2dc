"""Settings of the Jupyter Server for the UI tests; each is here because `npm start` does otherwise.

Galata has a ready-made `configure_jupyter_server`, which we do not use: it would change the root folder
and the port that `npm start` chooses, and the tests are about `npm start`.
"""

import os
from pathlib import Path

import jupyterlab

c = get_config()  # noqa: F821

# Galata's helpers reach into the page: the application must be there, and an extension of Galata's own.
c.LabApp.expose_app_in_browser = True
c.LabApp.extra_labextensions_path = [str(Path(jupyterlab.__file__).parent / "galata")]

# Galata makes and deletes notebooks by the API, without the page and so without its token and cookies.
c.IdentityProvider.token = ""
c.ServerApp.disable_check_xsrf = True

# A run must not find open documents of an earlier one, nor leave any for the user.
c.LabApp.workspaces_dir = os.path.join(os.environ["AGLAIS_STATE"], "workspaces")
c.LabApp.user_settings_dir = os.path.join(os.environ["AGLAIS_STATE"], "settings")

# No news and no search for newer versions: tests have no network.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
