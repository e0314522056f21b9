"""`farthing run`: one prompt to one answer. What it takes; `work/run.py` does it."""

from typing import Annotated

import typer

from farthing.cli import options, prompt

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

_EPILOG = """\
**Examples**

farthing run "Explain TCP slow start in three sentences"

git diff | farthing run --type analysis --system "You review code." --max-cost 0.01

farthing run "List the people in this text" --file letter.txt --schema people.json --json

farthing run "Where is the retry logic, and is it right?" --workdir . --tool files --tool git
"""


@app.command(epilog=_EPILOG)
def run(
    context: typer.Context,
    text: prompt.Text = None,
    profile: options.Profile = None,
    config: options.ConfigFile = None,
    kind: prompt.Type = None,
    complexity: prompt.Difficulty = None,
    model: prompt.Model = None,
    max_tokens: prompt.MaxTokens = None,
    max_cost: options.MaxCost = None,
    system: prompt.System = None,
    files: prompt.Files = None,
    schema: prompt.Schema = None,
    key: options.Key = None,
    tags: options.Tags = None,
    deadline: prompt.Deadline = None,
    workdir: options.Workdir = None,
    tools: options.Tools = None,
    approve: options.Approving = options.Approve.ask,
    stream: Annotated[
        bool | None,
        typer.Option("--stream/--no-stream", help="Write the text as it comes; the default on a terminal."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Send one prompt to a model that is good enough for little money.

    Needs OPENROUTER_API_KEY and costs money; `farthing demo` shows it all without. The answer goes to
    standard output; model, reason and cost to standard error.
    """
    from farthing.cli.work.run import run_prompt

    source = options.source_of(profile, config)
    using = options.Using(workdir=workdir, tools=tools, approve=approve)
    run_prompt(prompt.asked_of(context.params), source, using=using, stream=stream, as_json=as_json)
