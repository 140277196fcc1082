"""A stand-in for W&B's backend on the loopback interface, only for tests.

    with FakeWandb() as server:
        environment = server.environment(tmp_path)
        subprocess.run(["wandb", "sweep", "small.yaml"], env=environment)
        [sweep] = server.sweeps()
        subprocess.run(["wandb", "agent", sweep.path], env=environment)
        assert all(run.state == "finished" for run in server.runs(sweep.name))

The real, unmodified wandb client talks to it. A request that schema.graphql or the server
does not know is refused and added to `server.unknown`; leaving the `with` then raises
UnknownRequestError with the list.

Its limits. It accepts any API key and has one user, no permissions, no rate limits and
none of W&B's faults. It hands out the cells of grids of values, each once: no ranges, no
random, bayes or hyperband, no requeue of preempted runs, no artifacts, no launch. It does
not notice when a run is killed: that run stays `running`. Requests are answered one at a
time, so W&B's races between agents do not occur. The rules come from the client's source,
W&B's grid engine and W&B's documentation; it has never been compared with W&B's servers.
"""

from tests.fake_wandb.account import ENTITY
from tests.fake_wandb.run import Run, UnknownRequestError
from tests.fake_wandb.server import FakeWandb
from tests.fake_wandb.sweep import Sweep

__all__ = ["ENTITY", "FakeWandb", "Run", "Sweep", "UnknownRequestError"]
