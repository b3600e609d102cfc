#!/bin/sh
# DBOS 3.4.0 gives the workflows of a process that was killed back to nobody but a process with the
# same executor_id; another executor of the same application and version leaves them PENDING for
# ever. Only its paid control plane, or a call of the private DBOS._recover_pending_workflows with
# the dead one's id (dbos/_recovery.py), hands them over.
# Expected: of several executors of one application, a living one goes on.
# Met by rubberduck/jobs/engine.py, whose workers report heartbeats and take the dead ones' jobs.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dbos==3.4.0
cat > "$folder/executor.py" <<'PYTHON'
import os
import signal
import sys
import time

from dbos import DBOS

folder, executor_id = sys.argv[1:]
DBOS(
    config={
        "name": "finding",
        "system_database_url": f"sqlite:///{folder}/jobs.sqlite",
        "application_version": "1",
        "executor_id": executor_id,
        "use_listen_notify": False,
        "log_level": "ERROR",
    }
)


@DBOS.workflow()
def work(started_by):
    if started_by == executor_id:
        os.kill(os.getpid(), signal.SIGKILL)


DBOS.launch()
if executor_id == "first":
    DBOS.start_workflow(work, executor_id)
    time.sleep(60)
(workflow,) = DBOS.list_workflows()
time.sleep(15)
alone = DBOS.get_workflow_status(workflow.workflow_id).status
DBOS._recover_pending_workflows(["first"])
time.sleep(5)
asked = DBOS.get_workflow_status(workflow.workflow_id).status
print("dbos 3.4.0, expected: a second executor ends the workflow of the killed one: SUCCESS")
print(f"what happens: {alone} after 15 s; {asked} once it is told the dead one's id")
sys.stdout.flush()
os._exit(0 if (alone, asked) == ("PENDING", "SUCCESS") else 1)
PYTHON
"$folder/venv/bin/python" "$folder/executor.py" "$folder" first || true
"$folder/venv/bin/python" "$folder/executor.py" "$folder" second || {
  echo "changed: look whether rubberduck/jobs/engine.py still needs to take jobs over" >&2
  exit 1
}
