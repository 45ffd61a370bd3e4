"""Start the simulated provider: ``python deploy/simulated_provider --port N``."""

import runpy
import sys
from pathlib import Path

if __package__:
    from .command import main

    main()
else:
    # Started by the folder's path: run it again as the package that its modules expect.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    runpy.run_module("deploy.simulated_provider", run_name="__main__", alter_sys=True)
