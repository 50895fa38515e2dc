"""Settings of the Jupyter Server for the UI tests; each differs from `npm start`.

Galata's own `configure_jupyter_server` is not used: it would change the root directory
and the port that `npm start` chooses, and `npm start` is what is tested.
"""

import os
from pathlib import Path

import jupyterlab

c = get_config()  # noqa: F821

# Galata's helpers need the application as a global variable of the page, and Galata's own extension.
c.LabApp.expose_app_in_browser = True
c.LabApp.extra_labextensions_path = [str(Path(jupyterlab.__file__).parent / "galata")]

# Galata creates and deletes notebooks through the API, without the page and its token and cookies.
c.IdentityProvider.token = ""
c.ServerApp.disable_check_xsrf = True

# A run must not find open documents of an earlier one, nor leave any.
c.LabApp.workspaces_dir = os.path.join(os.environ["AGLAIS_STATE"], "workspaces")
c.LabApp.user_settings_dir = os.path.join(os.environ["AGLAIS_STATE"], "settings")

# No news and no search for newer versions: tests have no network.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
