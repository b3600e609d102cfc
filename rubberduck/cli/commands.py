"""The command group of `flask`: every command is registered here."""

from flask.cli import AppGroup

from rubberduck.cli.arrivals import link, upload, watch
from rubberduck.cli.backup import backup, restore, restored
from rubberduck.cli.celebrities import celebrities
from rubberduck.cli.check import check
from rubberduck.cli.classify import classify
from rubberduck.cli.collection import collection
from rubberduck.cli.costs import costs
from rubberduck.cli.dataset import dataset
from rubberduck.cli.evaluate import evaluate
from rubberduck.cli.export import export
from rubberduck.cli.faces import faces
from rubberduck.cli.jobs import jobs
from rubberduck.cli.judgements import judgements
from rubberduck.cli.maintenance import sweep
from rubberduck.cli.model import model
from rubberduck.cli.operator import operator
from rubberduck.cli.video import video
from rubberduck.cli.which import which

commands = AppGroup("commands")
for command in (
    backup,
    celebrities,
    check,
    classify,
    collection,
    costs,
    dataset,
    evaluate,
    export,
    faces,
    jobs,
    judgements,
    link,
    model,
    operator,
    restore,
    restored,
    sweep,
    upload,
    video,
    watch,
    which,
):
    commands.add_command(command)
