# SPDX-License-Identifier: Apache-2.0
"""Configuration files of the agent, by what a test is about. They are JSON, which is YAML too."""

import json


def quick(endpoint, **more):
    """An exporter that tries again soon, but waits for an answer: see harness.PATIENT."""
    return {"endpoint": endpoint,
            "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"}, **more}


def write(workspace, exporters, batch=None, receiver=None, extensions=None):
    """`exporters`: identity to settings; `batch`: spans a batch that waits no longer than 50 ms; `receiver`: settings of
    the one that there is; `extensions`: identity to settings. Returns the file."""
    pipeline = {"receivers": ["spanring"], "exporters": list(exporters)}
    document = {"receivers": {"spanring": receiver}, "exporters": exporters,
                "service": {"pipelines": {"traces": pipeline}}}
    if batch:
        document["processors"] = {"batch": {"send_batch_size": batch, "timeout": "50ms"}}
        pipeline["processors"] = ["batch"]
    if extensions:
        document["extensions"] = extensions
        document["service"]["extensions"] = list(extensions)
    file = workspace.unique("agent.yaml")
    file.write_text(json.dumps(document, indent=4, default=str))
    return file
